//! Producers: persistent, mandatory, confirmed, many outstanding.

use super::{Shared, fault, link::Use, message, names};
use crate::{Enqueued, NewJob, StoreError};
use lapin::{
    BasicProperties, Channel, Confirmation, options::BasicPublishOptions, options::ConfirmSelectOptions,
};
use std::collections::HashSet;
use tokio::sync::Mutex;

/// Most messages of one call that wait for their confirms.
const OUTSTANDING: usize = 1_000;

/// The channel that confirms, opened by whoever needs it first.
#[derive(Debug, Default)]
pub(super) struct Publisher {
    channel: Mutex<Option<Channel>>,
}

/// A message on its way.
pub(super) struct Letter<'a> {
    /// The broker's queue.
    pub(super) to: String,
    pub(super) properties: BasicProperties,
    pub(super) body: &'a [u8],
}

impl Shared {
    /// Publishes plain jobs. Returns when the broker has all of them; an error may leave some there.
    pub(super) async fn carry(&self, jobs: &[NewJob]) -> Result<Vec<Enqueued>, StoreError> {
        let mut seen = HashSet::with_capacity(jobs.len());
        let mut answers = Vec::with_capacity(jobs.len());
        let mut letters = Vec::with_capacity(jobs.len());
        let now = self.now();
        {
            let desk = self.desk();
            for job in jobs {
                if desk.carried.has(job.id) || !seen.insert(job.id) {
                    answers.push(Enqueued::Existing(job.id));
                    continue;
                }
                answers.push(Enqueued::New(job.id));
                let to = names::band(&self.options.prefix, &job.queue, job.priority);
                // Whoever calls this has asked whether the job may be plain.
                let (Some(to), Some(properties)) = (to, message::properties(job, now)) else { continue };
                letters.push(Letter { to, properties, body: &job.payload });
            }
        }
        let queues: HashSet<&str> = jobs.iter().map(|job| job.queue.as_str()).collect();
        for queue in &queues {
            self.declare_all(queue).await?;
        }
        self.send(&letters).await?;
        let mut desk = self.desk();
        for id in seen {
            desk.carried.add(id);
        }
        drop(desk);
        for queue in queues {
            if let Some(line) = self.line(queue) {
                line.soil();
            }
        }
        self.news.ring();
        Ok(answers)
    }

    /// Sends letters in order and waits for all confirms.
    pub(super) async fn send(&self, letters: &[Letter<'_>]) -> Result<(), StoreError> {
        if letters.is_empty() {
            return Ok(());
        }
        let channel = self.publishing_channel().await?;
        let sent = self.link.ask(send_on(&channel, letters)).await;
        match sent {
            Ok(None) => Ok(()),
            Ok(Some(problem)) => {
                if let Problem::Unroutable(_) = problem {
                    // Somebody deleted the queue: the next try declares it again.
                    self.desk().declared.clear();
                }
                Err(problem.told(&self.link.location))
            }
            Err(error) => {
                *self.publisher.channel.lock().await = None;
                Err(error)
            }
        }
    }

    async fn publishing_channel(&self) -> Result<Channel, StoreError> {
        let mut slot = self.publisher.channel.lock().await;
        if let Some(channel) = slot.as_ref().filter(|channel| channel.status().connected()) {
            return Ok(channel.clone());
        }
        let channel = self.link.channel(Use::Publish).await?;
        self.link.ask(channel.confirm_select(ConfirmSelectOptions::default())).await?;
        *slot = Some(channel.clone());
        Ok(channel)
    }
}

/// Why a message is not in its queue.
#[derive(Debug, PartialEq, Eq)]
enum Problem {
    Unroutable(String),
    Refused(String),
}

impl Problem {
    fn told(&self, location: &str) -> StoreError {
        let what = match self {
            Self::Unroutable(queue) => format!("queue {queue} is gone; it is declared again at the next try"),
            Self::Refused(queue) => format!("the broker refused a message for queue {queue} (nack)"),
        };
        fault::unavailable(location, &what)
    }
}

async fn send_on(channel: &Channel, letters: &[Letter<'_>]) -> lapin::Result<Option<Problem>> {
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let mut problem = None;
    for piece in letters.chunks(OUTSTANDING) {
        let publish = |letter: &Letter<'_>| {
            let (to, properties) = (letter.to.as_str().into(), letter.properties.clone());
            let body = letter.body.to_vec();
            async move { channel.basic_publish("".into(), to, options, &body, properties).await }
        };
        let confirms = futures::future::join_all(piece.iter().map(publish)).await;
        for (letter, confirm) in piece.iter().zip(confirms) {
            match confirm?.await? {
                Confirmation::Ack(None) => {}
                Confirmation::Ack(Some(_)) => problem = Some(Problem::Unroutable(letter.to.clone())),
                _ => problem = problem.or_else(|| Some(Problem::Refused(letter.to.clone()))),
            }
        }
    }
    Ok(problem)
}
