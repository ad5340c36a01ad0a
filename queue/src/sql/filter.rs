//! From a [`JobFilter`] to a condition. The text is put together from constants and numbers; what comes from outside
//! is bound.

use super::{
    codes::state_code,
    fault::Result,
    query::{Query, query},
    rows::{Json, json, pack_jobs},
};
use crate::{JobFilter, JobState};
use std::fmt::Write;

/// A condition on a job called `j`, and its parameters from `?1` on.
#[derive(Debug)]
pub(super) struct Condition {
    text: String,
    parameters: Vec<Parameter>,
}

#[derive(Clone, Debug)]
enum Parameter {
    Text(String),
    Json(Json),
    Bytes(Vec<u8>),
}

impl Condition {
    pub(super) fn of(filter: &JobFilter) -> Result<Self> {
        let mut condition = Self { text: String::from("true"), parameters: Vec::new() };
        let JobFilter { states, kind, queue, group, ids, error_contains } = filter;
        if !states.is_empty() {
            condition.states(states);
        }
        if let Some(kind) = kind {
            condition.and_text("j.lane IN (SELECT n FROM lane WHERE kind = {})", kind);
        }
        if let Some(queue) = queue {
            condition.and_text("j.queue = (SELECT n FROM queue WHERE name = {})", queue);
        }
        if let Some(group) = group {
            let id = Parameter::Bytes(group.0.into_bytes().to_vec());
            condition.and("j.grp IS NOT NULL AND j.grp = (SELECT n FROM grp WHERE id = {})", id);
        }
        if !ids.is_empty() {
            // One text of zeros, one character an id, makes the rows to cut the ids from.
            let places = json(&vec![0; ids.len()])?;
            let packed = Parameter::Bytes(pack_jobs(ids.iter()));
            condition.parameters.push(Parameter::Json(places));
            let places = condition.parameters.len();
            let text = format!("j.id IN (SELECT substr({{}}, 16 * key + 1, 16) FROM json_each(?{places}))");
            condition.and(&text, packed);
        }
        if let Some(error) = error_contains {
            condition.and_text("instr(j.last_error, {}) > 0", error);
        }
        Ok(condition)
    }

    /// Spelled as the partial indexes spell it, where one of them can help.
    fn states(&mut self, states: &[JobState]) {
        let mut codes: Vec<_> = states.iter().map(|state| state_code(*state)).collect();
        codes.sort_unstable();
        codes.dedup();
        if let [code] = codes[..] {
            let _ = write!(self.text, " AND j.state = {code}");
        }
        let codes = codes.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
        let _ = write!(self.text, " AND j.state IN ({codes})");
        if states.iter().all(|state| matches!(state, JobState::Discarded | JobState::Quarantined)) {
            self.text.push_str(" AND j.state IN (6, 7)");
        }
    }

    fn and_text(&mut self, text: &str, value: &str) {
        self.and(text, Parameter::Text(value.to_owned()));
    }

    fn and(&mut self, text: &str, value: Parameter) {
        self.parameters.push(value);
        let place = format!("?{}", self.parameters.len());
        self.text.push_str(" AND ");
        self.text.push_str(&text.replace("{}", &place));
    }

    /// The text that `text` makes of the condition, given the number of the first further parameter.
    pub(super) fn text(&self, text: impl FnOnce(&str, usize) -> String) -> String {
        text(&self.text, self.parameters.len() + 1)
    }

    /// The statement that `text` makes of the condition, with the parameters bound; further ones
    /// follow.
    pub(super) fn statement(&self, text: impl FnOnce(&str, usize) -> String) -> Query {
        let sql = self.text(text);
        // Filters are of many shapes: their statements are not kept.
        let mut query = query(sql).once();
        for parameter in &self.parameters {
            query = match parameter.clone() {
                Parameter::Text(text) => query.bind(text),
                Parameter::Json(list) => query.bind(list),
                Parameter::Bytes(bytes) => query.bind(bytes),
            };
        }
        query
    }
}
