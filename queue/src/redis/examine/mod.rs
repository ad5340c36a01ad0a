//! Checks the queue against itself: structure by functions on the server (lua/check.lua, lua/sweep.lua), each sound in
//! itself; what spans many calls (lists, shelves, counters) here, confirmed by a call before it counts.

mod census;
#[cfg(test)]
mod tests;

use super::{RedisStore, answer, pack, wire};
use crate::{Examined, Finding, Flaw, Remedy, StoreError};
use census::{Census, Correction};

/// What each part of an examination is about.
const PARTS: [&str; 8] = [
    "records",
    "running jobs and leases",
    "lists and lanes",
    "due and expiry sets",
    "unique keys and ids",
    "shelves of finished jobs",
    "groups",
    "counters",
];
/// What a step answers instead of a mark when others changed something since.
const MOVED: &[u8] = b"moved";
/// How often counters are counted anew when something moved meanwhile.
const TRIES: usize = 4;

/// One examination under way.
struct Look<'a> {
    store: &'a RedisStore,
    repair: bool,
    seen: Examined,
}

impl RedisStore {
    pub(super) async fn look_over(&self, repair: bool) -> Result<Examined, StoreError> {
        let parts = PARTS.map(str::to_owned).to_vec();
        let mut look = Look { store: self, repair, seen: Examined { parts, ..Examined::default() } };
        let mut still = false;
        for attempt in 0..TRIES {
            let mark = look.mark().await?;
            let census = look.count_jobs().await?;
            look.seen.jobs = census.jobs();
            if attempt == 0 {
                look.structure(&census).await?;
                // What was healed on the way is not in the census.
                if repair && !look.seen.findings.is_empty() {
                    continue;
                }
            }
            still = look.counters(&mark, &census).await?;
            if still {
                break;
            }
        }
        if !still {
            look.seen.unsure.push("counters: work went on, so they could not be compared".to_owned());
        }
        let mut command = redis::cmd("HLEN");
        command.arg(self.link.key("damaged"));
        look.seen.set_aside = self.answer(self.link.command(&command).await?).number()?.max(0) as u64;
        Ok(look.seen)
    }
}

