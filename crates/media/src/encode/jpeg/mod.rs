//! A JPEG encoder for planes: baseline, 4:2:0 or grey, Huffman tables made for the picture, one scan.
//!
//! The encoders in Rust that exist either take no planes, or write optimised tables only with a scan for each colour,
//! which some decoders read as garbage. This one writes what libjpeg writes with `optimize` on: the same tables of
//! Annex K, the same scaling by quality, the same order of blocks.

mod dct;
mod entropy;
mod huffman;
mod tables;

use crate::MediaError;
use crate::planes::{Plane, Planes};
use dct::Quantizer;
use entropy::{Bits, Block, Component, Statistics};
use huffman::Codes;
pub(crate) use tables::ZIGZAG;

/// # Errors
/// [`MediaError::EncodeFailed`] for a side above 65,535 pixels.
pub(super) fn encode(planes: &Planes, quality: u8) -> Result<Vec<u8>, MediaError> {
    debug_assert!(planes.is_halved(), "chroma is half of luma");
    let side = |length: u32| {
        let too_long = || MediaError::EncodeFailed { reason: format!("a side of {length} pixels") };
        u16::try_from(length).map_err(|_| too_long())
    };
    let dimensions = (side(planes.width)?, side(planes.height)?);
    let steps = [tables::LUMA, tables::CHROMA].map(|table| tables::scaled(&table, quality));
    let components = components(planes, &steps);
    let mut statistics = Statistics::default();
    entropy::each_symbol(&components, &mut statistics);
    let codes = statistics.codes();
    let mut file = headers(dimensions, &steps, components.len(), &codes);
    file.reserve(planes.data.len() / 8);
    let mut bits = Bits::new(file, &codes);
    entropy::each_symbol(&components, &mut bits);
    let mut file = bits.finish();
    file.extend_from_slice(&[0xFF, 0xD9]);
    Ok(file)
}

/// Quantized blocks of each component, in the order of the scan.
fn components(planes: &Planes, steps: &[[u8; 64]; 2]) -> Vec<Component> {
    let (luma, chroma) = planes.all();
    let Some(chroma) = chroma else {
        return vec![blocks(luma, (1, 1), steps, 0)];
    };
    let mut components = vec![blocks(luma, (2, 2), steps, 0)];
    components.extend(chroma.map(|plane| blocks(plane, (1, 1), steps, 1)));
    components
}

/// `together`: blocks across and down that one unit of the scan holds.
fn blocks(plane: Plane<'_>, together: (usize, usize), steps: &[[u8; 64]; 2], table: usize) -> Component {
    let quantizer = Quantizer::new(&steps[table]);
    let (across, down) = (plane.width.div_ceil(8) as usize, plane.height.div_ceil(8) as usize);
    let mut grid = vec![Block::default(); across * down];
    pulp::Arch::new().dispatch(Quantized { quantizer: &quantizer, plane, grid: &mut grid });
    let units = (across.div_ceil(together.0), down.div_ceil(together.1));
    let mut blocks = Vec::with_capacity(units.0 * units.1 * together.0 * together.1);
    for unit in 0..units.0 * units.1 {
        let (x, y) = (unit % units.0 * together.0, unit / units.0 * together.1);
        for at in 0..together.0 * together.1 {
            let (x, y) = (x + at % together.0, y + at / together.0);
            let last = blocks.last().map_or(0, |block: &Block| block.values[0]);
            // What lies outside the picture costs the fewest bits when it repeats the brightness before it.
            let outside = || Block {
                values: {
                    let mut flat = [0; 64];
                    flat[0] = last;
                    flat
                },
                used: 0,
            };
            blocks.push(if x < across && y < down { grid[y * across + x] } else { outside() });
        }
    }
    Component { blocks, in_unit: together.0 * together.1, table }
}

/// The blocks of a plane. A closure would do, were closures always inlined.
struct Quantized<'a> {
    quantizer: &'a Quantizer,
    plane: Plane<'a>,
    grid: &'a mut [Block],
}

impl pulp::NullaryFnOnce for Quantized<'_> {
    type Output = ();

    #[expect(
        clippy::inline_always,
        reason = "only what is inlined is compiled for the vector instructions found"
    )]
    #[inline(always)]
    fn call(self) {
        self.quantizer.plane(self.plane, self.grid);
    }
}

fn headers(
    (width, height): (u16, u16),
    steps: &[[u8; 64]; 2],
    components: usize,
    codes: &[Codes; 4],
) -> Vec<u8> {
    let mut file = vec![0xFF, 0xD8];
    // Version 1.1, no unit, 1×1, no thumbnail.
    segment(&mut file, 0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0");
    let tables = components.min(2);
    for (number, table) in steps.iter().enumerate().take(tables) {
        let zigzag = ZIGZAG.map(|at| table[usize::from(at)]);
        segment(&mut file, 0xDB, &[&[number as u8], zigzag.as_slice()].concat());
    }
    let [h1, h0] = height.to_be_bytes();
    let [w1, w0] = width.to_be_bytes();
    let mut frame = vec![8, h1, h0, w1, w0, components as u8];
    for number in 0..components as u8 {
        let factors = if components > 1 && number == 0 { 0x22 } else { 0x11 };
        frame.extend_from_slice(&[number + 1, factors, number.min(1)]);
    }
    segment(&mut file, 0xC0, &frame);
    for (number, codes) in codes.iter().enumerate().take(2 * tables) {
        // Direct current, then alternating current, of luma, then of chroma.
        let class = (number % 2 * 16 + number / 2) as u8;
        segment(&mut file, 0xC4, &[&[class], codes.lengths.as_slice(), &codes.symbols].concat());
    }
    let mut scan = vec![components as u8];
    for number in 0..components as u8 {
        scan.extend_from_slice(&[number + 1, number.min(1) * 0x11]);
    }
    scan.extend_from_slice(&[0, 63, 0]);
    segment(&mut file, 0xDA, &scan);
    file
}

fn segment(file: &mut Vec<u8>, marker: u8, content: &[u8]) {
    file.extend_from_slice(&[0xFF, marker]);
    file.extend_from_slice(&(content.len() as u16 + 2).to_be_bytes());
    file.extend_from_slice(content);
}

#[cfg(test)]
mod tests;
