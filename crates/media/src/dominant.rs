//! The colour a shop paints where the picture has not arrived yet.

use crate::pixels::{Layout, Pixels};

#[derive(Clone, Copy, Default)]
struct Bin {
    weight: u64,
    sums: [u64; 3],
}

/// The dominant colour as `#rrggbb`, or nothing where all is transparent. Meant for the smallest level.
///
/// The heaviest of 64 bins (2 bits a channel), by weighted mean. Saturated pixels weigh more than grey ones, because
/// product photos stand on white and the backdrop would win every time.
pub(crate) fn dominant_colour(pixels: &Pixels) -> Option<String> {
    let mut bins = [Bin::default(); 64];
    for pixel in pixels.data.chunks_exact(pixels.layout.channels()) {
        let (rgb, alpha) = match pixels.layout {
            Layout::Grey => ([pixel[0]; 3], 255),
            Layout::Rgb => ([pixel[0], pixel[1], pixel[2]], 255),
            Layout::Rgba => ([pixel[0], pixel[1], pixel[2]], pixel[3]),
        };
        let spread = rgb.iter().max()?.abs_diff(*rgb.iter().min()?);
        let weight = u64::from(alpha) * (8 + u64::from(spread));
        let bin = &mut bins[rgb.iter().fold(0, |index, sample| index << 2 | usize::from(sample >> 6))];
        bin.weight += weight;
        for (sum, sample) in bin.sums.iter_mut().zip(rgb) {
            *sum += weight * u64::from(sample);
        }
    }
    // `max_by_key` keeps the last of equals; reversed, the first wins, in every run.
    let bin = bins.iter().rev().max_by_key(|bin| bin.weight)?;
    if bin.weight == 0 {
        return None;
    }
    let [red, green, blue] = bin.sums.map(|sum| sum / bin.weight);
    Some(format!("#{red:02x}{green:02x}{blue:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_red_product_on_a_large_white_backdrop_is_red() {
        let data = (0..100).flat_map(|at| if at < 25 { [200, 10, 10] } else { [255, 255, 255] }).collect();
        let pixels = Pixels { width: 10, height: 10, layout: Layout::Rgb, data };
        assert_eq!(dominant_colour(&pixels).as_deref(), Some("#c80a0a"));
    }

    #[test]
    fn transparent_pixels_have_no_say() {
        let mut pixels =
            Pixels { width: 2, height: 1, layout: Layout::Rgba, data: vec![0, 0, 255, 0, 9, 9, 9, 255] };
        assert_eq!(dominant_colour(&pixels).as_deref(), Some("#090909"));
        pixels.data = vec![0; 8];
        assert_eq!(dominant_colour(&pixels), None);
    }
}
