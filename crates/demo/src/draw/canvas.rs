//! A picture under the brush, in units of a thousandth of the product's square.

use std::f32::consts::TAU;

use tiny_skia::{
    Color, FillRule, GradientStop, LineCap, LineJoin, LinearGradient, Paint, Path, PathBuilder, Pixmap,
    Point, Rect, Shader, SpreadMode, Stroke, Transform,
};

/// A colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rgb(pub(crate) u8, pub(crate) u8, pub(crate) u8);

pub(crate) const WHITE: Rgb = Rgb(250, 250, 248);
pub(crate) const INK: Rgb = Rgb(38, 40, 46);
pub(crate) const STEEL: Rgb = Rgb(186, 192, 200);

impl Rgb {
    /// Moved towards another colour by `percent`.
    pub(crate) fn towards(self, other: Self, percent: u32) -> Self {
        let mix = |a: u8, b: u8| ((u32::from(a) * (100 - percent) + u32::from(b) * percent) / 100) as u8;
        Self(mix(self.0, other.0), mix(self.1, other.1), mix(self.2, other.2))
    }

    pub(crate) fn light(self, percent: u32) -> Self {
        self.towards(WHITE, percent)
    }

    pub(crate) fn dark(self, percent: u32) -> Self {
        self.towards(Self(12, 12, 20), percent)
    }

    fn with_alpha(self, alpha: u8) -> Color {
        Color::from_rgba8(self.0, self.1, self.2, alpha)
    }
}

/// Pixels and the scale from units to them.
pub(crate) struct Canvas {
    pixmap: Pixmap,
    to_pixels: Transform,
}

impl Canvas {
    /// A transparent picture with the product's square in its middle; nothing for a size of 0.
    pub(crate) fn new(width: u32, height: u32) -> Option<Self> {
        let side = width.min(height) as f32;
        let (left, top) = ((width as f32 - side) / 2.0, (height as f32 - side) / 2.0);
        let to_pixels = Transform::from_row(side / 1000.0, 0.0, 0.0, side / 1000.0, left, top);
        Some(Self { pixmap: Pixmap::new(width, height)?, to_pixels })
    }

    /// RGBA, straight alpha.
    pub(crate) fn into_rgba(self) -> Vec<u8> {
        self.pixmap.take_demultiplied()
    }

    /// Fills the picture from top to bottom, with a brighter spot behind the product. Written out by hand: it touches
    /// every pixel, and the general gradients of the drawing library take ten times as long.
    pub(crate) fn backdrop(&mut self, top: Rgb, bottom: Rgb) {
        let (width, height) = (self.pixmap.width(), self.pixmap.height());
        let (middle_x, middle_y) = (width as f32 / 2.0, height as f32 * 0.42);
        let reach = width.max(height) as f32 * 0.55;
        for (y, row) in self.pixmap.data_mut().chunks_exact_mut(width as usize * 4).enumerate() {
            let base = top.towards(bottom, y as u32 * 100 / height);
            let dy = y as f32 - middle_y;
            for (x, pixel) in row.chunks_exact_mut(4).enumerate() {
                let dx = x as f32 - middle_x;
                let spot = 170.0 * (1.0 - (dx * dx + dy * dy).sqrt() / reach).max(0.0);
                let lit = |sample: u8| (f32::from(sample) + f32::from(255 - sample) * spot / 255.0) as u8;
                pixel.copy_from_slice(&[lit(base.0), lit(base.1), lit(base.2), 255]);
            }
        }
    }

    /// A soft shadow on the floor.
    pub(crate) fn shadow(&mut self, x: f32, y: f32, half_width: f32) {
        for step in 0..12_u8 {
            let grow = 1.0 - f32::from(step) * 0.07;
            let path = ellipse(x, y, half_width * grow, half_width * 0.14 * grow);
            self.paint(&path, Shader::SolidColor(Rgb(20, 22, 34).with_alpha(9)));
        }
    }

    /// Fills a path with one colour.
    pub(crate) fn fill(&mut self, path: &Path, colour: Rgb) {
        self.paint(path, Shader::SolidColor(colour.with_alpha(255)));
    }

    /// Fills a path with a colour that lets `alpha` of 255 through.
    pub(crate) fn glaze(&mut self, path: &Path, colour: Rgb, alpha: u8) {
        self.paint(path, Shader::SolidColor(colour.with_alpha(alpha)));
    }

    /// Fills a path as if lit from the upper left.
    pub(crate) fn shade(&mut self, path: &Path, colour: Rgb) {
        let bounds = path.bounds();
        let from = (bounds.left(), bounds.top());
        let to = (bounds.right(), bounds.bottom());
        let (light, dark) = (colour.light(22).with_alpha(255), colour.dark(26).with_alpha(255));
        self.paint(path, gradient(from, to, light, dark));
    }

    /// Fills a path as if it were a cylinder: dark at the sides, bright left of the middle.
    pub(crate) fn round(&mut self, path: &Path, colour: Rgb) {
        let bounds = path.bounds();
        let stops = [(0.0, colour.dark(30)), (0.3, colour.light(30)), (0.55, colour), (1.0, colour.dark(38))]
            .map(|(at, colour)| GradientStop::new(at, colour.with_alpha(255)));
        let (from, to) = (Point::from_xy(bounds.left(), 0.0), Point::from_xy(bounds.right(), 0.0));
        let shader = LinearGradient::new(from, to, stops.to_vec(), SpreadMode::Pad, Transform::identity());
        if let Some(shader) = shader {
            self.paint(path, shader);
        }
    }

