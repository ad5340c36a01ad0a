//! Sniff, limits, decode, orient, colour, fit, resize and encode whatever the bytes claim to be: an error or pictures of
//! the right size. A panic of a decoder that becomes an error is none of ours; any other ends the run.

#![no_main]

use std::sync::OnceLock;

use backstock_media::{Engine, Fit, Limits, Output, Recipe, Thumbnailer};
use libfuzzer_sys::fuzz_target;

fn thumbnailers() -> &'static [Thumbnailer] {
    static ALL: OnceLock<Vec<Thumbnailer>> = OnceLock::new();
    ALL.get_or_init(|| {
        // The hook of libFuzzer would end the process even where a panic is contained.
        std::panic::set_hook(Box::new(|panic| eprintln!("{panic}")));
        let of = |engine, (fit, trim, format)| {
            // Nothing is written: rendering stays in memory.
            let limits = Limits { max_pixels: 4_000_000, ..Limits::default() };
            let recipe = Recipe { sizes: vec![64, 24], format, fit, trim, engine, limits };
            Thumbnailer::new(std::env::temp_dir(), recipe).expect("the recipe is valid")
        };
        let ways = [
            (Fit::Contain, false, Output::Auto { quality: 80 }),
            (Fit::Cover { aspect: (3, 4), focus: (30, 60) }, true, Output::Jpeg { quality: 80 }),
            (Fit::Pad { background: [255; 3] }, true, Output::Png),
        ];
        Engine::AVAILABLE.iter().flat_map(|&engine| ways.map(|way| of(engine, way))).collect()
    })
}

fuzz_target!(|bytes: &[u8]| {
    for thumbnailer in thumbnailers() {
        if let Ok(pictures) = thumbnailer.render(bytes) {
            assert!(!pictures.is_empty());
            for picture in pictures {
                assert!(picture.width.max(picture.height) <= 64 && !picture.bytes.is_empty());
            }
        }
    }
});
