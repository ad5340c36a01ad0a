mod writer;

use image::{Rgb, RgbImage};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use proptest::prelude::*;
use writer::{Block, Picture, Scan, WHOLE};
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::super::JpegStructure;
use super::*;
use crate::planes::Plane;
use crate::{Format, Limits, testing};

fn decoded(bytes: &[u8], denominator: u32) -> Result<Planes, MediaError> {
    let header = super::super::header(bytes, Format::Jpeg, &Limits::default())?;
    assert!(header.jpeg.as_ref().is_some_and(JpegStructure::is_read_as_planes));
    match decode(bytes, &header, denominator, Deadline::NEVER, &mut Scratch::new())? {
        Frame::Planes(planes) => Ok(planes),
        Frame::Pixels(_) => panic!("planes"),
    }
}

fn code(bytes: &[u8]) -> &'static str {
    decoded(bytes, 1).unwrap_err().code()
}

/// Smooth with texture, and away from black and white, so that nothing is clipped.
fn picture(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let texture = (((x * 7) ^ (y * 13)) % 64) as u8;
        Rgb([70 + texture, 60 + (x * 100 / width) as u8, 60 + (y * 90 / height) as u8 + texture / 4])
    })
}

type Setting = (&'static str, fn(&mut Encoder<&mut Vec<u8>>));

const SETTINGS: &[Setting] = &[
    ("4:4:4", |encoder| encoder.set_sampling_factor(SamplingFactor::R_4_4_4)),
    ("4:2:2", |encoder| encoder.set_sampling_factor(SamplingFactor::R_4_2_2)),
    ("4:2:0", |encoder| encoder.set_sampling_factor(SamplingFactor::R_4_2_0)),
    ("4:4:0", |encoder| encoder.set_sampling_factor(SamplingFactor::R_4_4_0)),
    ("4:1:1", |encoder| encoder.set_sampling_factor(SamplingFactor::R_4_1_1)),
    ("4:1:0", |encoder| encoder.set_sampling_factor(SamplingFactor::R_4_1_0)),
    ("restarts", |encoder| encoder.set_restart_interval(3)),
    ("a scan for each colour", |encoder| encoder.set_optimized_huffman_tables(true)),
    ("a scan for each colour, 4:2:0", |encoder| {
        encoder.set_optimized_huffman_tables(true);
        encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
    }),
    ("progressive", |encoder| encoder.set_progressive(true)),
    ("progressive, 4:2:0", |encoder| {
        encoder.set_progressive_scans(8);
        encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
    }),
];

fn encoded(image: &RgbImage, set: fn(&mut Encoder<&mut Vec<u8>>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 88);
    set(&mut encoder);
    let (width, height) = (image.width() as u16, image.height() as u16);
    encoder.encode(image.as_raw(), width, height, ColorType::Rgb).unwrap();
    bytes
}

/// Every setting in every odd size.
fn each_kind(mut look: impl FnMut(&str, &[u8])) {
    for (width, height) in [(1, 1), (8, 8), (17, 1), (1, 33), (16, 16), (67, 45), (129, 50)] {
        for &(name, set) in SETTINGS {
            look(&format!("{name} {width}×{height}"), &encoded(&picture(width, height), set));
        }
    }
}

fn size_of(bytes: &[u8]) -> (u32, u32) {
    let header = super::super::header(bytes, Format::Jpeg, &Limits::default()).unwrap();
    (header.width, header.height)
}

fn most_apart(one: &[u8], other: &[u8]) -> u8 {
    assert_eq!(one.len(), other.len());
    one.iter().zip(other).map(|(one, other)| one.abs_diff(*other)).max().unwrap_or(0)
}

#[test]
fn luma_is_that_of_another_decoder() {
    each_kind(|name, bytes| {
        // It reads these as garbage: scans apart, four times the luma across, pictures narrower than a unit.
        if name.starts_with("a scan for each") || name.starts_with("4:1") || size_of(bytes).0 < 32 {
            return;
        }
        let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::YCbCr);
        let mut other = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(bytes), options);
        let interleaved = other.decode().unwrap();
        let planes = decoded(bytes, 1).unwrap();
        let (luma, chroma) = planes.all();
        let of = |at: usize| interleaved.iter().skip(at).step_by(3).copied().collect::<Vec<u8>>();
        assert!(most_apart(luma.data, &of(0)) <= 2, "{name}: {}", most_apart(luma.data, &of(0)));
        if let Some([cb, cr]) = chroma.filter(|_| name.starts_with("4:4:4")) {
            assert!(most_apart(cb.data, &of(1)).max(most_apart(cr.data, &of(2))) <= 2, "{name}");
        }
    });
}

