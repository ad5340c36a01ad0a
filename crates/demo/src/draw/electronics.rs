//! Things with a plug or a battery.

use super::canvas::{Canvas, INK, Rgb, STEEL, WHITE, ellipse, path, rounded};

pub(super) fn headphones(canvas: &mut Canvas, colour: Rgb) {
    canvas.shadow(500.0, 850.0, 330.0);
    canvas.line(&path("M230 600C180 20 820 20 770 600"), 58.0, colour.dark(20));
    canvas.line(&path("M230 590C182 36 818 36 770 590"), 20.0, colour.light(26));
    canvas.line(&path("M290 260C370 130 630 130 710 260"), 30.0, INK.light(14));
    for (x, pad, shade) in [(165.0, 285.0, 0), (715.0, 635.0, 14)] {
        canvas.shade(&rounded(pad, 500.0, 80.0, 280.0, 40.0), INK.light(12));
        canvas.shade(&rounded(x, 470.0, 120.0, 340.0, 58.0), colour.dark(shade));
        canvas.line(&rounded(x + 24.0, 520.0, 72.0, 240.0, 36.0), 5.0, colour.light(36));
        canvas.fill(&ellipse(x + 60.0, 640.0, 16.0, 16.0), STEEL);
    }
}

pub(super) fn keyboard(canvas: &mut Canvas, colour: Rgb) {
    canvas.shadow(500.0, 705.0, 430.0);
    canvas.shade(&rounded(70.0, 330.0, 860.0, 350.0, 40.0), colour);
    canvas.fill(&rounded(95.0, 355.0, 810.0, 300.0, 22.0), colour.dark(60));
    let (left, top, pitch, key) = (108.0, 368.0, 56.6, 50.0);
    for row in 0..4_u8 {
        for column in 0..14_u8 {
            let (x, y) = (left + f32::from(column) * pitch, top + f32::from(row) * pitch);
            let cap = match (row, column) {
                (0, 0) => colour.light(18),
                (_, 0 | 13) | (0, 12) => STEEL,
                _ => WHITE,
            };
            canvas.fill(&rounded(x, y + 5.0, key, key, 9.0), cap.dark(38));
            canvas.fill(&rounded(x, y, key, key - 4.0, 9.0), cap);
        }
    }
    let bottom = top + 4.0 * pitch;
    for (x, width, cap) in [
        (108.0, 106.0, STEEL),
        (221.0, 64.0, STEEL),
        (292.0, 390.0, WHITE),
        (689.0, 64.0, STEEL),
        (760.0, 132.0, colour.light(18)),
    ] {
        canvas.fill(&rounded(x, bottom + 5.0, width, key, 9.0), cap.dark(38));
        canvas.fill(&rounded(x, bottom, width, key - 4.0, 9.0), cap);
    }
    canvas.fill(&ellipse(880.0, 344.0, 6.0, 4.0), Rgb(120, 230, 140));
}
