//! `vectors`: writing, writing again, searching, and going on after a kill: the embedded store, the store on Qdrant against
//! a server in the process that speaks its protocol (what the client costs; that server is no Qdrant), and against a real
//! one where `QDRANT_URL` (and perhaps `QDRANT_API_KEY`) names it; without, it is reported as absent.
//!
//! Vectors are made up: 384 dimensions, in clusters, as texts of a shop are.

mod contestant;
mod made_up;
mod report;
mod trial;

use crate::{options::Options, show};
use report::Figures;

/// Points by default, as in the bar.
const POINTS: usize = 10_000;

/// Runs it and prints the figures. `--rows N` sets the number of points.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let points = options.rows.unwrap_or(POINTS).max(100);
    let measure = async {
        let made = made_up::draw(points);
        let mut trials = Vec::new();
        let mut absent = Vec::new();
        for kind in contestant::ALL {
            match contestant::open(kind).await? {
                Ok(contestant) => trials.push(trial::run(&contestant, &made).await?),
                Err(why) => absent.push((kind.name(), why)),
            }
        }
        anyhow::Ok(Figures { points, trials, absent })
    };
    show::measured(options, measure, Figures::json, Figures::text)
}