#[test]
fn luma_is_what_was_encoded() {
    each_kind(|name, bytes| {
        let planes = decoded(bytes, 1).unwrap();
        let source = picture(planes.width, planes.height);
        let exact = source
            .pixels()
            .map(|Rgb([r, g, b])| 0.299 * f64::from(*r) + 0.587 * f64::from(*g) + 0.114 * f64::from(*b));
        let off: f64 =
            planes.data.iter().zip(exact).map(|(&luma, exact)| (f64::from(luma) - exact).abs()).sum();
        let mean = off / f64::from(planes.width * planes.height);
        assert!(mean < 4.0, "{name}: {mean}");
    });
}

#[test]
fn a_scan_for_each_colour_gives_what_one_scan_gives() {
    let image = picture(67, 45);
    let together = decoded(&encoded(&image, |_| {}), 1).unwrap();
    let apart = decoded(&encoded(&image, |encoder| encoder.set_optimized_huffman_tables(true)), 1).unwrap();
    assert_eq!(together, apart);
}

#[test]
fn grey_has_no_chroma() {
    let planes = decoded(&testing::grey_jpeg(33, 21, 180), 2).unwrap();
    assert_eq!((planes.width, planes.height, planes.chroma, planes.data.len()), (17, 11, None, 17 * 11));
    assert!(planes.data.iter().all(|sample| sample.abs_diff(180) <= 1));
}

/// Half the samples in both directions, by the definition: the lowest quarter of the coefficients of each whole block.
fn reduced(plane: Plane<'_>, side: usize, column: usize, row: usize) -> Vec<f64> {
    let norm = |k: usize| if k == 0 { std::f64::consts::FRAC_1_SQRT_2 } else { 1.0 };
    let cosine = |at: usize, k: usize, length: usize| {
        ((2 * at + 1) as f64 * k as f64 * std::f64::consts::PI / (2 * length) as f64).cos()
    };
    let places = |length: usize| (0..length * length).map(move |at| (at % length, at / length));
    let from = row * 8 * plane.width as usize + column * 8;
    let coefficients: Vec<f64> = places(side)
        .map(|(u, v)| {
            let sample = |x: usize, y: usize| f64::from(plane.data[from + y * plane.width as usize + x]);
            let sum: f64 = places(8).map(|(x, y)| sample(x, y) * cosine(x, u, 8) * cosine(y, v, 8)).sum();
            sum * norm(u) * norm(v) / 4.0
        })
        .collect();
    let wave = |x, y, u, v| norm(u) * norm(v) * cosine(x, u, side) * cosine(y, v, side);
    places(side)
        .map(|(x, y)| {
            places(side).map(|(u, v)| coefficients[v * side + u] * wave(x, y, u, v)).sum::<f64>() / 4.0
        })
        .collect()
}

#[test]
fn a_reduced_picture_is_the_large_one_without_its_finest_detail() {
    for &(name, set) in SETTINGS {
        let bytes = encoded(&picture(67, 45), set);
        let full = decoded(&bytes, 1).unwrap();
        let (large, colours) = full.all();
        for denominator in [2, 4, 8] {
            let small = decoded(&bytes, denominator).unwrap();
            assert_eq!(
                (small.width, small.height),
                (67_u32.div_ceil(denominator), 45_u32.div_ceil(denominator))
            );
            let (luma, chroma) = small.all();
            let side = 8 / denominator as usize;
            let pairs = [(large, luma)].into_iter().chain(
                colours.into_iter().zip(chroma).flat_map(|(large, small)| large.into_iter().zip(small)),
            );
            for (large, small) in pairs {
                for at in 0..(large.width / 8 * (large.height / 8)) as usize {
                    let (column, row) = (at % (large.width / 8) as usize, at / (large.width / 8) as usize);
                    for (at, exact) in reduced(large, side, column, row).into_iter().enumerate() {
                        let (x, y) = (column * side + at % side, row * side + at / side);
                        let sample = f64::from(small.data[y * small.width as usize + x]);
                        assert!(
                            (sample - exact).abs() < 1.5,
                            "{name} 1/{denominator}: {sample}, not {exact}"
                        );
                    }
                }
            }
        }
    }
}

