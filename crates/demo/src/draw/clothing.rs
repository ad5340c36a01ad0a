//! Clothing, shoes and what is worn with them.

use super::canvas::{Canvas, INK, Rgb, STEEL, WHITE, ellipse, on_circle, path, rounded, segment};

pub(super) fn jacket(canvas: &mut Canvas, colour: Rgb) {
    canvas.shadow(500.0, 868.0, 300.0);
    canvas.shade(
        &path("M345 250C280 270 245 320 235 380L150 700Q148 725 175 732L255 750Q275 752 280 730L350 520Z"),
        colour.dark(10),
    );
    canvas.shade(
        &path("M655 250C720 270 755 320 765 380L850 700Q852 725 825 732L745 750Q725 752 720 730L650 520Z"),
        colour.dark(22),
    );
    canvas.shade(
        &path("M350 245Q500 300 650 245C690 265 700 300 700 340L715 830Q500 868 285 830L300 340C300 300 310 265 350 245Z"),
        colour,
    );
    canvas.fill(
        &path("M350 250C340 170 420 120 500 120C580 120 660 170 650 250Q575 315 500 318Q425 315 350 250Z"),
        colour.dark(18),
    );
    canvas.fill(
        &path("M390 245C385 190 440 155 500 155C560 155 615 190 610 245Q555 290 500 292Q445 290 390 245Z"),
        colour.dark(55),
    );
    canvas.line(&segment(500.0, 300.0, 500.0, 845.0), 12.0, colour.dark(50));
    canvas.line(&segment(500.0, 300.0, 500.0, 845.0), 4.0, STEEL);
    canvas.line(&path("M345 640L400 590"), 9.0, colour.dark(45));
    canvas.line(&path("M655 640L600 590"), 9.0, colour.dark(45));
    canvas.line(&path("M300 440Q500 480 700 440"), 16.0, colour.light(45));
    canvas.line(&path("M178 668L270 692"), 12.0, colour.light(45));
    canvas.line(&path("M822 668L730 692"), 12.0, colour.light(45));
    canvas.fill(&rounded(560.0, 385.0, 70.0, 22.0, 6.0), WHITE);
}

pub(super) fn t_shirt(canvas: &mut Canvas, colour: Rgb) {
    canvas.shadow(500.0, 862.0, 270.0);
    canvas.shade(&path("M350 220L190 310Q165 325 175 352L225 480Q235 502 260 492L345 455Z"), colour.dark(8));
    canvas.shade(&path("M650 220L810 310Q835 325 825 352L775 480Q765 502 740 492L655 455Z"), colour.dark(20));
    canvas.shade(&path("M340 225Q420 215 420 205Q500 300 580 205Q580 215 660 225L690 420L680 820Q500 850 320 820L310 420Z"), colour);
    canvas.line(&path("M418 208Q500 305 582 208"), 16.0, colour.dark(28));
    canvas.line(&path("M330 800Q500 828 670 800"), 4.0, colour.dark(30));
    canvas.line(&path("M222 455L330 410"), 4.0, colour.dark(35));
    canvas.line(&path("M778 455L670 410"), 4.0, colour.dark(35));
    canvas.fill(&ellipse(500.0, 480.0, 74.0, 74.0), colour.light(70));
    canvas.fill(&path("M448 505L490 425L512 465L525 450L555 505Z"), colour.dark(20));
}

