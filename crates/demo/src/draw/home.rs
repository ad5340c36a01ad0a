//! Kitchen, light and furniture.

use super::canvas::{Canvas, INK, Rgb, STEEL, WHITE, ellipse, path, rounded, segment};

const WOOD: Rgb = Rgb(176, 128, 84);

pub(super) fn flask(canvas: &mut Canvas, colour: Rgb) {
    canvas.shadow(500.0, 892.0, 190.0);
    canvas.round(&rounded(425.0, 110.0, 150.0, 130.0, 26.0), INK.light(16));
    canvas.line(&segment(432.0, 205.0, 568.0, 205.0), 5.0, INK);
    canvas.round(&path("M428 232L572 232L590 300L410 300Z"), STEEL);
    canvas.round(&path("M410 300Q360 330 360 390L360 830Q360 892 420 892L580 892Q640 892 640 830L640 390Q640 330 590 300Z"), colour);
    canvas.round(&rounded(360.0, 800.0, 280.0, 46.0, 2.0), STEEL);
    canvas.glaze(&rounded(405.0, 380.0, 26.0, 390.0, 13.0), WHITE, 90);
    canvas.fill(&ellipse(515.0, 560.0, 58.0, 58.0), colour.light(72));
    canvas.line(&path("M492 590Q480 560 498 545Q514 530 502 508"), 9.0, colour.dark(25));
    canvas.line(&path("M528 590Q516 560 534 545Q550 530 538 508"), 9.0, colour.dark(25));
}

pub(super) fn mug(canvas: &mut Canvas, colour: Rgb) {
    canvas.shadow(470.0, 790.0, 250.0);
    canvas.line(&path("M650 450C800 430 810 680 640 655"), 46.0, colour.dark(28));
    canvas.line(&path("M650 450C800 430 810 680 640 655"), 22.0, colour.light(6));
    canvas.round(&path("M270 370L670 370L650 730Q645 795 575 795L365 795Q295 795 290 730Z"), colour);
    canvas.fill(&ellipse(470.0, 370.0, 200.0, 52.0), colour.light(40));
    canvas.fill(&ellipse(470.0, 374.0, 180.0, 42.0), Rgb(92, 58, 38));
    canvas.fill(&ellipse(450.0, 370.0, 120.0, 22.0), Rgb(128, 86, 56));
    canvas.line(&path("M284 640Q470 690 656 640"), 18.0, colour.light(55));
    canvas.line(&path("M288 680Q470 730 652 680"), 6.0, colour.light(55));
    for x in [400.0_f32, 470.0, 540.0] {
        let (left, right) = (x - 34.0, x + 34.0);
        canvas.line(&path(&format!("M{x} 310C{left} 270 {right} 240 {x} 190")), 10.0, Rgb(226, 228, 232));
    }
}

pub(super) fn lamp(canvas: &mut Canvas, colour: Rgb) {
    canvas.shadow(500.0, 872.0, 230.0);
    for step in 0..10_u8 {
        let grow = 1.0 - f32::from(step) * 0.09;
        canvas.glaze(&ellipse(500.0, 480.0, 330.0 * grow, 300.0 * grow), Rgb(255, 222, 140), 16);
    }
    canvas.round(&rounded(484.0, 450.0, 32.0, 380.0, 8.0), STEEL.dark(20));
    canvas.fill(&ellipse(500.0, 520.0, 44.0, 54.0), Rgb(255, 240, 190));
    canvas.round(&path("M400 170L600 170L720 480Q500 540 280 480Z"), colour);
    canvas.fill(&ellipse(500.0, 170.0, 100.0, 18.0), colour.light(50));
    canvas.line(&path("M284 474Q500 534 716 474"), 10.0, colour.light(45));
    canvas.round(
        &path("M350 850Q360 806 500 802Q640 806 650 850Q640 876 500 878Q360 876 350 850Z"),
        STEEL.dark(20),
    );
    canvas.line(&path("M640 856Q740 880 800 850"), 7.0, INK);
}

pub(super) fn chair(canvas: &mut Canvas, colour: Rgb) {
    canvas.shadow(500.0, 895.0, 290.0);
    for (x1, x2, shade) in [(345.0, 320.0, 30), (655.0, 680.0, 40)] {
        canvas.line(&segment(x1, 600.0, x2, 820.0), 26.0, WOOD.dark(shade));
    }
    canvas.line(&segment(330.0, 180.0, 345.0, 600.0), 28.0, WOOD.dark(18));
    canvas.line(&segment(670.0, 180.0, 655.0, 600.0), 28.0, WOOD.dark(24));
    canvas.shade(&path("M315 190Q315 130 380 130L620 130Q685 130 685 190L668 440Q665 475 630 475L370 475Q335 475 332 440Z"), colour);
    canvas.line(&path("M360 220Q500 190 640 220"), 5.0, colour.dark(30));
    canvas.line(&path("M366 390Q500 420 634 390"), 5.0, colour.dark(30));
    canvas.shade(&path("M300 560Q320 530 370 530L630 530Q680 530 700 560L730 640Q735 675 690 675L310 675Q265 675 270 640Z"), colour.light(8));
    canvas.fill(
        &path("M268 645Q265 675 310 675L690 675Q735 675 732 645Q732 705 690 705L310 705Q268 705 268 645Z"),
        colour.dark(35),
    );
    for (x1, x2) in [(300.0, 262.0), (700.0, 738.0)] {
        canvas.line(&segment(x1, 712.0, x2, 885.0), 30.0, WOOD);
    }
    canvas.line(&segment(286.0, 800.0, 714.0, 800.0), 14.0, WOOD.dark(14));
}
