//! Things for a night outside and the way there.

use super::canvas::{Canvas, INK, Rgb, STEEL, WHITE, ellipse, path, rounded, segment};

pub(super) fn tent(canvas: &mut Canvas, colour: Rgb) {
    canvas.shadow(500.0, 770.0, 420.0);
    canvas.line(&path("M90 770L185 690"), 6.0, STEEL.dark(30));
    canvas.line(&path("M915 770L815 690"), 6.0, STEEL.dark(30));
    canvas.shade(&path("M500 245C690 300 800 560 860 765L500 765Z"), colour.dark(16));
    canvas.shade(&path("M500 245C310 300 200 560 140 765L620 765Z"), colour);
    canvas.fill(&path("M445 335C470 470 560 650 620 765L290 765C340 650 400 480 445 335Z"), colour.dark(62));
    canvas.shade(
        &path("M445 335C400 480 340 650 290 765L250 765Q340 690 400 560Q420 450 445 335Z"),
        colour.light(30),
    );
    canvas.shade(
        &path("M445 335C470 470 560 650 620 765L660 765Q560 690 495 560Q465 450 445 335Z"),
        colour.light(18),
    );
    canvas.line(&path("M140 765C200 560 310 300 500 245C690 300 800 560 860 765"), 11.0, colour.light(55));
    canvas.line(&path("M500 245C580 380 700 600 730 765"), 7.0, colour.dark(42));
    canvas.fill(&path("M640 480L720 480Q742 520 750 560L660 560Z"), Rgb(214, 232, 240));
    canvas.line(&path("M640 480L720 480Q742 520 750 560L660 560Z"), 6.0, colour.light(55));
}

pub(super) fn sleeping_bag(canvas: &mut Canvas, colour: Rgb) {
    canvas.shadow(500.0, 905.0, 210.0);
    let body = path(
        "M500 95C620 95 690 180 700 300C710 420 690 560 650 780Q630 890 500 895Q370 890 350 780C310 560 290 420 300 300C310 180 380 95 500 95Z",
    );
    canvas.shade(&body, colour);
    for step in 0..7_u8 {
        let y = 370.0 + f32::from(step) * 72.0;
        let inset = f32::from(step) * 7.0;
        let quilt = format!("M{} {y}Q500 {} {} {y}", 308.0 + inset, y + 46.0, 692.0 - inset);
        canvas.line(&path(&quilt), 6.0, colour.dark(32));
    }
    canvas.fill(&ellipse(500.0, 245.0, 135.0, 112.0), colour.dark(48));
    canvas.fill(&ellipse(500.0, 262.0, 112.0, 88.0), colour.light(62));
    canvas.shade(&rounded(425.0, 250.0, 150.0, 84.0, 36.0), WHITE.dark(4));
    canvas.line(&path("M640 330C655 470 640 600 612 780"), 9.0, colour.light(50));
    canvas.fill(&rounded(630.0, 345.0, 22.0, 46.0, 8.0), STEEL);
}

pub(super) fn backpack(canvas: &mut Canvas, colour: Rgb) {
    canvas.shadow(500.0, 868.0, 290.0);
    canvas.line(&path("M420 205C420 110 580 110 580 205"), 26.0, colour.dark(45));
    canvas.shade(&rounded(205.0, 470.0, 130.0, 290.0, 50.0), colour.dark(26));
    canvas.shade(&rounded(665.0, 470.0, 130.0, 290.0, 50.0), colour.dark(36));
    canvas.shade(&path("M285 380C285 240 360 175 500 175C640 175 715 240 715 380L735 780Q735 860 655 860L345 860Q265 860 265 780Z"), colour);
    canvas.line(&path("M310 400C315 285 385 232 500 232C615 232 685 285 690 400"), 9.0, colour.dark(48));
    canvas.fill(&rounded(672.0, 388.0, 20.0, 56.0, 8.0), STEEL);
    canvas.shade(&rounded(325.0, 540.0, 350.0, 265.0, 56.0), colour.light(12));
    canvas.line(&path("M350 615Q500 640 650 615"), 9.0, colour.dark(48));
    canvas.fill(&rounded(610.0, 612.0, 18.0, 52.0, 8.0), STEEL);
    canvas.fill(&rounded(445.0, 330.0, 110.0, 76.0, 14.0), INK.towards(colour, 30));
    canvas.fill(&path("M468 388L495 348L510 368L518 360L534 388Z"), WHITE);
    for x in [300.0, 670.0] {
        canvas.fill(&rounded(x, 470.0, 30.0, 380.0, 6.0), colour.dark(40));
        canvas.fill(&rounded(x - 6.0, 500.0, 42.0, 30.0, 6.0), INK);
    }
    canvas.line(&segment(320.0, 848.0, 680.0, 848.0), 6.0, colour.dark(45));
}
