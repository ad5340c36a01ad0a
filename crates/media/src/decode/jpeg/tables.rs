//! The tables that a file brings along, as they are in force for the next scan.

use super::huffman::{Class, Huffman};
use super::{corrupt, standard};
use crate::MediaError;

/// Steps of quantization in the order of the file.
pub(super) type Steps = [u16; 64];

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Tables {
    steps: [Option<Steps>; 4],
    dc: [Option<Box<Huffman>>; 4],
    ac: [Option<Box<Huffman>>; 4],
    /// Units of a scan between two restarts; 0 for none.
    pub(super) restart_interval: usize,
}

impl Tables {
    /// A segment `DQT`.
    pub(super) fn read_steps(&mut self, mut content: &[u8]) -> Result<(), MediaError> {
        while let [kind, rest @ ..] = content {
            let wide = kind >> 4 != 0;
            let length = if wide { 128 } else { 64 };
            let (table, behind) =
                rest.split_at_checked(length).ok_or_else(|| corrupt("a quantization table cut short"))?;
            let place = self.steps.get_mut(usize::from(kind & 15));
            *place.ok_or_else(|| corrupt("a quantization table beyond the fourth"))? =
                Some(std::array::from_fn(|at| {
                    if wide {
                        u16::from_be_bytes([table[2 * at], table[2 * at + 1]])
                    } else {
                        table[at].into()
                    }
                }));
            content = behind;
        }
        Ok(())
    }

    /// A segment `DHT`.
    pub(super) fn read_codes(&mut self, mut content: &[u8]) -> Result<(), MediaError> {
        let cut = || corrupt("a Huffman table cut short");
        while let [kind, rest @ ..] = content {
            let (counts, rest) = rest.split_first_chunk::<16>().ok_or_else(cut)?;
            let codes = counts.iter().map(|&count| usize::from(count)).sum();
            let (symbols, behind) = rest.split_at_checked(codes).ok_or_else(cut)?;
            let (class, places) = match kind >> 4 {
                0 => (Class::Dc, &mut self.dc),
                1 => (Class::Ac, &mut self.ac),
                _ => return Err(corrupt("a Huffman table of no known class")),
            };
            let place = places.get_mut(usize::from(kind & 15));
            *place.ok_or_else(|| corrupt("a Huffman table beyond the fourth"))? =
                Some(Box::new(Huffman::new(counts, symbols, class).map_err(corrupt)?));
            content = behind;
        }
        Ok(())
    }

    /// A segment `DRI`.
    pub(super) fn read_restart_interval(&mut self, content: &[u8]) -> Result<(), MediaError> {
        let [high, low] = content else { return Err(corrupt("a restart interval that is no number")) };
        self.restart_interval = u16::from_be_bytes([*high, *low]).into();
        Ok(())
    }

    pub(super) fn steps(&self, number: u8) -> Result<&Steps, MediaError> {
        let steps = self.steps.get(usize::from(number)).and_then(Option::as_ref);
        steps.ok_or_else(|| corrupt("a quantization table is missing"))
    }

    pub(super) fn dc(&self, number: u8) -> Result<&Huffman, MediaError> {
        let table = self.dc.get(usize::from(number)).ok_or_else(|| corrupt("a Huffman table is missing"))?;
        Ok(table.as_deref().unwrap_or_else(|| standard::dc(number)))
    }

    pub(super) fn ac(&self, number: u8) -> Result<&Huffman, MediaError> {
        let table = self.ac.get(usize::from(number)).ok_or_else(|| corrupt("a Huffman table is missing"))?;
        Ok(table.as_deref().unwrap_or_else(|| standard::ac(number)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_that_are_cut_or_numbered_wrongly_are_corrupt() {
        let mut tables = Tables::default();
        let steps = [[0].as_slice(), &[1; 64]].concat();
        tables.read_steps(&steps).unwrap();
        assert_eq!(tables.steps(0).unwrap(), &[1; 64]);
        assert!(tables.steps(1).is_err());
        assert!(tables.read_steps(&steps[..64]).is_err());
        assert!(tables.read_steps(&[[4].as_slice(), &[1; 64]].concat()).is_err());
        let wide = [[0x12].as_slice(), &[1, 2].repeat(64)].concat();
        tables.read_steps(&wide).unwrap();
        assert_eq!(tables.steps(2).unwrap(), &[258; 64]);

        let mut codes = [[0x10, 1].as_slice(), &[0; 15], &[7]].concat();
        tables.read_codes(&codes).unwrap();
        assert!(tables.read_codes(&codes[..17]).is_err());
        codes[0] = 0x25;
        assert!(tables.read_codes(&codes).is_err());
        assert!(tables.read_restart_interval(&[1]).is_err());
    }

    #[test]
    fn without_tables_of_its_own_a_picture_has_those_of_the_standard() {
        let tables = Tables::default();
        assert!(tables.dc(0).is_ok() && tables.ac(3).is_ok());
        assert!(tables.dc(4).is_err() && tables.ac(15).is_err());
    }
}
