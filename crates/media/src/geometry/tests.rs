use proptest::prelude::*;

use super::*;

fn plan(size: (u32, u32), fit: Fit, sizes: &[u32]) -> Plan {
    let recipe = Recipe { sizes: sizes.to_vec(), fit, ..Recipe::default() };
    Plan::new(Crop::whole(size), &recipe)
}

fn square(focus: (u8, u8)) -> Fit {
    Fit::Cover { aspect: (1, 1), focus }
}

#[test]
fn the_longer_side_becomes_the_size_and_nothing_is_enlarged() {
    assert_eq!(fit_inside(2000, 1000, 500), (500, 250));
    assert_eq!(fit_inside(1000, 2000, 500), (250, 500));
    assert_eq!(fit_inside(400, 300, 500), (400, 300));
    assert_eq!(fit_inside(10_000, 1, 100), (100, 1));
    assert_eq!(fit_inside(2560, 3837, 1200), (801, 1200));
}

#[test]
fn sizes_above_the_source_are_made_once() {
    assert_eq!(plan((500, 250), Fit::Contain, &[1200, 600, 300]).levels, [(500, 250), (300, 150)]);
}

#[test]
fn a_cover_cuts_around_the_focus_and_stays_inside() {
    let wide = |focus| plan((400, 100), square((focus, 50)), &[50]);
    assert_eq!(wide(50).crop, Crop { left: 150.0, top: 0.0, width: 100.0, height: 100.0 });
    assert_eq!(wide(0).crop, Crop { left: 0.0, ..wide(50).crop });
    assert_eq!(wide(100).crop, Crop { left: 300.0, ..wide(50).crop });
    assert_eq!(wide(50).levels, [(50, 50)]);
}

#[test]
fn a_cover_of_a_source_with_that_shape_is_all_of_it() {
    let fit = Fit::Cover { aspect: (3, 4), focus: (50, 50) };
    assert_eq!(plan((300, 400), fit, &[200]).crop, Crop::whole((300, 400)));
}

#[test]
fn the_margin_is_kept() {
    let whole = Crop::whole((3000, 2000));
    assert_eq!(shrink_on_load(whole, (1200, 800)), 1);
    assert_eq!(shrink_on_load(whole, (1000, 667)), 1, "2.9985 is below 3");
    assert_eq!(shrink_on_load(whole, (999, 666)), 2);
    assert_eq!(shrink_on_load(whole, (600, 400)), 4);
    assert_eq!(shrink_on_load(whole, (300, 200)), 8);
    assert_eq!(shrink_on_load(whole, (3000, 2000)), 1);
}

#[test]
fn a_part_is_found_in_the_stored_image_whatever_the_orientation() {
    // Seen 4×2; the part is the pixel in column 1, row 0. Where it is stored follows from the definition of EXIF.
    let part = Crop { left: 1.0, top: 0.0, width: 1.0, height: 1.0 };
    let expected =
        [(1.0, 0.0), (2.0, 0.0), (2.0, 1.0), (1.0, 1.0), (0.0, 1.0), (0.0, 2.0), (1.0, 2.0), (1.0, 1.0)];
    for (exif, place) in (1..=8).zip(expected) {
        let stored = part.stored(Orientation::from_exif(exif).unwrap(), (4, 2));
        assert_eq!((stored.left, stored.top), place, "orientation {exif}");
    }
}

proptest! {
    #[test]
    fn every_plan_stays_inside_its_source(
        width in 1_u32..9000, height in 1_u32..9000, across in 1_u16..50, down in 1_u16..50,
        x in 0_u8..=100, y in 0_u8..=100, side in 1_u32..3000,
    ) {
        let plan = plan((width, height), Fit::Cover { aspect: (across, down), focus: (x, y) }, &[side]);
        prop_assert!(plan.crop.left >= 0.0 && plan.crop.left + plan.crop.width <= f64::from(width));
        prop_assert!(plan.crop.top >= 0.0 && plan.crop.top + plan.crop.height <= f64::from(height));
        let (w, h) = plan.levels[0];
        prop_assert!(w >= 1 && h >= 1 && w <= side && h <= side);
        prop_assert!(f64::from(w) <= plan.crop.width && f64::from(h) <= plan.crop.height);
        prop_assert!([1, 2, 4, 8].contains(&shrink_on_load(plan.crop, (w, h))));
    }
}
