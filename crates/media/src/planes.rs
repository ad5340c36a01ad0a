//! Luma and chroma apart, as JPEG and WebP keep them: what both codecs read and write without a detour over RGB.

use crate::pixels::{Layout, Pixels};

/// An image in JFIF YCbCr (BT.601, full range), or in luma alone. One buffer: luma, then Cb, then Cr, no padding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Planes {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Size of each chroma plane, and how many luma samples one of theirs covers; none in grey images.
    pub(crate) chroma: Option<Chroma>,
    /// At least [`Planes::length`] bytes; what follows is no part of the image.
    pub(crate) data: Vec<u8>,
}

/// Geometry of both chroma planes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chroma {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Luma samples across and down that one chroma sample covers: (1, 1), (2, 1), (2, 2), (4, 1)…
    pub(crate) covers: (u32, u32),
}

impl Chroma {
    /// For an image of this size.
    pub(crate) fn of(width: u32, height: u32, covers: (u32, u32)) -> Self {
        Self { width: width.div_ceil(covers.0), height: height.div_ceil(covers.1), covers }
    }

    fn length(self) -> usize {
        self.width as usize * self.height as usize
    }
}

/// One plane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plane<'a> {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) data: &'a [u8],
}

impl Planes {
    /// Bytes that an image of this geometry has.
    pub(crate) fn length(width: u32, height: u32, chroma: Option<Chroma>) -> usize {
        width as usize * height as usize + chroma.map_or(0, |chroma| 2 * chroma.length())
    }

    /// Luma, and the chroma planes where there are any.
    pub(crate) fn all(&self) -> (Plane<'_>, Option<[Plane<'_>; 2]>) {
        let (luma, rest) = self.data.split_at(self.width as usize * self.height as usize);
        let chroma = self.chroma.map(|chroma| {
            let (cb, cr) = rest.split_at(chroma.length());
            [cb, &cr[..chroma.length()]].map(|data| Plane {
                width: chroma.width,
                height: chroma.height,
                data,
            })
        });
        (Plane { width: self.width, height: self.height, data: luma }, chroma)
    }

    /// Whether chroma is what the encoders of this crate take: none, or half the luma in both directions.
    pub(crate) fn is_halved(&self) -> bool {
        self.chroma.is_none_or(|chroma| chroma.covers == (2, 2))
    }

    /// Grey or RGB. Chroma must be as large as luma.
    pub(crate) fn to_pixels(&self) -> Pixels {
        let (luma, chroma) = self.all();
        let (width, height) = (self.width, self.height);
        let Some([cb, cr]) = chroma else {
            return Pixels { width, height, layout: Layout::Grey, data: luma.data.to_vec() };
        };
        debug_assert_eq!((cb.width, cb.height), (width, height), "chroma is as large as luma");
        let mut data = vec![0; luma.data.len() * 3];
        for (((pixel, &y), &cb), &cr) in data.chunks_exact_mut(3).zip(luma.data).zip(cb.data).zip(cr.data) {
            let (y, cb, cr) = (i32::from(y) << 16 | 0x8000, i32::from(cb) - 128, i32::from(cr) - 128);
            let sample = |value: i32| (value >> 16).clamp(0, 255) as u8;
            pixel[0] = sample(y + 91_881 * cr);
            pixel[1] = sample(y - 22_554 * cb - 46_802 * cr);
            pixel[2] = sample(y + 116_130 * cb);
        }
        Pixels { width, height, layout: Layout::Rgb, data }
    }

    /// From grey or RGB, chroma halved in both directions; each chroma sample is the mean of what it covers.
    pub(crate) fn from_pixels(pixels: &Pixels) -> Self {
        let (width, height) = (pixels.width, pixels.height);
        if pixels.layout == Layout::Grey {
            return Self { width, height, chroma: None, data: pixels.data.clone() };
        }
        let channels = pixels.layout.channels();
        let chroma = Chroma::of(width, height, (2, 2));
        let mut data = vec![0; Self::length(width, height, Some(chroma))];
        let (luma, rest) = data.split_at_mut(width as usize * height as usize);
        for (y, pixel) in luma.iter_mut().zip(pixels.data.chunks_exact(channels)) {
            let [r, g, b] = [pixel[0], pixel[1], pixel[2]].map(i32::from);
            *y = ((19_595 * r + 38_470 * g + 7_471 * b + 0x8000) >> 16) as u8;
        }
        let (cb, cr) = rest.split_at_mut(chroma.length());
        let row_bytes = width as usize * channels;
        let rows: Vec<&[u8]> = pixels.data.chunks_exact(row_bytes).collect();
        let lines =
            cb.chunks_exact_mut(chroma.width as usize).zip(cr.chunks_exact_mut(chroma.width as usize));
        for (pair, (cb, cr)) in rows.chunks(2).zip(lines) {
            let (upper, lower) = (pair[0], pair[pair.len() - 1]);
            let blocks = upper.chunks(2 * channels).zip(lower.chunks(2 * channels));
            for ((upper, lower), (cb, cr)) in blocks.zip(cb.iter_mut().zip(cr)) {
                let last = upper.len() - channels;
                let sum = |at: usize| {
                    i32::from(upper[at])
                        + i32::from(upper[last + at])
                        + i32::from(lower[at])
                        + i32::from(lower[last + at])
                };
                let (r, g, b) = (sum(0), sum(1), sum(2));
                let sample = |value: i32| ((value + (128 << 18) + (1 << 17)) >> 18).clamp(0, 255) as u8;
                *cb = sample(-11_058 * r - 21_710 * g + 32_768 * b);
                *cr = sample(32_768 * r - 27_439 * g - 5_329 * b);
            }
        }
        Self { width, height, chroma: Some(chroma), data }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(colour: [u8; 3], width: u32, height: u32) -> Pixels {
        Pixels { width, height, layout: Layout::Rgb, data: colour.repeat((width * height) as usize) }
    }

    #[test]
    fn flat_colours_come_back_within_a_step() {
        for colour in
            [[255, 255, 255], [0, 0, 0], [200, 10, 10], [10, 200, 30], [20, 30, 220], [128, 128, 128]]
        {
            let planes = Planes::from_pixels(&flat(colour, 5, 3));
            let chroma = planes.chroma.unwrap();
            assert_eq!((chroma.width, chroma.height), (3, 2));
            let (luma, chroma) = planes.all();
            let [cb, cr] = chroma.unwrap();
            let one = Planes {
                width: 1,
                height: 1,
                chroma: Some(Chroma::of(1, 1, (1, 1))),
                data: vec![luma.data[0], cb.data[5], cr.data[5]],
            };
            let back = one.to_pixels().data;
            assert!(back.iter().zip(colour).all(|(&a, b)| a.abs_diff(b) <= 2), "{colour:?} became {back:?}");
        }
    }

    #[test]
    fn grey_has_no_chroma_either_way() {
        let grey = Pixels { width: 2, height: 1, layout: Layout::Grey, data: vec![7, 9] };
        let planes = Planes::from_pixels(&grey);
        assert_eq!(planes.chroma, None);
        assert!(planes.is_halved());
        assert_eq!(planes.to_pixels(), grey);
    }
}