#[cfg(feature = "turbo")]
#[test]
fn planes_are_those_of_libjpeg_turbo() {
    each_kind(|name, bytes| {
        let header = super::super::header(bytes, Format::Jpeg, &Limits::default()).unwrap();
        let (limits, mut scratch) = (Limits::default(), Scratch::new());
        let Ok(Frame::Planes(theirs)) = crate::turbo::decode_jpeg(bytes, &header, 1, &limits, &mut scratch)
        else {
            // It has no name for one chroma sample of eight of luma.
            assert!(name.starts_with("4:1:0"), "{name}");
            return;
        };
        let ours = decoded(bytes, 1).unwrap();
        assert_eq!(
            (ours.width, ours.height, ours.chroma),
            (theirs.width, theirs.height, theirs.chroma),
            "{name}"
        );
        assert!(most_apart(&ours.data, &theirs.data) <= 2, "{name}");
    });
}

/// Whatever refines ends with all bits of all coefficients.
const PROGRESSIONS: &[&[Scan]] = &[
    &[(0, 0, 0, 0), (1, 63, 0, 0)],
    &[(0, 0, 0, 1), (1, 5, 0, 2), (6, 63, 0, 2), (1, 63, 2, 1), (0, 0, 1, 0), (1, 63, 1, 0)],
    &[
        (0, 0, 0, 3),
        (1, 1, 0, 1),
        (1, 1, 1, 0),
        (0, 0, 3, 2),
        (2, 63, 0, 4),
        (0, 0, 2, 1),
        (2, 63, 4, 3),
        (2, 63, 3, 2),
        (0, 0, 1, 0),
        (2, 40, 2, 1),
        (41, 63, 2, 1),
        (2, 63, 1, 0),
    ],
];

