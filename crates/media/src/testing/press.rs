//! A colour profile for inks, made in code; for the tests, and for the seeds of the fuzzer.

use moxcms::{
    ColorProfile, DataColorSpace, LutDataType, LutStore, LutType, LutWarehouse, Matrix3d, ProfileClass,
};

/// The profile of a press on which no ink at all is white, and every full ink or mixture of them one grey.
pub(crate) fn cmyk_profile(lightness: f64) -> Vec<u8> {
    let ramp: Vec<u8> = (0..=255).collect();
    let grey = [(lightness * 2.55).round() as u8, 128, 128];
    let corners = [[255, 128, 128]].into_iter().chain([grey; 15]);
    let lut = LutDataType {
        num_input_channels: 4,
        num_output_channels: 3,
        num_clut_grid_points: 2,
        matrix: Matrix3d::IDENTITY,
        num_input_table_entries: 256,
        num_output_table_entries: 256,
        input_table: LutStore::Store8(ramp.repeat(4)),
        clut_table: LutStore::Store8(corners.flatten().collect()),
        output_table: LutStore::Store8(ramp.repeat(3)),
        lut_type: LutType::Lut8,
    };
    let mut profile = ColorProfile::new_srgb();
    profile.profile_class = ProfileClass::OutputDevice;
    (profile.color_space, profile.pcs) = (DataColorSpace::Cmyk, DataColorSpace::Lab);
    (profile.red_trc, profile.green_trc, profile.blue_trc, profile.cicp) = (None, None, None, None);
    profile.lut_a_to_b_perceptual = Some(LutWarehouse::Lut(lut));
    profile.encode().expect("a profile of this form can be written")
}
