//! Things with a plug or a battery.

use super::Category;
use crate::draw::Shape;

pub(super) const ALL: &[&Category] = &[&HEADPHONES, &KEYBOARDS];

static HEADPHONES: Category = Category {
    path: ["Electronics", "Headphones"],
    code: "HDP",
    shape: Shape::Headphones,
    brands: ["Sonavo", "Kelvor", "Tactix"],
    kinds: [
        ("Wireless Headphones", "Thirty hours of music without a cable."),
        ("Noise-Cancelling Headphones", "Silence engines and open-plan offices at a touch."),
        ("Studio Headphones", "An honest sound for mixing and recording."),
        ("Gaming Headset", "Hear steps from every side and speak through a clear microphone."),
        ("Open-Back Headphones", "A wide stage for quiet rooms."),
        ("Children's Headphones", "The volume has a limit that protects young ears."),
        ("DJ Headphones", "Cups that turn and a bass that carries through the club."),
    ],
    sentences: [
        "Memory foam cushions can be replaced.",
        "Folds flat into its case.",
        "Connects to two devices at once.",
        "Charges in an hour.",
    ],
    option: ("connection", ["Bluetooth", "Cable"]),
    price: (29, 379),
    weight_g: (160, 390),
};

static KEYBOARDS: Category = Category {
    path: ["Electronics", "Keyboards"],
    code: "KBD",
    shape: Shape::Keyboard,
    brands: ["Tactix", "Kelvor", "Sonavo"],
    kinds: [
        ("Mechanical Keyboard", "Switches with a clear click for fast typists."),
        ("Quiet Office Keyboard", "Types so softly that nobody in the room looks up."),
        ("Compact Keyboard", "Leaves out the number block and leaves room for the mouse."),
        ("Ergonomic Keyboard", "Split and tilted, so that wrists stay straight."),
        ("Gaming Keyboard", "Lit keys that answer in a millisecond."),
        ("Travel Keyboard", "Folds into a pocket and wakes tablets up."),
        ("Numeric Keypad", "The missing number block for long columns of figures."),
    ],
    sentences: [
        "Letters are moulded through and never wear off.",
        "The cable comes off for transport.",
        "Key caps can be changed.",
        "Works with every common system.",
    ],
    option: ("layout", ["US", "ISO"]),
    price: (25, 219),
    weight_g: (210, 1250),
};
