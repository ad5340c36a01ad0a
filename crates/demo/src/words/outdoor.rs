//! Things for a night outside and the way there.

use super::Category;
use crate::draw::Shape;

pub(super) const ALL: &[&Category] = &[&TENTS, &SLEEPING_BAGS, &BACKPACKS];

static TENTS: Category = Category {
    path: ["Outdoor", "Tents"],
    code: "TNT",
    shape: Shape::Tent,
    brands: ["Peakline", "Nordvik", "Tarnwood"],
    kinds: [
        ("Trekking Tent", "A light tent for campers who carry their home over the hills."),
        ("Family Tent", "Two cabins and a living room for camping with children."),
        ("Pop-Up Tent", "Throw it in the air and it stands: the gift for a camper who hates poles."),
        ("Dome Tent", "Stands without pegs on any camp site."),
        ("Winter Tent", "Snow flaps and crossed poles for camping above the tree line."),
        ("Tunnel Tent", "Long and roomy, with a porch for cooking at camp when it rains."),
        ("Festival Tent", "Cheap, cheerful and quick to find at night among a thousand others."),
    ],
    sentences: [
        "The floor holds a water column of five metres.",
        "Colour-coded poles: pitched in minutes.",
        "Mosquito nets close both doors.",
        "A welcome present for anyone who likes to sleep under the stars.",
    ],
    option: ("sleeps", ["2 persons", "4 persons"]),
    price: (79, 599),
    weight_g: (1400, 9800),
};

static SLEEPING_BAGS: Category = Category {
    path: ["Outdoor", "Sleeping Bags"],
    code: "SLP",
    shape: Shape::SleepingBag,
    brands: ["Tarnwood", "Nordvik", "Peakline"],
    kinds: [
        ("Three-Season Sleeping Bag", "From the last frost of spring to the first of autumn."),
        ("Down Sleeping Bag", "Goose down for cold camps and small backpacks."),
        ("Summer Sleeping Bag", "Opens flat as a blanket on warm nights at the camp site."),
        ("Expedition Sleeping Bag", "Comfortable at thirty degrees below zero."),
        ("Children's Sleeping Bag", "Grows with the child: a cosy gift for young campers."),
        ("Double Sleeping Bag", "Room for two in one tent."),
        ("Hammock Sleeping Bag", "Slips around the hammock, so that no cold comes from below."),
    ],
    sentences: [
        "The zip does not bite the lining.",
        "A drawcord closes the hood.",
        "Comes with a compression sack.",
        "Washable at home.",
    ],
    option: ("length", ["Regular", "Long"]),
    price: (39, 429),
    weight_g: (600, 2600),
};

static BACKPACKS: Category = Category {
    path: ["Bags", "Backpacks"],
    code: "BAG",
    shape: Shape::Backpack,
    brands: ["Tarnwood", "Velopax", "Altara"],
    kinds: [
        ("Laptop Backpack", "A padded sleeve for the laptop and order for cables on the way to work."),
        ("Hiking Backpack", "A ventilated back and a rain cover for day walks."),
        ("Trekking Backpack", "Carries twenty kilograms on the hips for a week on the trail."),
        ("School Backpack", "Light, upright and bright for the way to school."),
        ("Roll-Top Backpack", "Welded and dry in any rain, for riding to town."),
        ("Camera Backpack", "Opens at the back to a padded box for camera and lenses."),
        ("Running Vest", "Two soft bottles and a phone, without a bounce."),
    ],
    sentences: [
        "The straps adjust to tall and small backs.",
        "Woven from recycled bottles.",
        "A hidden pocket keeps passport and cards.",
        "All zips can be repaired.",
    ],
    option: ("volume", ["20 l", "35 l"]),
    price: (35, 249),
    weight_g: (350, 2100),
};