pub(super) fn shoe(canvas: &mut Canvas, colour: Rgb) {
    canvas.shadow(510.0, 742.0, 370.0);
    canvas.shade(
        &path("M165 640C140 560 165 460 185 385Q195 350 235 362L330 395Q372 410 405 395L500 352Q525 345 540 365C600 470 690 520 790 545C860 562 880 610 872 655Z"),
        colour,
    );
    canvas.fill(&path("M165 640C148 585 158 520 170 455Q255 480 270 640Z"), colour.dark(30));
    canvas.fill(&path("M700 650C705 590 745 555 800 548C862 566 880 612 872 655Z"), colour.dark(22));
    canvas.fill(&path("M325 640C400 610 520 560 575 425L615 470C590 560 500 630 430 648Z"), WHITE);
    canvas.fill(&path("M185 385Q195 350 235 362L330 395Q300 420 262 415Q215 408 185 385Z"), INK.light(10));
    for step in 0..4_u8 {
        let (x, y) = (432.0 + f32::from(step) * 40.0, 398.0 + f32::from(step) * 30.0);
        canvas.line(&segment(x, y, x + 58.0, y - 28.0), 13.0, WHITE.dark(8));
    }
    canvas.shade(
        &path("M150 630Q160 650 250 650L870 645Q902 650 895 690Q888 722 840 724L230 734Q150 734 148 690Z"),
        WHITE.dark(6),
    );
    canvas.fill(
        &path("M148 690Q150 734 230 734L840 724Q888 722 895 690Q888 708 840 710L230 718Q160 716 148 690Z"),
        colour.dark(40),
    );
    canvas.line(&path("M165 668Q400 680 880 666"), 5.0, colour.light(20));
}

pub(super) fn sunglasses(canvas: &mut Canvas, colour: Rgb) {
    canvas.shadow(500.0, 690.0, 380.0);
    canvas.line(&path("M150 440Q190 330 300 318"), 22.0, colour.dark(35));
    canvas.line(&path("M850 440Q810 330 700 318"), 22.0, colour.dark(35));
    for x in [310.0, 690.0] {
        let frame = rounded(x - 172.0, 415.0, 344.0, 240.0, 105.0);
        canvas.shade(&frame, colour);
        let lens = rounded(x - 144.0, 441.0, 288.0, 188.0, 84.0);
        canvas.shade(&lens, Rgb(48, 54, 66));
        let shine = path(&format!("M{} 465L{} 465L{} 605L{} 605Z", x - 60.0, x - 10.0, x - 78.0, x - 118.0));
        canvas.glaze(&shine, WHITE, 46);
        canvas.glaze(
            &path(&format!("M{} 465L{} 465L{} 605L{} 605Z", x + 20.0, x + 38.0, x - 30.0, x - 48.0)),
            WHITE,
            36,
        );
    }
    canvas.line(&path("M462 490Q500 452 538 490"), 26.0, colour);
}

pub(super) fn watch(canvas: &mut Canvas, colour: Rgb) {
    canvas.shadow(500.0, 905.0, 170.0);
    canvas.round(&path("M408 330L425 110Q428 90 450 90L550 90Q572 90 575 110L592 330Z"), colour);
    canvas.round(&path("M408 670L425 885Q428 905 450 905L550 905Q572 905 575 885L592 670Z"), colour);
    for y in [800.0, 835.0, 870.0] {
        canvas.fill(&ellipse(500.0, y, 8.0, 6.0), colour.dark(60));
    }
    canvas.fill(&rounded(716.0, 476.0, 44.0, 48.0, 12.0), STEEL.dark(30));
    canvas.shade(&ellipse(500.0, 500.0, 230.0, 230.0), STEEL);
    canvas.shade(&ellipse(500.0, 500.0, 200.0, 200.0), STEEL.dark(35));
    canvas.fill(&ellipse(500.0, 500.0, 186.0, 186.0), WHITE);
    for tick in 0..12_u8 {
        let turns = f32::from(tick) / 12.0;
        let (outer, inner) = (on_circle(500.0, 500.0, 168.0, turns), on_circle(500.0, 500.0, 140.0, turns));
        canvas.line(
            &segment(outer.0, outer.1, inner.0, inner.1),
            if tick % 3 == 0 { 13.0 } else { 6.0 },
            INK,
        );
    }
    for (length, turns, width, ink) in
        [(95.0, 0.845, 15.0, INK), (135.0, 0.17, 10.0, INK), (150.0, 0.55, 4.0, colour)]
    {
        let tip = on_circle(500.0, 500.0, length, turns);
        canvas.line(&segment(500.0, 500.0, tip.0, tip.1), width, ink);
    }
    canvas.fill(&ellipse(500.0, 500.0, 14.0, 14.0), colour);
}
