//! From the source's colour space to sRGB, which browsers assume where a file names none.

use moxcms::{ColorProfile, DataColorSpace, Layout as IccLayout, TransformOptions};

use crate::pixels::{Layout, Pixels};

/// Pixels in sRGB. Without a profile, or with one that cannot be applied (damaged, or of a space the decoder already
/// left, such as CMYK), the pixels are returned as they are: a slightly wrong colour beats no picture.
pub(crate) fn to_srgb(pixels: Pixels, icc: Option<&[u8]>) -> Pixels {
    let layout = match pixels.layout {
        Layout::Rgb => IccLayout::Rgb,
        Layout::Rgba => IccLayout::Rgba,
        Layout::Grey => return pixels,
    };
    let Some(profile) = icc.and_then(|icc| ColorProfile::new_from_slice(icc).ok()) else { return pixels };
    let srgb = ColorProfile::new_srgb();
    if profile.color_space != DataColorSpace::Rgb {
        return pixels;
    }
    let Ok(transform) = profile.create_transform_8bit(layout, &srgb, layout, TransformOptions::default())
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
    fn a_damaged_profile_leaves_the_pixels_alone() {
        assert_eq!(to_srgb(green(), Some(b"no profile")), green());
        assert_eq!(to_srgb(green(), None), green());
    }
}