fn blocks() -> impl Strategy<Value = Vec<Block>> {
    let value = prop_oneof![6 => Just(0_i16), 3 => -3..=3_i16, 1 => -200..=200_i16];
    let rest = prop_oneof![
        1 => Just(vec![0; 63]),
        2 => proptest::collection::vec(value, 63),
        1 => (1..63_usize, -40..40_i16).prop_map(|(at, value)| {
            let mut rest = vec![0; 63];
            rest[at] = value;
            rest
        }),
    ];
    let block = (-300..300_i16, rest)
        .prop_map(|(first, rest)| std::array::from_fn(|at| if at == 0 { first } else { rest[at - 1] }));
    proptest::collection::vec(block, 12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn bit_by_bit_gives_what_all_at_once_gives(
        blocks in blocks(),
        restart_interval in 0..6_u8,
        code_bits in prop_oneof![Just(9_u8), Just(16)],
    ) {
        let picture = Picture { across: 4, down: 3, blocks: &blocks, restart_interval, code_bits };
        let whole = picture.written(WHOLE);
        for denominator in [1, 2, 4, 8] {
            let expected = decoded(&whole, denominator).unwrap();
            for progression in PROGRESSIONS {
                let found = decoded(&picture.written(progression), denominator).unwrap();
                prop_assert_eq!(&found, &expected, "{:?} 1/{}", progression, denominator);
            }
        }
    }

    #[test]
    fn damage_ends_in_a_picture_of_the_right_size_or_a_typed_error(
        kind in 0..SETTINGS.len(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in proptest::option::of(any::<prop::sample::Index>()),
        denominator in prop_oneof![Just(1_u32), Just(2), Just(4), Just(8)],
    ) {
        let mut bytes = encoded(&picture(45, 37), SETTINGS[kind].1);
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let Ok(header) = super::super::header(&bytes, Format::Jpeg, &Limits::default()) else { return Ok(()) };
        if header.width > 2000 || header.height > 2000 || !header.jpeg.as_ref().unwrap().is_read_as_planes() {
            return Ok(());
        }
        match decode(&bytes, &header, denominator, Deadline::NEVER, &mut Scratch::new()) {
            Ok(frame) => prop_assert_eq!(
                frame.size(), (header.width.div_ceil(denominator), header.height.div_ceil(denominator))
            ),
            Err(error) => prop_assert!(["truncated", "corrupt"].contains(&error.code()), "{}", error),
        }
    }
}

/// The place behind the first marker of this kind.
fn behind(bytes: &[u8], marker: u8) -> usize {
    bytes.windows(2).position(|pair| pair == [0xFF, marker]).unwrap() + 2
}

#[test]
fn data_that_ends_early_is_truncated_wherever_it_ends() {
    for set in [SETTINGS[0].1, SETTINGS[6].1, SETTINGS[7].1] {
        let whole = encoded(&picture(40, 40), set);
        let data = behind(&whole, START_OF_SCAN) + 14;
        for cut in (data..whole.len() - 2).step_by(7) {
            // With an end marker, so that only the decoder can tell.
            let bytes = [&whole[..cut], &[0xFF, END_OF_IMAGE]].concat();
            let error = decoded(&bytes, 1).unwrap_err();
            assert!(["truncated", "corrupt"].contains(&error.code()), "cut at {cut}: {error}");
        }
        assert_eq!(code(&[&whole[..data + 40], &[0xFF, END_OF_IMAGE]].concat()), "truncated");
    }
}

#[test]
fn zeros_up_to_the_end_of_a_block_may_stand_for_its_end_and_values_beyond_it_may_not() {
    let mut block = [0; 64];
    block[0] = 200;
    let picture = Picture { across: 1, down: 1, blocks: &[block], restart_interval: 0, code_bits: 16 };
    let whole = picture.written(WHOLE);
    // The size of the first coefficient, its eight bits, and an end; codes of 16 bits are their symbols.
    let (head, data) = whole.split_at(whole.len() - 7);
    assert_eq!(data, [0, 8, 200, 0, 0, 0xFF, END_OF_IMAGE]);
    let with = |codes: &[u8]| [head, &[0, 8, 200], codes, &[0xFF, END_OF_IMAGE]].concat();
    let zeros = [0, 0xF0, 0, 0xF0, 0, 0xF0];
    let expected = decoded(&whole, 1).unwrap();
    assert_eq!(decoded(&with(&[zeros.as_slice(), &[0, 0xF0]].concat()), 1).unwrap(), expected);
    assert_eq!(code(&with(&[zeros.as_slice(), &[0, 0xF1, 0x80]].concat())), "corrupt");
}

#[test]
fn a_progressive_picture_without_one_of_its_colours_is_truncated() {
    let bytes = encoded(&picture(40, 40), |encoder| encoder.set_progressive(true));
    let first = behind(&bytes, START_OF_SCAN);
    let second = first + behind(&bytes[first..], START_OF_SCAN) - 2;
    assert_eq!(code(&[&bytes[..second], &[0xFF, END_OF_IMAGE]].concat()), "truncated");
}

#[test]
fn wrong_parameters_and_missing_tables_are_corrupt() {
    let sequential = encoded(&picture(20, 20), |_| {});
    let progressive = encoded(&picture(20, 20), |encoder| encoder.set_progressive(true));
    let changed = |bytes: &[u8], marker: u8, offset: usize, value: u8| {
        let mut bytes = bytes.to_vec();
        let at = behind(&bytes, marker) + offset;
        bytes[at] = value;
        bytes
    };
    // The last coefficient of the only scan; a quantization table that is not there; a component that is not there.
    assert_eq!(code(&changed(&sequential, START_OF_SCAN, 10, 5)), "corrupt");
    assert_eq!(code(&changed(&sequential, 0xC0, 10, 3)), "corrupt");
    assert_eq!(code(&changed(&sequential, START_OF_SCAN, 3, 9)), "corrupt");
    // Coefficients beyond the first in a scan of first ones; a bit that no scan before led to.
    let parts = usize::from(progressive[behind(&progressive, START_OF_SCAN) + 2]);
    assert_eq!(code(&changed(&progressive, START_OF_SCAN, 4 + 2 * parts, 5)), "corrupt");
    assert_eq!(code(&changed(&progressive, START_OF_SCAN, 5 + 2 * parts, 0x30)), "corrupt");
}

#[test]
fn no_time_is_a_typed_error() {
    let bytes = testing::progressive_jpeg(64, 48);
    let header = super::super::header(&bytes, Format::Jpeg, &Limits::default()).unwrap();
    let late = Deadline::after(std::time::Duration::ZERO);
    let error = decode(&bytes, &header, 2, late, &mut Scratch::new()).unwrap_err();
    assert_eq!(error.code(), "took_too_long");
}