impl Look<'_> {
    /// One step: where to go on, and facts.
    async fn step(&mut self, part: &str, args: &[&[u8]]) -> Result<(Vec<u8>, Vec<Vec<u8>>), StoreError> {
        let location = &self.store.link.location;
        let call = self.store.at_once("examine").arg(if self.repair { "1" } else { "0" }).arg(part);
        let answered = self.store.ask(&call.args(args.iter().copied())).await?;
        let mut parts = answered.list()?.into_iter();
        let next = answer::next(&mut parts, location)?.bytes()?;
        let mut told = answer::next(&mut parts, location)?.list()?.into_iter();
        while let Some(letter) = told.next() {
            let letter = letter.bytes()?;
            let subject = answer::next(&mut told, location)?.text()?;
            let text = answer::next(&mut told, location)?.text()?;
            let remedy = answer::next(&mut told, location)?.bytes()?;
            self.seen.add(Finding { flaw: flaw(&letter), subject, told: text, remedy: remedy_of(&remedy) });
        }
        let facts = answer::next(&mut parts, location)?.list()?;
        Ok((next, facts.into_iter().map(answer::Answer::bytes).collect::<Result<_, _>>()?))
    }

    /// All steps of a part; its facts go to `take`.
    async fn sweep(
        &mut self,
        part: &str,
        more: &[&[u8]],
        mut take: impl FnMut(Vec<Vec<u8>>) + Send,
    ) -> Result<(), StoreError> {
        let mut cursor = b"0".to_vec();
        loop {
            let args: Vec<&[u8]> = std::iter::once(cursor.as_slice()).chain(more.iter().copied()).collect();
            let (next, facts) = self.step(part, &args).await?;
            take(facts);
            if next == b"0" {
                return Ok(());
            }
            cursor = next;
        }
    }

    async fn mark(&mut self) -> Result<Vec<u8>, StoreError> {
        Ok(self.step("mark", &[b""]).await?.0)
    }

    async fn count_jobs(&mut self) -> Result<Census, StoreError> {
        let mut census = Census::default();
        self.sweep("jobs", &[], |facts| census.count(&facts)).await?;
        self.sweep("packs", &[], |facts| census.count(&facts)).await?;
        self.sweep("groups", &[], |facts| census.note_groups(&facts)).await?;
        Ok(census)
    }

    async fn structure(&mut self, census: &Census) -> Result<(), StoreError> {
        for (line, mut tokens) in census.fresh() {
            self.tokens(&line, |token| {
                for token in pack::tokens(token) {
                    tokens.remove(token.as_slice());
                }
            })
            .await?;
            for token in tokens {
                self.step("unlisted", &[token.get(8..).unwrap_or_default()]).await?;
            }
        }
        for (shelf, mut jobs) in census.shelved() {
            self.backwards(&format!("fin:{shelf}"), |block| {
                let Some((moment, seqs)) = wire::block(block) else { return };
                for seq in seqs {
                    jobs.remove([seq.to_be_bytes(), moment.to_be_bytes()].concat().as_slice());
                }
            })
            .await?;
            for job in jobs {
                let (seq, moment) = job.split_at(8);
                self.step("unshelved", &[seq, moment]).await?;
            }
        }
        for part in [
            "ids", "ranges", "keys", "run", "leases", "held", "stop", "errors", "further", "spans", "gone",
            "ran",
        ] {
            self.sweep(part, &[], drop).await?;
        }
        for queue in self.queues().await? {
            for prio in [b"0", b"1", b"2", b"3"] {
                self.sweep("lanes", &[queue.as_bytes(), prio], drop).await?;
                self.sweep("turns", &[queue.as_bytes(), prio], drop).await?;
            }
            self.sweep("due", &[queue.as_bytes()], drop).await?;
            self.sweep("exp", &[queue.as_bytes()], drop).await?;
        }
        Ok(())
    }

    /// Every token of a list of fresh jobs (lua/fresh.lua). Tokens become the first one of a share from the front of its
    /// list, so that one is read last.
    async fn tokens(
        &self,
        (queue, prio, share): &census::Line,
        mut visit: impl FnMut(&[u8]) + Send,
    ) -> Result<(), StoreError> {
        if share.is_empty() {
            return self.backwards(&format!("q:{queue}:f{prio}"), visit).await;
        }
        let length = [u8::try_from(queue.len()).unwrap_or_default()];
        let rest = [b"s:", length.as_slice(), queue.as_bytes(), &[*prio as u8], share.as_bytes()].concat();
        self.backwards(rest, &mut visit).await?;
        let mut command = redis::cmd("HGET");
        command.arg(self.store.link.key(&format!("q:{queue}:h{prio}"))).arg(share);
        visit(&self.store.answer(self.store.link.command(&command).await?).bytes()?);
        Ok(())
    }

    async fn queues(&self) -> Result<Vec<String>, StoreError> {
        let names = self.store.link.command(redis::cmd("HKEYS").arg(self.store.link.key("queues"))).await?;
        self.store.answer(names).list()?.into_iter().map(answer::Answer::text).collect()
    }

    /// Every entry of a list that only grows at its end, read from there: what was there all the time is not missed.
    async fn backwards(
        &self,
        list: impl AsRef<[u8]>,
        mut visit: impl FnMut(&[u8]) + Send,
    ) -> Result<(), StoreError> {
        /// A block of a shelf may name 500 runs of jobs.
        const PAGE: i64 = 500;
        let mut end = -1;
        loop {
            let mut command = redis::cmd("LRANGE");
            let key = [self.store.link.key("").as_bytes(), list.as_ref()].concat();
            command.arg(key).arg(end - PAGE + 1).arg(end);
            let page = self.store.answer(self.store.link.command(&command).await?).list()?;
            let full = page.len() as i64 == PAGE;
            for entry in page {
                visit(&entry.bytes()?);
            }
            if !full {
                return Ok(());
            }
            end -= PAGE;
        }
    }

    /// Compares counters with what was counted; whether nothing moved meanwhile.
    async fn counters(&mut self, mark: &[u8], census: &Census) -> Result<bool, StoreError> {
        let (mut corrections, nothing) = (Vec::new(), Census::default());
        let mut queues = self.queues().await?;
        for queue in census.queues() {
            if !queues.contains(&queue) {
                corrections.push(Correction::new("queues", queue.as_bytes(), "", 0));
                queues.push(queue);
            }
        }
        for queue in queues {
            for hash in ["count", "k0", "k1", "k2", "k3", "n0", "n1", "n2", "n3"] {
                let key = format!("q:{queue}:{hash}");
                corrections.extend(census.compare(&key, &self.hash(&key).await?));
            }
            let key = format!("q:{queue}:running");
            let counted = if self.counts_running(&queue).await? { census } else { &nothing };
            corrections.extend(counted.compare(&key, &self.hash(&key).await?));
        }
        corrections.extend(census.compare_meta(&self.hash("meta").await?));
        corrections.extend(census.compare_groups());
        // Each step answers the mark that its own corrections left, so that they are no movement to the next.
        let mut mark = mark.to_vec();
        for piece in corrections.chunks(100) {
            let flat: Vec<&[u8]> =
                std::iter::once(mark.as_slice()).chain(piece.iter().flat_map(Correction::args)).collect();
            mark = self.step("counters", &flat).await?.0;
            if mark == MOVED {
                return Ok(false);
            }
        }
        for id in census.stuck() {
            mark = self.step("stuck", &[&mark, &id]).await?.0;
            if mark == MOVED {
                return Ok(false);
            }
        }
        Ok(self.mark().await? == mark)
    }

    /// Running jobs of each key are counted only while their number is limited.
    async fn counts_running(&self, queue: &str) -> Result<bool, StoreError> {
        let mut command = redis::cmd("HGET");
        command.arg(self.store.link.key("limits")).arg(queue);
        let limits = self.store.answer(self.store.link.command(&command).await?).bytes()?;
        Ok(wire::limits(&limits).running.is_some())
    }

    async fn hash(&self, key: &str) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
        let (mut all, mut cursor) = (Vec::new(), b"0".to_vec());
        loop {
            let (next, pairs) = self.store.scan(key, &cursor).await?;
            all.extend(pairs);
            if next == b"0" {
                return Ok(all);
            }
            cursor = next;
        }
    }
}

fn flaw(letter: &[u8]) -> Flaw {
    match letter {
        b"d" => Flaw::Damaged,
        b"r" => Flaw::RunningWithoutLease,
        b"l" => Flaw::Lease,
        b"c" => Flaw::Counter,
        b"k" => Flaw::UniqueKey,
        b"g" => Flaw::Group,
        _ => Flaw::Index,
    }
}

fn remedy_of(letter: &[u8]) -> Remedy {
    match letter {
        b"h" => Remedy::Healed,
        b"p" => Remedy::Healable,
        _ => Remedy::None,
    }
}
