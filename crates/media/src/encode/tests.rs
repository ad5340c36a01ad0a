use super::*;
use crate::deadline::Deadline;
use crate::planes::Planes;
use crate::{Limits, decode, sniff::sniff};

fn checker(layout: Layout) -> Pixels {
    let pixel = |at: u32| match layout {
        Layout::Grey => vec![(at % 7 * 30) as u8],
        Layout::Rgb => vec![(at % 7 * 30) as u8, 9, 200],
        Layout::Rgba => vec![(at % 7 * 30) as u8, 9, 200, (at % 5 * 60) as u8],
    };
    Pixels { width: 12, height: 9, layout, data: (0..12 * 9).flat_map(pixel).collect() }
}

fn decoded(bytes: &[u8]) -> Frame {
    let limits = Limits::default();
    let header = decode::header(bytes, sniff(bytes).unwrap(), &limits).unwrap();
    decode::decode(bytes, &header, 1, (Engine::Rust, &limits, Deadline::NEVER), &mut Scratch::new()).unwrap()
}

fn encoded(encoding: Encoding, engine: Engine, pixels: Pixels) -> Vec<u8> {
    encoding.encode(&encoding.prepare(Frame::Pixels(pixels)), engine, &mut Scratch::new()).unwrap()
}

#[test]
fn lossless_formats_give_every_pixel_back() {
    for encoding in [Encoding::Png, Encoding::WebPLossless] {
        for layout in [Layout::Rgb, Layout::Rgba] {
            let bytes = encoded(encoding, Engine::Rust, checker(layout));
            assert_eq!(decoded(&bytes), Frame::Pixels(checker(layout)), "{encoding:?} {layout:?}");
        }
    }
}

#[test]
fn a_jpeg_of_transparent_pixels_shows_white() {
    for &engine in Engine::AVAILABLE {
        let clear = Pixels { width: 8, height: 8, layout: Layout::Rgba, data: vec![0; 256] };
        let bytes = encoded(Encoding::Jpeg { quality: 80 }, engine, clear);
        let Frame::Planes(white) = decoded(&bytes) else { panic!("planes") };
        let (luma, chroma) = white.all();
        assert!(luma.data.iter().all(|&sample| sample > 250));
        let is_grey = |&sample: &u8| sample.abs_diff(128) <= 1;
        assert!(chroma.unwrap().iter().all(|plane| plane.data.iter().all(is_grey)));
    }
}

#[test]
fn grey_stays_one_channel_in_jpeg() {
    for &engine in Engine::AVAILABLE {
        let bytes = encoded(Encoding::Jpeg { quality: 80 }, engine, checker(Layout::Grey));
        let Frame::Planes(back) = decoded(&bytes) else { panic!("planes") };
        assert_eq!(back.chroma, None);
    }
}

#[test]
fn auto_keeps_alpha_and_else_saves_bytes() {
    let auto = |engine, alpha| Encoding::choose(Output::Auto { quality: 70 }, engine, alpha);
    assert_eq!(auto(Engine::Rust, true), Encoding::WebPLossless);
    assert_eq!(auto(Engine::Turbo, true), Encoding::WebP { quality: 70 });
    assert_eq!(auto(Engine::Rust, false), Encoding::Jpeg { quality: 70 });
}

#[test]
fn planes_become_pixels_for_lossless_formats() {
    let planes = Planes { width: 4, height: 4, chroma: None, data: (0..16).collect() };
    let bytes = Encoding::Png
        .encode(&Encoding::Png.prepare(Frame::Planes(planes)), Engine::Rust, &mut Scratch::new())
        .unwrap();
    assert_eq!(decoded(&bytes).into_buffer(), (0..16).collect::<Vec<u8>>());
}

#[cfg(feature = "avif")]
#[test]
fn an_avif_is_written_with_and_without_alpha() {
    for layout in [Layout::Grey, Layout::Rgb, Layout::Rgba] {
        let bytes = encoded(Encoding::Avif { quality: 70 }, Engine::Rust, checker(layout));
        assert_eq!(&bytes[4..12], b"ftypavif", "{layout:?}");
    }
}
