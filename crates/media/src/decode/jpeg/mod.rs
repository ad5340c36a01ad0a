//! A JPEG decoder for planes: luma and chroma as stored, at full size, a half, a quarter or an eighth.
//!
//! It reads what cameras, editors and shops write: 8 bits, Huffman-coded, sequential or progressive, one component or three,
//! in one scan or several. Sequential scans are drawn block by block as they are read; of progressive pictures only those
//! coefficients are kept that the reduced size can show. Nothing is guessed: data that ends early or makes no sense is an
//! error, not a grey area.

mod bits;
mod coefficients;
mod geometry;
mod huffman;
mod inverse;
mod progressive;
mod refinement;
mod scan;
mod sequential;
mod standard;
mod tables;
mod target;

use super::Header;
use super::jpeg_structure::{
    END_OF_IMAGE, START_OF_SCAN, TRUNCATED, corrupt, is_standalone, next_marker, segment,
};
use crate::MediaError;
use crate::deadline::Deadline;
use crate::frame::Frame;
use crate::planes::{Chroma, Planes};
use crate::scratch::Scratch;
use coefficients::Coefficients;
use geometry::{Geometry, ScanHeader};
use inverse::Inverse;
use progressive::{Ac, AcFirst, Dc, DcPart};
use refinement::AcRefinement;
use sequential::{Part, Sequential};
use tables::Tables;
use target::Target;

/// What is wrong with entropy-coded data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Damage {
    NoSuchCode,
    BeyondBlock,
    WideRefinement,
}

impl Damage {
    fn reason(self) -> &'static str {
        match self {
            Self::NoSuchCode => "bits that are no Huffman code",
            Self::BeyondBlock => "a coefficient beyond the end of its block",
            Self::WideRefinement => "a refinement by more than a bit",
        }
    }
}

/// Decodes at 1 / `denominator`, one of 1, 2, 4 and 8, a picture whose header says that this decoder reads it.
///
/// # Errors
/// [`MediaError::Truncated`] where data is missing, [`MediaError::Corrupt`] where it is damaged,
/// [`MediaError::TookTooLong`].
pub(super) fn decode(
    bytes: &[u8],
    header: &Header,
    denominator: u32,
    deadline: Deadline,
    scratch: &mut Scratch,
) -> Result<Frame, MediaError> {
    let (width, height) = (header.width.div_ceil(denominator), header.height.div_ceil(denominator));
    let jpeg = header.jpeg.as_ref().ok_or_else(|| corrupt("no JPEG"))?;
    let covers = jpeg.covers.ok_or_else(|| corrupt("sampling that is not supported"))?;
    let chroma = (jpeg.components == 3).then(|| Chroma::of(width, height, covers));
    let data = scratch.buffers.take(Planes::length(width, height, chroma));
    let planes = Planes { width, height, chroma, data };
    let progressive = jpeg.progressive;
    let planes = match denominator {
        1 => Decoder::<8>::new(planes, progressive, deadline).decode(bytes),
        2 => Decoder::<4>::new(planes, progressive, deadline).decode(bytes),
        4 => Decoder::<2>::new(planes, progressive, deadline).decode(bytes),
        _ => Decoder::<1>::new(planes, progressive, deadline).decode(bytes),
    };
    planes.map(Frame::Planes)
}

/// Most memory that coefficients take between scans, in bytes.
pub(super) fn coefficient_bytes(samples: u64, denominator: u32) -> u64 {
    let side = u64::from(8 / denominator.clamp(1, 8));
    samples.div_ceil(64) * (side * side * 2 + 8)
}

struct Decoder<const N: usize> {
    planes: Planes,
    progressive: bool,
    deadline: Deadline,
    tables: Tables,
    geometry: Option<Geometry>,
    /// By component, from its first scan on.
    inverses: Vec<Option<Inverse<N>>>,
    /// By component, in progressive pictures.
    coefficients: Vec<Coefficients>,
    /// By component, whether its brightness is there.
    seen: Vec<bool>,
}

impl<const N: usize> Decoder<N> {
    fn new(planes: Planes, progressive: bool, deadline: Deadline) -> Self {
        Self {
            planes,
            progressive,
            deadline,
            tables: Tables::default(),
            geometry: None,
            inverses: Vec::new(),
            coefficients: Vec::new(),
            seen: Vec::new(),
        }
    }

    fn decode(mut self, bytes: &[u8]) -> Result<Planes, MediaError> {
        let mut rest = bytes.get(2..).ok_or(TRUNCATED)?;
        loop {
            let (marker, after) = next_marker(rest)?;
            if marker == END_OF_IMAGE {
                return self.finish();
            }
            if is_standalone(marker) {
                rest = after;
                continue;
            }
            let (content, behind) = segment(after)?;
            rest = behind;
            match marker {
                0xC0..=0xC2 => self.frame(content)?,
                0xC4 => self.tables.read_codes(content)?,
                0xDB => self.tables.read_steps(content)?,
                0xDD => self.tables.read_restart_interval(content)?,
                START_OF_SCAN => rest = self.scan(content, behind)?,
                _ => {}
            }
        }
    }

    fn frame(&mut self, content: &[u8]) -> Result<(), MediaError> {
        let geometry = Geometry::read(content)?;
        let count = geometry.components.len();
        self.inverses = geometry.components.iter().map(|_| None).collect();
        self.seen = vec![false; count];
        if self.progressive {
            self.coefficients = geometry.components.iter().map(Coefficients::new::<N>).collect();
        }
        self.geometry = Some(geometry);
        Ok(())
    }

