use super::*;
use crate::pixels::Layout;

fn shrink(frame: &Frame, crop: Crop, size: (u32, u32)) -> Frame {
    Shrinker::new().shrink(frame, crop, size, Subsampling::Half, &mut Buffers::default()).unwrap()
}

fn ramp(width: u32, height: u32) -> Vec<u8> {
    (0..height).flat_map(|y| (0..width).map(move |x| ((x * 5) ^ (y * 3)) as u8)).collect()
}

#[test]
fn no_colour_bleeds_from_transparent_pixels() {
    // Left half opaque green, right half fully transparent red.
    let data =
        (0..64 * 64).flat_map(|at| if at % 64 < 32 { [0, 200, 0, 255] } else { [255, 0, 0, 0] }).collect();
    let source = Pixels { width: 64, height: 64, layout: Layout::Rgba, data };
    let small = shrink(&Frame::Pixels(source), Crop::whole((64, 64)), (9, 9)).into_buffer();
    for pixel in small.chunks_exact(4).filter(|pixel| pixel[3] > 0) {
        assert!(pixel[0] < 10, "red in {pixel:?}");
    }
}

#[test]
fn turning_changes_no_sample() {
    let (width, height) = (400, 300);
    let data = ramp(width, height);
    let source = Planes { width, height, chroma: None, data: data.clone() };
    let crop = Crop { left: 10.5, top: 3.25, width: 380.0, height: 290.0 };
    let turned = shrink(&Frame::Planes(source), crop, (200, 150)).into_buffer();
    // Grey pixels take the plain way.
    let plain = Frame::Pixels(Pixels { width, height, layout: Layout::Grey, data });
    let plain = shrink(&plain, crop, (200, 150)).into_buffer();
    let most = turned.iter().zip(&plain).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    assert!(most <= 1, "rounding between the passes differs by their order, by {most} at most");
}

#[test]
fn a_part_is_cut_while_it_is_resized() {
    let data = (0..100 * 100).map(|at| if at % 100 < 50 { 20 } else { 220 }).collect();
    let source = Frame::Planes(Planes { width: 100, height: 100, chroma: None, data });
    let right = Crop { left: 60.0, top: 0.0, width: 40.0, height: 40.0 };
    assert!(shrink(&source, right, (20, 20)).into_buffer().iter().all(|&sample| sample == 220));
}

#[test]
fn chroma_of_any_geometry_becomes_half_of_luma() {
    for covers in [(1, 1), (2, 1), (2, 2), (4, 1), (1, 2)] {
        let chroma = Chroma::of(101, 67, covers);
        let mut data = vec![90; 101 * 67];
        data.resize(Planes::length(101, 67, Some(chroma)), 140);
        let source = Frame::Planes(Planes { width: 101, height: 67, chroma: Some(chroma), data });
        let Frame::Planes(small) = shrink(&source, Crop::whole((101, 67)), (51, 34)) else { panic!() };
        assert!(small.is_halved());
        let (luma, colours) = small.all();
        assert!(luma.data.iter().all(|&sample| sample == 90), "{covers:?}");
        assert!(
            colours.unwrap().iter().all(|plane| plane.data.iter().all(|&sample| sample == 140)),
            "{covers:?}"
        );
    }
}