    /// Draws along a path with round ends.
    pub(crate) fn line(&mut self, path: &Path, width: f32, colour: Rgb) {
        let stroke =
            Stroke { width, line_cap: LineCap::Round, line_join: LineJoin::Round, ..Stroke::default() };
        let paint = Paint { shader: Shader::SolidColor(colour.with_alpha(255)), ..Paint::default() };
        self.pixmap.stroke_path(path, &paint, &stroke, self.to_pixels, None);
    }

    fn paint(&mut self, path: &Path, shader: Shader<'_>) {
        let paint = Paint { shader, ..Paint::default() };
        self.pixmap.fill_path(path, &paint, FillRule::Winding, self.to_pixels, None);
    }
}

fn gradient(from: (f32, f32), to: (f32, f32), first: Color, last: Color) -> Shader<'static> {
    let stops = vec![GradientStop::new(0.0, first), GradientStop::new(1.0, last)];
    let (from, to) = (Point::from_xy(from.0, from.1), Point::from_xy(to.0, to.1));
    LinearGradient::new(from, to, stops, SpreadMode::Pad, Transform::identity())
        .unwrap_or(Shader::SolidColor(first))
}

/// A path in the letters of SVG: `M`, `L`, `Q`, `C` with absolute numbers, and `Z`.
///
/// # Panics
/// On text that is no such path. Paths are literals of this crate, and the tests draw every one of them.
pub(crate) fn path(text: &str) -> Path {
    let mut builder = PathBuilder::new();
    for command in text.split_inclusive(['M', 'L', 'Q', 'C', 'Z']).collect::<Vec<_>>().windows(2) {
        let letter = command[0].chars().last();
        let numbers: Vec<f32> = command[1]
            .split(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-'))
            .filter_map(|number| number.parse().ok())
            .collect();
        match (letter, numbers.as_slice()) {
            (Some('M'), &[x, y]) => builder.move_to(x, y),
            (Some('L'), &[x, y]) => builder.line_to(x, y),
            (Some('Q'), &[x1, y1, x, y]) => builder.quad_to(x1, y1, x, y),
            (Some('C'), &[x1, y1, x2, y2, x, y]) => builder.cubic_to(x1, y1, x2, y2, x, y),
            (Some('Z'), &[]) => builder.close(),
            other => panic!("not a path: {other:?} in {text}"),
        }
    }
    if text.ends_with('Z') {
        builder.close();
    }
    builder.finish().expect("a path literal has at least one segment")
}

/// A rectangle with round corners.
pub(crate) fn rounded(x: f32, y: f32, width: f32, height: f32, radius: f32) -> Path {
    let (right, bottom, r) = (x + width, y + height, radius);
    path(&format!(
        "M{} {y}L{} {y}Q{right} {y} {right} {}L{right} {}Q{right} {bottom} {} {bottom}L{} {bottom}Q{x} {bottom} {x} {}L{x} {}Q{x} {y} {} {y}Z",
        x + r,
        right - r,
        y + r,
        bottom - r,
        right - r,
        x + r,
        bottom - r,
        y + r,
        x + r
    ))
}

/// An ellipse by its middle and half axes.
pub(crate) fn ellipse(x: f32, y: f32, half_width: f32, half_height: f32) -> Path {
    let bounds = Rect::from_ltrb(x - half_width, y - half_height, x + half_width, y + half_height);
    PathBuilder::from_oval(bounds.expect("half axes are positive")).expect("the oval is not empty")
}

/// The straight line between two points.
pub(crate) fn segment(x1: f32, y1: f32, x2: f32, y2: f32) -> Path {
    path(&format!("M{x1} {y1}L{x2} {y2}"))
}

/// The point on a circle at `turns` of a full turn, clockwise from the top.
pub(crate) fn on_circle(x: f32, y: f32, radius: f32, turns: f32) -> (f32, f32) {
    let angle = (turns - 0.25) * TAU;
    (x + radius * angle.cos(), y + radius * angle.sin())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_all_letters_has_the_bounds_of_its_points() {
        let bounds = path("M10 20L30 20Q40 20 40 30C40 50 30 60 10 60Z").bounds();
        assert_eq!((bounds.left(), bounds.top(), bounds.right()), (10.0, 20.0, 40.0));
    }

    #[test]
    fn what_is_drawn_is_there_and_the_rest_is_transparent() {
        let mut canvas = Canvas::new(40, 20).unwrap();
        canvas.fill(&rounded(0.0, 0.0, 1000.0, 1000.0, 0.0), Rgb(200, 10, 10));
        let rgba = canvas.into_rgba();
        assert_eq!(rgba[4 * (10 * 40 + 20)..][..4], [200, 10, 10, 255]);
        assert_eq!(rgba[4 * (10 * 40 + 2)..][..4], [0, 0, 0, 0]);
    }
}
