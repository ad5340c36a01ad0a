//! Draws products: a shape for each category, coloured, on a soft backdrop.
//!
//! Shapes are drawn on a square of 1000×1000 units that is scaled into the picture, so they look the same in all sizes.

mod canvas;
mod clothing;
mod electronics;
mod home;
mod outdoor;

pub(crate) use canvas::{Canvas, Rgb};

/// What a category looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Jacket,
    TShirt,
    Shoe,
    Sunglasses,
    Watch,
    Tent,
    SleepingBag,
    Backpack,
    Flask,
    Mug,
    Lamp,
    Chair,
    Headphones,
    Keyboard,
}

/// Draws a product in `colour` with its shadow.
pub(crate) fn product(canvas: &mut Canvas, shape: Shape, colour: Rgb) {
    match shape {
        Shape::Jacket => clothing::jacket(canvas, colour),
        Shape::TShirt => clothing::t_shirt(canvas, colour),
        Shape::Shoe => clothing::shoe(canvas, colour),
        Shape::Sunglasses => clothing::sunglasses(canvas, colour),
        Shape::Watch => clothing::watch(canvas, colour),
        Shape::Tent => outdoor::tent(canvas, colour),
        Shape::SleepingBag => outdoor::sleeping_bag(canvas, colour),
        Shape::Backpack => outdoor::backpack(canvas, colour),
        Shape::Flask => home::flask(canvas, colour),
        Shape::Mug => home::mug(canvas, colour),
        Shape::Lamp => home::lamp(canvas, colour),
        Shape::Chair => home::chair(canvas, colour),
        Shape::Headphones => electronics::headphones(canvas, colour),
        Shape::Keyboard => electronics::keyboard(canvas, colour),
    }
}