    /// Reads a scan; what follows its data.
    fn scan<'a>(&mut self, content: &[u8], data: &'a [u8]) -> Result<&'a [u8], MediaError> {
        let geometry = self.geometry.as_ref().ok_or_else(|| corrupt("a scan in front of the frame"))?;
        let scan = ScanHeader::read(content, geometry)?;
        for part in &scan.parts {
            let place = &mut self.inverses[part.component];
            if place.is_none() {
                // Tables may change later; the ones in force at its first scan are the component's.
                *place = Some(Inverse::new(self.tables.steps(geometry.components[part.component].steps)?));
            }
            self.seen[part.component] |= scan.band.0 == 0;
        }
        match (self.progressive, scan.band.0) {
            (false, _) => self.sequential(&scan, data),
            (true, 0) => self.dc(&scan, data),
            (true, _) => self.ac(&scan, data),
        }
    }

    fn sequential<'a>(&mut self, scan: &ScanHeader, data: &'a [u8]) -> Result<&'a [u8], MediaError> {
        let geometry = self.geometry.as_ref().ok_or(TRUNCATED)?;
        if (scan.band, scan.approximation) != ((0, 63), (0, 0)) {
            return Err(corrupt("a sequential scan of a part of the coefficients"));
        }
        let mut targets: Vec<_> = Target::all(&mut self.planes).into_iter().map(Some).collect();
        let mut parts = Vec::with_capacity(scan.parts.len());
        for part in &scan.parts {
            let place = targets.get_mut(part.component).and_then(Option::take);
            let (Some(target), Some(inverse)) = (place, &self.inverses[part.component]) else {
                return Err(corrupt("a component without a plane"));
            };
            parts.push(Part {
                dc: self.tables.dc(part.dc)?,
                ac: self.tables.ac(part.ac)?,
                inverse,
                target,
                factors: scan.factors(&geometry.components[part.component]),
                last: 0,
            });
        }
        let units = scan.units(geometry);
        scan::run(&mut Sequential { parts }, data, units, self.tables.restart_interval, self.deadline)
    }

    fn dc<'a>(&mut self, scan: &ScanHeader, data: &'a [u8]) -> Result<&'a [u8], MediaError> {
        let geometry = self.geometry.as_ref().ok_or(TRUNCATED)?;
        let low = checked_approximation(scan)?;
        if scan.band != (0, 0) {
            return Err(corrupt("a progressive scan of first and other coefficients"));
        }
        let mut places: Vec<_> = self.coefficients.iter_mut().map(Some).collect();
        let mut parts = Vec::with_capacity(scan.parts.len());
        for part in &scan.parts {
            let place = places[part.component].take();
            parts.push(DcPart {
                table: if scan.approximation.0 == 0 { Some(self.tables.dc(part.dc)?) } else { None },
                coefficients: place.ok_or_else(|| corrupt("a component twice in a scan"))?,
                factors: scan.factors(&geometry.components[part.component]),
                last: 0,
            });
        }
        let units = scan.units(geometry);
        scan::run(&mut Dc { parts, low }, data, units, self.tables.restart_interval, self.deadline)
    }

    fn ac<'a>(&mut self, scan: &ScanHeader, data: &'a [u8]) -> Result<&'a [u8], MediaError> {
        let geometry = self.geometry.as_ref().ok_or(TRUNCATED)?;
        let low = checked_approximation(scan)?;
        let ([part], (first, last)) = (scan.parts.as_slice(), scan.band) else {
            return Err(corrupt("a progressive scan of several components"));
        };
        if first > last || last > 63 {
            return Err(corrupt("a band of coefficients that is none"));
        }
        let pass = Ac {
            table: self.tables.ac(part.ac)?,
            coefficients: &mut self.coefficients[part.component],
            band: (first.into(), last.into()),
            low,
            empty: 0,
        };
        let (units, interval) = (scan.units(geometry), self.tables.restart_interval);
        if scan.approximation.0 == 0 {
            scan::run(&mut AcFirst(pass), data, units, interval, self.deadline)
        } else {
            scan::run(&mut AcRefinement(pass), data, units, interval, self.deadline)
        }
    }

    fn finish(mut self) -> Result<Planes, MediaError> {
        if !self.seen.iter().all(|&seen| seen) {
            return Err(TRUNCATED);
        }
        let components = self.geometry.as_ref().map_or(&[][..], |geometry| &geometry.components);
        let coefficients = std::mem::take(&mut self.coefficients);
        let targets = Target::all(&mut self.planes);
        let each = coefficients.into_iter().zip(components).zip(&self.inverses).zip(targets);
        for (((coefficients, component), inverse), mut target) in each {
            let inverse = inverse.as_ref().ok_or(TRUNCATED)?;
            coefficients.draw(component, inverse, &mut target, self.deadline)?;
        }
        Ok(self.planes)
    }
}

/// The lowest bit that a progressive scan brings.
fn checked_approximation(scan: &ScanHeader) -> Result<u32, MediaError> {
    match scan.approximation {
        (high, low) if low <= 13 && (high == 0 || high == low + 1) => Ok(low.into()),
        _ => Err(corrupt("a progressive scan that does not go on where one before ended")),
    }
}

#[cfg(test)]
mod tests;
