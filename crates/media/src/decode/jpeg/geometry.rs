//! How the samples of a picture are cut into blocks and units, by the frame header.

use super::corrupt;
use crate::MediaError;

/// One colour.
#[derive(Clone, Debug)]
pub(super) struct Component {
    id: u8,
    /// Blocks across and down in a unit of a scan with several components.
    pub(super) factors: (usize, usize),
    /// Number of its quantization table.
    pub(super) steps: u8,
    /// Blocks across and down that hold samples of the picture.
    pub(super) blocks: (usize, usize),
    /// The same, in whole units.
    pub(super) padded: (usize, usize),
}

/// The frame.
#[derive(Clone, Debug)]
pub(super) struct Geometry {
    pub(super) components: Vec<Component>,
    /// Units across and down of a scan with several components.
    pub(super) units: (usize, usize),
}

impl Geometry {
    /// From a segment `SOF`.
    pub(super) fn read(content: &[u8]) -> Result<Self, MediaError> {
        let [_precision, h1, h0, w1, w0, count, rest @ ..] = content else {
            return Err(corrupt("a frame header that is too short"));
        };
        let (width, height) = (u16::from_be_bytes([*w1, *w0]), u16::from_be_bytes([*h1, *h0]));
        let (width, height) = (usize::from(width), usize::from(height));
        let listed = rest.as_chunks::<3>().0;
        let listed = listed.get(..usize::from(*count)).filter(|listed| !listed.is_empty());
        let listed = listed.ok_or_else(|| corrupt("a frame header that is too short"))?;
        let alone = listed.len() == 1;
        // One component has a block a unit, whatever its header says.
        let factors =
            |both: u8| if alone { (1, 1) } else { (usize::from(both >> 4), usize::from(both & 15)) };
        if listed.iter().any(|&[_, both, _]| !legal(factors(both))) {
            return Err(corrupt("a sampling factor that is not 1 to 4"));
        }
        let most = listed
            .iter()
            .map(|&[_, both, _]| factors(both))
            .fold((1, 1), |most, (across, down)| (most.0.max(across), most.1.max(down)));
        let units = (width.div_ceil(8 * most.0), height.div_ceil(8 * most.1));
        let component = |&[id, both, steps]: &[u8; 3]| {
            let factors = factors(both);
            let samples = ((width * factors.0).div_ceil(most.0), (height * factors.1).div_ceil(most.1));
            let blocks = (samples.0.div_ceil(8), samples.1.div_ceil(8));
            Component { id, factors, steps, blocks, padded: (units.0 * factors.0, units.1 * factors.1) }
        };
        Ok(Self { components: listed.iter().map(component).collect(), units })
    }
}

fn legal((across, down): (usize, usize)) -> bool {
    (1..=4).contains(&across) && (1..=4).contains(&down)
}

/// What a scan brings.
#[derive(Clone, Debug)]
pub(super) struct ScanHeader {
    pub(super) parts: Vec<ScanPart>,
    /// The first and the last coefficient, in the order of the file.
    pub(super) band: (u8, u8),
    /// The bits of a coefficient that scans before brought end at `.0`, and those that this one brings at `.1`.
    pub(super) approximation: (u8, u8),
}

/// One component of a scan.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScanPart {
    /// Its place in the frame.
    pub(super) component: usize,
    /// Numbers of its Huffman tables.
    pub(super) dc: u8,
    pub(super) ac: u8,
}

impl ScanHeader {
    /// From a segment `SOS`.
    pub(super) fn read(content: &[u8], geometry: &Geometry) -> Result<Self, MediaError> {
        let too_short = || corrupt("a scan header that is too short");
        let (&count, rest) = content.split_first().ok_or_else(too_short)?;
        let (listed, rest) = rest.split_at_checked(usize::from(count) * 2).ok_or_else(too_short)?;
        let [first, last, approximation, ..] = rest else { return Err(too_short()) };
        let mut parts: Vec<ScanPart> = Vec::with_capacity(listed.len() / 2);
        for &[id, tables] in listed.as_chunks::<2>().0 {
            let is_new = |at: usize| parts.iter().all(|part| part.component != at);
            let mut found = geometry.components.iter().enumerate();
            let component = found
                .find(|&(at, component)| component.id == id && is_new(at))
                .ok_or_else(|| corrupt("a scan of a component that the frame does not have"))?
                .0;
            parts.push(ScanPart { component, dc: tables >> 4, ac: tables & 15 });
        }
        if parts.is_empty() {
            return Err(corrupt("a scan without components"));
        }
        let approximation = (approximation >> 4, approximation & 15);
        Ok(Self { parts, band: (*first, *last), approximation })
    }

    /// Units across and down, and whether they have several components.
    pub(super) fn units(&self, geometry: &Geometry) -> (usize, usize) {
        match self.parts.as_slice() {
            [alone] => geometry.components[alone.component].blocks,
            _ => geometry.units,
        }
    }

    /// Blocks of this component across and down in a unit.
    pub(super) fn factors(&self, component: &Component) -> (usize, usize) {
        if self.parts.len() == 1 { (1, 1) } else { component.factors }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn halved(width: u8, height: u8) -> Geometry {
        Geometry::read(&[8, 0, height, 0, width, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1]).unwrap()
    }

    #[test]
    fn blocks_and_units_cover_the_picture() {
        let geometry = halved(33, 16);
        assert_eq!(geometry.units, (3, 1));
        let [luma, chroma, _] = geometry.components.as_slice() else { panic!("three") };
        assert_eq!((luma.blocks, luma.padded), ((5, 2), (6, 2)));
        assert_eq!((chroma.blocks, chroma.padded), ((3, 1), (3, 1)));
        let grey = Geometry::read(&[8, 0, 9, 0, 9, 1, 1, 0x22, 0]).unwrap();
        assert_eq!((grey.units, grey.components[0].padded), ((2, 2), (2, 2)));
    }

    #[test]
    fn a_scan_names_components_of_the_frame_each_once() {
        let geometry = halved(33, 16);
        let both = ScanHeader::read(&[2, 1, 0x00, 3, 0x11, 0, 63, 0], &geometry).unwrap();
        assert_eq!(both.units(&geometry), (3, 1));
        assert_eq!((both.parts[1].component, both.parts[1].dc, both.parts[1].ac), (2, 1, 1));
        let alone = ScanHeader::read(&[1, 1, 0, 1, 5, 0x21], &geometry).unwrap();
        assert_eq!((alone.units(&geometry), alone.band, alone.approximation), ((5, 2), (1, 5), (2, 1)));
        for wrong in [
            [2, 1, 0, 1, 0, 0, 63, 0].as_slice(),
            &[1, 4, 0, 0, 63, 0],
            &[0, 0, 63, 0],
            &[3, 1, 0, 0, 63, 0],
            &[1, 1, 0, 0, 63],
            &[],
        ] {
            assert!(ScanHeader::read(wrong, &geometry).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn frames_of_impossible_shape_are_refused() {
        for wrong in [[8, 0, 9, 0, 9, 0, 0, 0, 0].as_slice(), &[8, 0, 9, 0, 9, 2, 1, 0x11, 0], &[8, 0]] {
            assert!(Geometry::read(wrong).is_err(), "{wrong:?}");
        }
        assert!(Geometry::read(&[8, 0, 9, 0, 9, 2, 1, 0x50, 0, 2, 0x11, 0]).is_err());
    }
}
