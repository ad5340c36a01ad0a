//! Alpha: dropped where nothing is transparent, flattened where the output cannot carry it.

use crate::pixels::{Layout, Pixels};

/// RGBA whose every pixel is opaque becomes RGB: three channels are cheaper in every later step.
pub(crate) fn drop_if_opaque(pixels: Pixels) -> Pixels {
    if pixels.layout != Layout::Rgba || pixels.data.iter().skip(3).step_by(4).any(|&alpha| alpha != 255) {
        return pixels;
    }
    let data = pixels.data.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
    Pixels { layout: Layout::Rgb, data, ..pixels }
}

/// The pixels laid on white, without alpha.
pub(crate) fn flatten_on_white(pixels: &Pixels) -> Pixels {
    if pixels.layout != Layout::Rgba {
        return pixels.clone();
    }
    let over_white = |sample: u8, alpha: u8| {
        let (sample, alpha) = (u32::from(sample), u32::from(alpha));
        ((sample * alpha + 255 * (255 - alpha) + 127) / 255) as u8
    };
    let data = pixels
        .data
        .chunks_exact(4)
        .flat_map(|pixel| [pixel[0], pixel[1], pixel[2]].map(|sample| over_white(sample, pixel[3])))
        .collect();
    Pixels { width: pixels.width, height: pixels.height, layout: Layout::Rgb, data }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rgba(data: &[u8]) -> Pixels {
        Pixels { width: data.len() as u32 / 4, height: 1, layout: Layout::Rgba, data: data.to_vec() }
    }

    #[test]
    fn only_an_opaque_alpha_is_dropped() {
        assert_eq!(drop_if_opaque(rgba(&[1, 2, 3, 255, 4, 5, 6, 255])).data, [1, 2, 3, 4, 5, 6]);
        assert_eq!(drop_if_opaque(rgba(&[1, 2, 3, 255, 4, 5, 6, 254])).layout, Layout::Rgba);
    }

    #[test]
    fn transparent_becomes_white_half_becomes_a_mix_and_opaque_stays() {
        let flat = flatten_on_white(&rgba(&[9, 9, 9, 0, 0, 0, 0, 128, 10, 20, 30, 255]));
        assert_eq!(flat.data, [255, 255, 255, 127, 127, 127, 10, 20, 30]);
    }
}
