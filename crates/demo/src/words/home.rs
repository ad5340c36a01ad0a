//! Kitchen, light and furniture.

use super::Category;
use crate::draw::Shape;

pub(super) const ALL: &[&Category] = &[&FLASKS, &MUGS, &LAMPS, &CHAIRS];

static FLASKS: Category = Category {
    path: ["Kitchen", "Vacuum Flasks"],
    code: "FLK",
    shape: Shape::Flask,
    brands: ["Kelvor", "Hearthen", "Tarnwood"],
    kinds: [
        ("Vacuum Flask", "Keeps coffee hot for twelve hours and water cold for a day."),
        ("Travel Tumbler", "Insulated tumbler that keeps your coffee hot on the train; one hand opens it."),
        ("Thermos Jug", "An insulated jug that keeps coffee and tea hot on the breakfast table."),
        ("Food Flask", "Soup stays hot until noon; a spoon is in the lid."),
        ("Insulated Bottle", "Double walls keep drinks hot or cold; it never sweats."),
        ("Camping Flask", "A rugged flask with two cups that keeps coffee warm on the summit."),
        ("Espresso Flask", "Small enough for a coat pocket, keeps an espresso hot till the office."),
    ],
    sentences: [
        "Stainless steel inside and out, no taste of yesterday's drink.",
        "Leakproof, also upside down in a bag.",
        "The wide mouth takes ice and a brush.",
        "The lid comes apart for the dishwasher.",
    ],
    option: ("volume", ["0.5 l", "0.75 l"]),
    price: (19, 59),
    weight_g: (240, 620),
};

static MUGS: Category = Category {
    path: ["Kitchen", "Mugs"],
    code: "MUG",
    shape: Shape::Mug,
    brands: ["Kiln & Clay", "Hearthen", "Osterby"],
    kinds: [
        ("Stoneware Mug", "Thrown by hand; no two are alike."),
        ("Porcelain Cup", "Thin white porcelain inside, a coloured glaze outside."),
        ("Enamel Mug", "Steel and enamel, at home in the garden."),
        ("Latte Bowl", "Wide enough for a croissant."),
        ("Glass Tea Cup", "Clear glass shows the colour of the tea."),
        ("Espresso Cup", "A thick-walled cup for a short drink."),
        ("Children's Mug", "Two handles for small hands."),
    ],
    sentences: [
        "Safe in dishwasher and microwave.",
        "The glaze is free of lead.",
        "Stacks neatly in the cupboard.",
        "Comes in a box, ready to give.",
    ],
    option: ("volume", ["0.25 l", "0.4 l"]),
    price: (6, 29),
    weight_g: (180, 420),
};

static LAMPS: Category = Category {
    path: ["Home", "Lamps"],
    code: "LMP",
    shape: Shape::Lamp,
    brands: ["Lumora", "Osterby", "Hearthen"],
    kinds: [
        ("Table Lamp", "Warm light for a side table."),
        ("Desk Lamp", "Bright, even light for reading and work; the arm bends where you need it."),
        ("Bedside Lamp", "Dims at a touch and wakes nobody."),
        ("Floor Lamp", "Lights a reading corner from above the shoulder."),
        ("Daylight Lamp", "Ten thousand lux against dark winter mornings."),
        ("Portable Lamp", "Shines for a whole evening on the balcony without a cable."),
        ("Night Light", "A soft glow for a child's room."),
    ],
    sentences: [
        "The shade is linen on a steel frame.",
        "Takes any bulb with a common screw base.",
        "The switch sits on the cable.",
        "A heavy foot keeps it upright.",
    ],
    option: ("bulb", ["Warm white", "Neutral white"]),
    price: (24, 219),
    weight_g: (500, 4200),
};

static CHAIRS: Category = Category {
    path: ["Furniture", "Chairs"],
    code: "CHR",
    shape: Shape::Chair,
    brands: ["Osterby", "Hearthen", "Lumora"],
    kinds: [
        ("Dining Chair", "A curved back for long dinners."),
        ("Office Chair", "Supports the lower back through the working day."),
        ("Armchair", "Deep, soft and made for books."),
        ("Bar Stool", "The right height for a kitchen counter."),
        ("Folding Chair", "Hangs on a hook until guests come."),
        ("Garden Chair", "Weatherproof seat for terrace and lawn."),
        ("Rocking Chair", "Rocks babies, and those who carry them, to sleep."),
    ],
    sentences: [
        "Legs of solid ash from managed woods.",
        "Felt pads protect the floor.",
        "Carries 130 kilograms.",
        "Assembled with one key in ten minutes.",
    ],
    option: ("wood", ["Ash", "Walnut"]),
    price: (49, 489),
    weight_g: (2800, 16000),
};
