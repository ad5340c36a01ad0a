//! From the source's colour space to sRGB, which browsers assume where a file names none.

use moxcms::{ColorProfile, DataColorSpace, Layout as IccLayout, TransformOptions};

use crate::pixels::{Layout, Pixels};

/// Difference of a sample that nobody sees: profiles that differ from sRGB by no more are taken for sRGB.
const INVISIBLE: u8 = 2;

/// Remembers what was found out about the last profile: a delivery's photos mostly carry the same one.
#[derive(Debug, Default)]
pub(crate) struct Profiles {
    last: Option<(blake3::Hash, bool)>,
}

impl Profiles {
    /// Whether a picture with this profile may look different from one in sRGB. Without a profile, or with one that
    /// cannot be applied (damaged, or of a space the decoder already left, such as CMYK), it does not: a slightly wrong
    /// colour beats no picture.
    pub(crate) fn differs_from_srgb(&mut self, icc: Option<&[u8]>) -> bool {
        let Some(icc) = icc else { return false };
        let hash = blake3::hash(icc);
        if let Some((known, differs)) = self.last
            && known == hash
        {
            return differs;
        }
        let differs = probe(icc);
        self.last = Some((hash, differs));
        differs
    }
}

/// Sends a lattice of colours, and all greys, through the profile.
fn probe(icc: &[u8]) -> bool {
    const STEPS: [u8; 6] = [0, 51, 102, 153, 204, 255];
    let data: Vec<u8> = STEPS
        .iter()
        .flat_map(|&r| STEPS.iter().flat_map(move |&g| STEPS.iter().flat_map(move |&b| [r, g, b])))
        .collect();
    let lattice = Pixels { width: 36, height: 6, layout: Layout::Rgb, data };
    let ramp = Pixels { width: 256, height: 1, layout: Layout::Grey, data: (0..=255).collect() };
    [lattice, ramp].into_iter().any(|sent| {
        let seen = to_srgb(sent.clone(), Some(icc));
        seen.data.iter().zip(&sent.data).any(|(a, b)| a.abs_diff(*b) > INVISIBLE)
    })
}

/// Pixels in sRGB; as they are where [`Profiles::differs_from_srgb`] explains why, and where the profile is of another
/// number of colours.
pub(crate) fn to_srgb(pixels: Pixels, icc: Option<&[u8]>) -> Pixels {
    let Some(profile) = icc.and_then(|icc| ColorProfile::new_from_slice(icc).ok()) else { return pixels };
    let srgb = ColorProfile::new_srgb();
    let (layout, target) = match (pixels.layout, profile.color_space) {
        (Layout::Rgb, DataColorSpace::Rgb) => (IccLayout::Rgb, srgb),
        (Layout::Rgba, DataColorSpace::Rgb) => (IccLayout::Rgba, srgb),
        (Layout::Grey, DataColorSpace::Gray) => {
            let mut grey = ColorProfile::new_gray_with_gamma(2.2);
            grey.gray_trc = srgb.red_trc;
            (IccLayout::Gray, grey)
        }
        _ => return pixels,
    };
    let Ok(transform) = profile.create_transform_8bit(layout, &target, layout, TransformOptions::default())
    else {
        return pixels;
    };
    let mut data = vec![0; pixels.data.len()];
    match transform.transform(&pixels.data, &mut data) {
        Ok(()) => Pixels { data, ..pixels },
        Err(_) => pixels,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn green() -> Pixels {
        Pixels { width: 1, height: 1, layout: Layout::Rgb, data: vec![60, 200, 60] }
    }

    #[test]
    fn a_wide_gamut_green_grows_more_saturated_in_srgb() {
        let icc = ColorProfile::new_display_p3().encode().unwrap();
        let seen = to_srgb(green(), Some(&icc)).data;
        assert!(seen[0] < 50 && seen[1] > 200, "{seen:?}");
    }

    #[test]
    fn srgb_itself_changes_nothing_visible() {
        let icc = ColorProfile::new_srgb().encode().unwrap();
        for (seen, was) in to_srgb(green(), Some(&icc)).data.iter().zip(green().data) {
            assert!(seen.abs_diff(was) <= 1);
        }
    }

    #[test]
    fn only_what_looks_different_is_worth_converting() {
        let mut profiles = Profiles::default();
        let (srgb, p3) =
            (ColorProfile::new_srgb().encode().unwrap(), ColorProfile::new_display_p3().encode().unwrap());
        for _ in 0..2 {
            assert!(!profiles.differs_from_srgb(Some(&srgb)));
            assert!(profiles.differs_from_srgb(Some(&p3)));
        }
        assert!(!profiles.differs_from_srgb(Some(b"no profile")));
        assert!(!profiles.differs_from_srgb(None));
    }

    #[test]
    fn greys_of_another_curve_are_brought_to_that_of_srgb() {
        let grey = |data: Vec<u8>| Pixels { width: data.len() as u32, height: 1, layout: Layout::Grey, data };
        let linear = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
        assert!(Profiles::default().differs_from_srgb(Some(&linear)));
        let seen = to_srgb(grey(vec![0, 55, 255]), Some(&linear)).data;
        // 55 of 255 parts of light are a middle grey.
        assert!(seen[0] == 0 && seen[1].abs_diff(128) <= 2 && seen[2] == 255, "{seen:?}");
        assert_eq!(
            to_srgb(green(), Some(&linear)),
            green(),
            "a profile of one colour for a picture of three"
        );
    }

    #[test]
    fn a_damaged_profile_leaves_the_pixels_alone() {
        assert_eq!(to_srgb(green(), Some(b"no profile")), green());
        assert_eq!(to_srgb(green(), None), green());
    }
}
