//! The fields of a product that stand for themselves: stock, weight, images, attributes, status, dates.

use super::assemble::{Assembler, Note};
use super::checks::attributes::Attributes;
use super::checks::{image, values};
use super::field::Field;
use super::raw::{Fault, Raw};
use super::{Code, WarningCode};
use crate::{Availability, Status};

impl Assembler {
    pub(super) fn stock(&self, raw: &Raw) -> Result<(Availability, Option<i32>), Fault> {
        let (word, units) = (self.value(raw, Field::Availability), self.value(raw, Field::Stock));
        let stated = match word {
            "" => None,
            word => Some(values::availability(word).ok_or_else(|| {
                let message = "is no availability; write in_stock, out_of_stock, preorder or backorder";
                self.fault(Code::BadAvailability, Field::Availability, raw, message)
            })?),
        };
        let units = match units {
            "" => None,
            units => Some(values::stock(units).map_err(|code| {
                let message = if code == Code::NegativeStock {
                    "is below zero; write 0 or more"
                } else {
                    "is not a whole number"
                };
                self.fault(code, Field::Stock, raw, message)
            })?),
        };
        // The zero that shops write beside a parent says nothing about its variants.
        let units = units.filter(|units| *units > 0 || !self.has_variants(raw));
        let derived = if units == Some(0) { Availability::OutOfStock } else { Availability::InStock };
        Ok((stated.unwrap_or(derived), units))
    }

    pub(super) fn weight(&self, raw: &Raw, attributes: &mut Attributes) -> Result<Option<i32>, Fault> {
        for (field, unit_g) in [(Field::WeightG, 1.0), (Field::WeightKg, 1_000.0)] {
            let cell = self.value(raw, field);
            if !cell.is_empty() {
                let fault = |code| self.fault(code, field, raw, "is no weight; write a number of 0 or more");
                return values::weight(cell, unit_g).map(Some).map_err(fault);
            }
        }
        let cell = self.value(raw, Field::Weight);
        if cell.is_empty() {
            return Ok(None);
        }
        let fault = |code| self.fault(code, Field::Weight, raw, "is no weight; write it like 1.5 kg");
        let grams = values::weight_with_unit(cell).map_err(fault)?;
        if grams.is_none() {
            attributes.set(Field::Weight.name(), cell);
        }
        Ok(grams)
    }

    pub(super) fn image_links(&self, raw: &Raw, notes: &mut Vec<Note>) -> Result<Vec<String>, Fault> {
        let main =
            Some((Field::ImageLink, self.value(raw, Field::ImageLink))).filter(|(_, link)| !link.is_empty());
        let further = self.images.iter().flat_map(|column| image::split_list(raw.cell(*column)));
        let mut links: Vec<String> = Vec::new();
        let mut dropped = 0usize;
        for (field, link) in main.into_iter().chain(further.map(|link| (Field::AdditionalImageLinks, link))) {
            let Some(parsed) = image::parse(link) else {
                let message = "is neither an http(s) address nor a path below the images folder";
                return Err(Fault::new(Code::BadImageLink, Some(field.name()), link, message));
            };
            if links.contains(&parsed) {
                continue;
            }
            if links.len() < image::MAX_LINKS { links.push(parsed) } else { dropped += 1 }
        }
        if dropped > 0 {
            let text = format!(
                "{dropped} of the image links were left out; a product has at most {}",
                image::MAX_LINKS
            );
            notes.push((WarningCode::TooManyImages, Some(Field::AdditionalImageLinks), text));
        }
        Ok(links)
    }

    pub(super) fn attributes(&self, raw: &Raw, attributes: &mut Attributes) -> Result<(), Fault> {
        let bad = |code, field, message: &str| self.fault(code, field, raw, message);
        attributes
            .json(self.value(raw, Field::Attributes))
            .map_err(|code| bad(code, Field::Attributes, "is no JSON object without U+0000"))?;
        attributes
            .pairs(self.value(raw, Field::AdditionalAttributes))
            .map_err(|code| bad(code, Field::AdditionalAttributes, "is no list of key=value pairs"))?;
        for (name, value) in self.options(raw) {
            attributes.set(name, value);
        }
        for (column, name) in &self.attributes {
            attributes.set(name, raw.cell(*column));
        }
        attributes.extend(&raw.extra);
        Ok(())
    }

    pub(super) fn status(&self, raw: &Raw) -> Result<Status, Fault> {
        let message = "is no status; write active, draft or archived";
        for (field, parse) in [
            (Field::Status, values::status as fn(&str) -> Option<Status>),
            (Field::Published, values::published),
        ] {
            let cell = self.value(raw, field);
            if !cell.is_empty() {
                return parse(cell).ok_or_else(|| self.fault(Code::BadStatus, field, raw, message));
            }
        }
        Ok(Status::default())
    }

    pub(super) fn updated_at(&self, raw: &Raw, notes: &mut Vec<Note>) -> Option<i64> {
        let cell = self.value(raw, Field::UpdatedAt);
        if cell.is_empty() {
            return None;
        }
        let instant = values::updated_at_ms(cell);
        if instant.is_none() {
            let text = "is no date such as 2026-11-21T08:00:00Z; ignored".to_owned();
            notes.push((WarningCode::BadUpdatedAt, Some(Field::UpdatedAt), text));
        }
        instant
    }
}
