//! Clothing, shoes and what is worn with them.

use super::Category;
use crate::draw::Shape;

pub(super) const ALL: &[&Category] = &[&JACKETS, &TSHIRTS, &SHOES, &SUNGLASSES, &WATCHES];

static JACKETS: Category = Category {
    path: ["Clothing", "Jackets"],
    code: "JKT",
    shape: Shape::Jacket,
    brands: ["Nordvik", "Peakline", "Altara"],
    kinds: [
        (
            "Waterproof Running Jacket",
            "A light, waterproof jacket for running in the rain, with taped seams and vents.",
        ),
        ("Down Winter Jacket", "Filled with down against deep frost; packs into its own pocket."),
        (
            "Softshell Hiking Jacket",
            "Stretches with every step on the trail and turns away wind and drizzle.",
        ),
        ("Rain Parka", "A long, waterproof coat with a hood that stays dry in a downpour."),
        ("Fleece Jacket", "Soft fleece that warms on cool evenings and under a shell."),
        ("Packable Windbreaker", "Weighs less than an apple and stops the wind on runs and rides."),
        ("Insulated Ski Jacket", "Warm and waterproof on the slope, with a pocket for the lift pass."),
    ],
    sentences: [
        "Two zipped pockets keep keys and phone safe.",
        "The hood adjusts with one hand.",
        "Reflective details make you visible at night.",
        "Made of recycled polyester, free of fluorocarbons.",
    ],
    option: ("size", ["M", "L"]),
    price: (59, 289),
    weight_g: (180, 1100),
};

static TSHIRTS: Category = Category {
    path: ["Clothing", "T-Shirts"],
    code: "TSH",
    shape: Shape::TShirt,
    brands: ["Nordvik", "Stride & Sons", "Altara"],
    kinds: [
        ("Organic Cotton T-Shirt", "Soft organic cotton for every day."),
        ("Merino T-Shirt", "Fine merino wool that stays fresh for days of travel."),
        ("Training T-Shirt", "Dries fast and breathes in the gym."),
        ("Striped T-Shirt", "A sailor's stripe in heavy jersey."),
        ("Linen T-Shirt", "Cool linen for hot summer days."),
        ("Oversized T-Shirt", "A boxy cut with dropped shoulders."),
        ("Sun Protection T-Shirt", "Woven to block ultraviolet light at the beach."),
    ],
    sentences: [
        "Pre-washed, so it keeps its size.",
        "The flat seams do not rub.",
        "Machine washable at 30 degrees.",
        "Knitted and sewn in Portugal.",
    ],
    option: ("size", ["M", "L"]),
    price: (15, 69),
    weight_g: (120, 240),
};

static SHOES: Category = Category {
    path: ["Shoes", "Running Shoes"],
    code: "SHO",
    shape: Shape::Shoe,
    brands: ["Stride & Sons", "Peakline", "Velopax"],
    kinds: [
        ("Road Running Shoes", "Cushioned shoes for long runs on asphalt."),
        ("Trail Running Shoes", "Deep lugs grip mud and wet rock."),
        ("Racing Shoes", "A stiff plate and little weight for your fastest ten kilometres."),
        ("Stability Running Shoes", "A firm inner edge guides the foot of runners who roll inwards."),
        ("Barefoot Shoes", "A thin, flexible sole and room for the toes."),
        ("Winter Running Shoes", "Carbide studs and a gaiter for snow and ice."),
        ("Walking Shoes", "Easy shoes for standing and strolling all day."),
    ],
    sentences: [
        "The knitted upper breathes and holds the heel.",
        "The foam keeps its spring for 800 kilometres.",
        "The insole comes out for washing.",
        "Reflective heel for the dark season.",
    ],
    option: ("size", ["42", "44"]),
    price: (69, 189),
    weight_g: (380, 720),
};

static SUNGLASSES: Category = Category {
    path: ["Accessories", "Sunglasses"],
    code: "SUN",
    shape: Shape::Sunglasses,
    brands: ["Meridian", "Vesper", "Altara"],
    kinds: [
        ("Round Sunglasses", "Round lenses in a thin frame."),
        ("Sports Sunglasses", "Wrap around the face and stay put on the bike."),
        ("Polarised Sunglasses", "Take the glare off water and snow."),
        ("Square Sunglasses", "A bold square frame of acetate."),
        ("Glacier Sunglasses", "Very dark lenses with side shields for high mountains."),
        ("Folding Sunglasses", "Fold to the size of a matchbox."),
        ("Children's Sunglasses", "Soft, unbreakable frame for small faces."),
    ],
    sentences: [
        "The lenses block all ultraviolet light.",
        "A hard case and a cloth are in the box.",
        "Spring hinges fit wide and narrow heads.",
        "Lenses can be exchanged for prescription glass.",
    ],
    option: ("lens", ["Grey", "Brown"]),
    price: (19, 149),
    weight_g: (18, 45),
};

static WATCHES: Category = Category {
    path: ["Accessories", "Watches"],
    code: "WAT",
    shape: Shape::Watch,
    brands: ["Meridian", "Vesper", "Kelvor"],
    kinds: [
        ("Diver's Watch", "Tight to 200 metres, with a bezel that counts the minutes under water."),
        ("Dress Watch", "A slim case and a plain dial that slides under a cuff."),
        ("Field Watch", "Large numerals that can be read by moonlight."),
        ("Chronograph", "Stops laps to a tenth of a second."),
        ("GPS Sports Watch", "Records distance, pace and pulse of runs and swims."),
        ("Automatic Watch", "Wound by the movement of the wrist; no battery."),
        ("Solar Watch", "Charges under any lamp and runs for months in the dark."),
    ],
    sentences: [
        "Sapphire glass resists scratches.",
        "The strap changes without a tool.",
        "The hands glow for hours.",
        "Two years of warranty.",
    ],
    option: ("strap", ["Leather", "Steel"]),
    price: (49, 449),
    weight_g: (38, 160),
};
