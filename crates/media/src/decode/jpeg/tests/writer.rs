//! Writes coefficients as a JPEG in every way that the format knows: at once, in parts, in bands, bit by bit. Grey, one size
//! of code for all symbols. By ITU-T T.81, F.1.2 and G.1.2.

/// A block in the order of the file.
pub(super) type Block = [i16; 64];

/// First and last coefficient, the lowest bit that scans before brought (0 for none), and the lowest that this one brings.
pub(super) type Scan = (u8, u8, u8, u8);

/// Sequential.
pub(super) const WHOLE: &[Scan] = &[(0, 63, 0, 0)];

/// A picture of `across` × 8 by `down` × 8 samples.
pub(super) struct Picture<'a> {
    pub(super) across: u8,
    pub(super) down: u8,
    pub(super) blocks: &'a [Block],
    /// Blocks between restarts; 0 for none.
    pub(super) restart_interval: u8,
    /// Bits of every code: 9 to 16.
    pub(super) code_bits: u8,
}

impl Picture<'_> {
    pub(super) fn written(&self, scans: &[Scan]) -> Vec<u8> {
        let mut file = vec![0xFF, 0xD8];
        let progressive = scans != WHOLE;
        let steps: Vec<u8> = (0..64).map(|at| 2 + at / 8).collect();
        segment(&mut file, 0xDB, &[&[0], steps.as_slice()].concat());
        let frame = [8, 0, self.down * 8, 0, self.across * 8, 1, 1, 0x11, 0];
        segment(&mut file, if progressive { 0xC2 } else { 0xC0 }, &frame);
        let mut counts = [0; 16];
        counts[usize::from(self.code_bits) - 1] = 16;
        segment(&mut file, 0xC4, &[&[0], counts.as_slice(), &(0..16).collect::<Vec<u8>>()].concat());
        // 256 do not fit a byte; the last one means nothing.
        counts[usize::from(self.code_bits) - 1] = 255;
        segment(&mut file, 0xC4, &[&[0x10], counts.as_slice(), &(0..255).collect::<Vec<u8>>()].concat());
        segment(&mut file, 0xDD, &[0, self.restart_interval]);
        for &(first, last, high, low) in scans {
            segment(&mut file, 0xDA, &[1, 1, 0, first, last, high << 4 | low]);
            let mut data = Data { file: &mut file, waiting: 0, held: 0, code_bits: self.code_bits };
            let interval = if self.restart_interval == 0 { usize::MAX } else { self.restart_interval.into() };
            for (at, blocks) in self.blocks.chunks(interval).enumerate() {
                if at > 0 {
                    data.file.extend_from_slice(&[0xFF, 0xD0 + (at - 1) as u8 % 8]);
                }
                data.scan(blocks, (first, last, high, low), progressive);
                data.finish();
            }
        }
        file.extend_from_slice(&[0xFF, 0xD9]);
        file
    }
}

fn segment(file: &mut Vec<u8>, marker: u8, content: &[u8]) {
    file.extend_from_slice(&[0xFF, marker]);
    file.extend_from_slice(&(content.len() as u16 + 2).to_be_bytes());
    file.extend_from_slice(content);
}

struct Data<'a> {
    file: &'a mut Vec<u8>,
    waiting: u64,
    held: u32,
    code_bits: u8,
}

/// Blocks that end early, and the bits that belong to them.
#[derive(Default)]
struct Ended {
    blocks: u32,
    bits: Vec<bool>,
}

impl Data<'_> {
    fn bits(&mut self, value: u32, count: u32) {
        self.waiting = self.waiting << count | u64::from(value) & ((1 << count) - 1);
        self.held += count;
        while self.held >= 8 {
            self.held -= 8;
            let byte = (self.waiting >> self.held) as u8;
            self.file.push(byte);
            if byte == 0xFF {
                self.file.push(0);
            }
        }
    }

    fn finish(&mut self) {
        if self.held > 0 {
            self.bits(0x7F, 8 - self.held);
        }
    }

    fn symbol(&mut self, symbol: u8) {
        self.bits(symbol.into(), self.code_bits.into());
    }

    fn scan(&mut self, blocks: &[Block], (first, last, high, low): Scan, progressive: bool) {
        let (mut before, mut ended) = (0, Ended::default());
        for block in blocks {
            if first == 0 && high > 0 {
                self.bits((block[0] >> low & 1) as u32, 1);
            } else if first == 0 {
                let value = i32::from(block[0] >> low);
                let (size, bits) = magnitude(value - before);
                self.symbol(size);
                self.bits(bits, size.into());
                before = value;
            }
            let band = usize::from(first.max(1))..=usize::from(last);
            match (progressive, high) {
                (_, _) if last == 0 => {}
                (false, _) => {
                    self.first(block, band, 0, &mut ended);
                    self.end(&mut ended);
                }
                (true, 0) => self.first(block, band, low, &mut ended),
                (true, _) => self.refine(block, band, low, &mut ended),
            }
        }
        self.end(&mut ended);
    }

    fn first(&mut self, block: &Block, band: std::ops::RangeInclusive<usize>, low: u8, ended: &mut Ended) {
        let mut run = 0;
        for at in band {
            let value = i32::from(block[at].unsigned_abs() >> low) * i32::from(block[at].signum());
            if value == 0 {
                run += 1;
                continue;
            }
            self.end(ended);
            while run > 15 {
                self.symbol(0xF0);
                run -= 16;
            }
            let (size, bits) = magnitude(value);
            self.symbol(run << 4 | size);
            self.bits(bits, size.into());
            run = 0;
        }
        ended.blocks += u32::from(run > 0);
    }

    fn refine(&mut self, block: &Block, band: std::ops::RangeInclusive<usize>, low: u8, ended: &mut Ended) {
        let value = |at: usize| block[at].unsigned_abs() >> low;
        let last_new = band.clone().rev().find(|&at| value(at) == 1).unwrap_or(0);
        let (mut run, mut passed) = (0, Vec::new());
        for at in band {
            if value(at) == 0 {
                run += 1;
                continue;
            }
            while run > 15 && at <= last_new {
                self.end(ended);
                self.symbol(0xF0);
                self.flags(&mut passed);
                run -= 16;
            }
            if value(at) > 1 {
                passed.push(value(at) & 1 == 1);
                continue;
            }
            self.end(ended);
            self.symbol(run << 4 | 1);
            self.bits((block[at] > 0).into(), 1);
            self.flags(&mut passed);
            run = 0;
        }
        if run > 0 || !passed.is_empty() {
            ended.blocks += 1;
            ended.bits.append(&mut passed);
        }
    }

    fn flags(&mut self, flags: &mut Vec<bool>) {
        flags.drain(..).for_each(|flag| self.bits(flag.into(), 1));
    }

    /// Says how many blocks have ended.
    fn end(&mut self, ended: &mut Ended) {
        if ended.blocks > 0 {
            let more = ended.blocks.ilog2();
            self.symbol((more as u8) << 4);
            self.bits(ended.blocks - (1 << more), more);
            self.flags(&mut ended.bits);
            ended.blocks = 0;
        }
    }
}

fn magnitude(value: i32) -> (u8, u32) {
    let size = 32 - value.unsigned_abs().leading_zeros();
    (size as u8, if value < 0 { value.wrapping_sub(1) as u32 } else { value as u32 })
}
