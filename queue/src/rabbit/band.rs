//! One priority of a named queue: the consumer's buffer, and which deliveries are open.

use super::{News, acks::Acks, buffer::Buffer, locked, message, message::Plain};
use crate::{KindRange, Priority, Timestamp};
use futures::StreamExt;
use lapin::{Channel, Consumer, message::Delivery, options::BasicAckOptions};
use std::{
    ops::ControlFlow,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};

/// Between two looks at a backlog.
const BREATH: Duration = Duration::from_millis(1);

#[derive(Debug)]
pub(super) struct Band {
    /// The broker's queue.
    pub(super) name: String,
    queue: Arc<str>,
    priority: Priority,
    /// Whether what comes goes to the ledger at once.
    records: bool,
    /// Tells claims that wait for more.
    came: Arc<Notify>,
    news: Arc<News>,
    /// Messages ready in the broker when the line asked last.
    backlog: Arc<AtomicU64>,
    state: Mutex<State>,
    /// Held from the choice of acks until they are on their way: one that is overtaken by a later one for all before it
    /// would name a delivery that the broker does not know any more, which costs the channel.
    acking: tokio::sync::Mutex<()>,
}

/// A delivery that nobody has claimed yet.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) job: Plain,
    pub(super) hold: Hold,
    /// It was given to somebody before.
    pub(super) came_back: bool,
}

/// What an ack needs: the life of the channel, and the delivery on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hold {
    pub(super) life: u64,
    pub(super) tag: u64,
    pub(super) since: Instant,
}

/// A message that is no job.
#[derive(Debug)]
pub(super) struct Stray {
    pub(super) delivery: Delivery,
    pub(super) why: &'static str,
    pub(super) hold: Hold,
}

#[derive(Default)]
struct State {
    /// Grows with every channel. What was delivered on an earlier one is not ours any more.
    life: u64,
    channel: Option<Channel>,
    consumer: Option<Consumer>,
    buffer: Buffer,
    /// To be adopted: they came back, or everything is recorded.
    adoptable: Vec<Fetched>,
    /// How many are being adopted.
    leaving: usize,
    strays: Vec<Stray>,
    acks: Acks,
    /// Of the last delivery.
    last: u64,
    /// A claim found less here than it wanted.
    hungry: bool,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("life", &self.life)
            .field("buffer", &self.buffer.len())
            .field("open", &self.acks.open())
            .finish_non_exhaustive()
    }
}

impl Band {
    pub(super) fn new(
        name: String,
        queue: Arc<str>,
        priority: Priority,
        records: bool,
        came: Arc<Notify>,
        news: Arc<News>,
        backlog: Arc<AtomicU64>,
    ) -> Self {
        Self {
            name,
            queue,
            priority,
            records,
            came,
            news,
            backlog,
            state: Mutex::default(),
            acking: tokio::sync::Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }

    /// Starts a life on `channel`; returns its number.
    pub(super) fn begin(&self, channel: Channel) -> u64 {
        let mut state = self.state();
        state.end();
        state.channel = Some(channel);
        state.life
    }

    /// Ends a life, unless another has begun: what was delivered in it belongs to the broker again.
    pub(super) fn end(&self, life: u64) {
        let mut state = self.state();
        if state.life == life && state.channel.is_some() {
            state.end();
            drop(state);
            self.news.ring();
        }
    }

    /// The channel that stands.
    #[cfg(test)]
    pub(super) fn channel(&self) -> Option<Channel> {
        self.state().channel.clone().filter(|channel| channel.status().connected())
    }

    /// Whether deliveries of `life` are still ours.
    pub(super) fn lives(&self, life: u64) -> bool {
        let state = self.state();
        state.life == life && state.channel.is_some()
    }

    /// Takes deliveries from `consumer` from now on; what the last one still had was taken in before.
    pub(super) fn listen(&self, consumer: Option<Consumer>) {
        let mut state = self.state();
        self.take_in(&mut state, &mut Context::from_waker(Waker::noop())).is_ready();
        state.consumer = consumer;
    }

    /// Takes in what has arrived.
    pub(super) fn drain(&self) {
        let mut state = self.state();
        self.take_in(&mut state, &mut Context::from_waker(Waker::noop())).is_ready();
    }

    /// Takes in what arrives and tells about it, until the consumer ends. While there is a backlog it leaves out a breath
    /// after each look: claims look for themselves, and to be woken for every delivery costs more than it.
    pub(super) async fn pump(self: Arc<Self>, life: u64, mut own: Consumer) {
        while self.look(life, &mut own).await.is_continue() {
            tokio::time::sleep(BREATH).await;
        }
    }

    /// Takes in what arrives and tells about it, until the consumer ends or something came from a backlog.
    async fn look(&self, life: u64, own: &mut Consumer) -> ControlFlow<()> {
        std::future::poll_fn(|context| {
            let mut state = self.state();
            if state.life != life {
                return Poll::Ready(ControlFlow::Break(()));
            }
            let (before, was_empty) = (state.last, state.buffer.is_empty());
            let ended = self.take_from(&mut state, own, context);
            let came = state.last > before;
            let rings = came && (was_empty || std::mem::take(&mut state.hungry));
            let tends = !state.adoptable.is_empty() || !state.strays.is_empty();
            drop(state);
            if came {
                self.came.notify_waiters();
            }
            if rings {
                self.news.ring();
            }
            if came && tends {
                self.news.tend.notify_one();
            }
            match ended {
                Poll::Ready(()) => Poll::Ready(ControlFlow::Break(())),
                Poll::Pending if came && self.backlog.load(Ordering::SeqCst) > 0 => {
                    Poll::Ready(ControlFlow::Continue(()))
                }
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    fn take_in(&self, state: &mut State, context: &mut Context<'_>) -> Poll<()> {
        let Some(mut consumer) = state.consumer.take() else { return Poll::Pending };
        let before = state.last;
        let ended = self.take_from(state, &mut consumer, context);
        state.consumer = Some(consumer);
        if state.last > before {
            self.came.notify_waiters();
        }
        ended
    }

    /// Everything `consumer` has. Under the lock, so that nothing is ever between consumer and buffer.
    fn take_from(&self, state: &mut State, consumer: &mut Consumer, context: &mut Context<'_>) -> Poll<()> {
        let since = Instant::now();
        loop {
            match consumer.poll_next_unpin(context) {
                Poll::Ready(Some(Ok(delivery))) => self.sort(state, delivery, since),
                Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn sort(&self, state: &mut State, mut delivery: Delivery, since: Instant) {
        let hold = Hold { life: state.life, tag: delivery.delivery_tag, since };
        state.acks.delivered(hold.tag);
        state.last = hold.tag;
        let came_back = message::came_back(&delivery);
        match Plain::read(&mut delivery, &self.queue, self.priority, |kind| state.buffer.name(kind)) {
            Ok(job) if self.records || came_back => state.adoptable.push(Fetched { job, hold, came_back }),
            Ok(job) => state.buffer.push(Fetched { job, hold, came_back }),
            Err(why) => state.strays.push(Stray { delivery, why, hold }),
        }
    }

    /// Acks deliveries: those that follow each other with one frame, those behind a gap when it has closed or with the
    /// next [`Band::ack_late`] or [`Band::flush`]. Answers for each whether it was still ours.
    pub(super) async fn ack(&self, holds: &[Hold]) -> Vec<bool> {
        let _in_turn = self.acking.lock().await;
        let (channel, life, frame, late) = {
            let mut state = self.state();
            let life = state.life;
            let tags = holds.iter().filter(|hold| hold.life == life).map(|hold| hold.tag);
            let Some(channel) = state.channel.clone() else { return vec![false; holds.len()] };
            let frame = state.acks.ended(tags, Instant::now());
            (channel, life, frame, state.acks.are_some_late())
        };
        if late {
            self.news.late.notify_one();
        }
        let sent = send_acks(&channel, frame.map(|tag| (tag, true))).await && channel.status().connected();
        holds.iter().map(|hold| sent && hold.life == life).collect()
    }

    /// Acks one by one what is done behind a gap that does not close. Returns whether more waits there.
    pub(super) async fn ack_late(&self) -> bool {
        self.ack_each(|acks| acks.take_late(Instant::now())).await
    }

    /// Acks one by one all that is done behind a gap.
    pub(super) async fn flush(&self) {
        self.ack_each(Acks::take_all).await;
    }

    async fn ack_each(&self, take: impl Fn(&mut Acks) -> Vec<u64>) -> bool {
        let _in_turn = self.acking.lock().await;
        let (channel, tags, more) = {
            let mut state = self.state();
            let Some(channel) = state.channel.clone() else { return false };
            (channel, take(&mut state.acks), state.acks.are_some_late())
        };
        // One that fails is lost with its channel, like the others.
        send_acks(&channel, tags.into_iter().map(|tag| (tag, false))).await;
        more
    }

    /// How many deliveries take up room that a claim for `kinds` does not get: held by workers, or here for other kinds. What
    /// is done or on its way to the ledger is gone soon; to make room for it, too, would fetch ever more of what comes
    /// back when a worker dies, for the survivors to adopt.
    pub(super) fn taken_up(&self, kinds: &[KindRange]) -> usize {
        let state = self.state();
        let gone = state.acks.late() + state.adoptable.len() + state.leaving + state.buffer.ready(kinds);
        state.acks.open().saturating_sub(gone)
    }

    /// When the first job that a claim may have was stored; `None` without one.
    pub(super) fn head(&self, kinds: &[KindRange]) -> Option<Timestamp> {
        self.state().buffer.head(kinds)
    }

    /// Takes the first jobs that a claim may have, at most `most`.
    pub(super) fn take_many(&self, kinds: &[KindRange], most: usize) -> Vec<Fetched> {
        self.state().buffer.take(kinds, most)
    }

    /// How many jobs a claim may have.
    pub(super) fn ready(&self, kinds: &[KindRange]) -> usize {
        self.state().buffer.ready(kinds)
    }

    /// How many jobs wait in the buffer.
    pub(super) fn buffered(&self) -> usize {
        self.state().buffer.len()
    }

    /// A claim found less than it wanted: tell it when more comes.
    pub(super) fn want(&self) {
        self.state().hungry = true;
    }

    /// Takes what is to be adopted, and at most `most` buffered jobs that nobody `knows` by their kind and version.
    pub(super) fn unknown(&self, knows: impl Fn(&str, u16) -> bool, most: usize) -> Vec<Fetched> {
        let mut state = self.state();
        if state.buffer.is_known(&knows) {
            return state.adoptable(|_| false, 0);
        }
        state.adoptable(|job| !knows(&job.kind, job.version), most)
    }

    /// Takes what is to be adopted, and buffered jobs that are `wanted` elsewhere.
    pub(super) fn adoptable(&self, wanted: impl Fn(&Plain) -> bool) -> Vec<Fetched> {
        self.state().adoptable(wanted, usize::MAX)
    }

    /// Puts back what could not be adopted.
    pub(super) fn put_back(&self, fetched: Vec<Fetched>) {
        let mut state = self.state();
        let life = state.life;
        state.leaving = state.leaving.saturating_sub(fetched.len());
        state.adoptable.extend(fetched.into_iter().filter(|one| one.hold.life == life));
    }

    /// So many of what was taken were adopted and acked.
    pub(super) fn left(&self, count: usize) {
        let mut state = self.state();
        state.leaving = state.leaving.saturating_sub(count);
    }

    /// Takes the messages that are no jobs.
    pub(super) fn strays(&self) -> Vec<Stray> {
        std::mem::take(&mut self.state().strays)
    }

    /// Puts back strays that could not be parked.
    pub(super) fn put_back_strays(&self, strays: Vec<Stray>) {
        let mut state = self.state();
        let life = state.life;
        state.strays.extend(strays.into_iter().filter(|one| one.hold.life == life));
    }
}

impl State {
    fn end(&mut self) {
        *self = Self { life: self.life + 1, ..Self::default() };
    }

    fn adoptable(&mut self, wanted: impl Fn(&Plain) -> bool, most: usize) -> Vec<Fetched> {
        let mut taken = std::mem::take(&mut self.adoptable);
        if most > 0 {
            taken.extend(self.buffer.sift(wanted, most));
        }
        self.leaving += taken.len();
        taken
    }
}

/// Sends acks, each a tag and whether it stands for all before it. Whether the channel took them.
async fn send_acks(channel: &Channel, acks: impl IntoIterator<Item = (u64, bool)>) -> bool {
    let ack = |(tag, multiple)| channel.basic_ack(tag, BasicAckOptions { multiple });
    let sent = futures::future::join_all(acks.into_iter().map(ack)).await;
    sent.iter().all(Result::is_ok)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::JobId;

    fn came_back(tag: u64) -> Fetched {
        let job = Plain {
            id: JobId(uuid::Uuid::from_u128(tag.into())),
            kind: "kind".into(),
            version: 1,
            queue: "q".into(),
            priority: Priority::Normal,
            payload: Vec::new(),
            enqueued_at: Timestamp(0),
        };
        Fetched { job, hold: Hold { life: 0, tag, since: Instant::now() }, came_back: true }
    }

    #[test]
    fn what_is_on_its_way_to_the_ledger_asks_for_no_more_room() {
        let (queue, came) = ("q".into(), Arc::default());
        let band = Band::new(
            "band".to_owned(),
            queue,
            Priority::Normal,
            false,
            came,
            Arc::default(),
            Arc::default(),
        );
        {
            let mut state = band.state();
            (1..=10).for_each(|tag| state.acks.delivered(tag));
            state.adoptable.extend((1..=6).map(came_back));
        }
        assert_eq!(band.taken_up(&[]), 4, "held");
        let mut leaving = band.adoptable(|_| true);
        assert_eq!((leaving.len(), band.taken_up(&[])), (6, 4));
        band.put_back(leaving.split_off(2));
        assert_eq!(band.taken_up(&[]), 4);
        let now = Instant::now();
        band.state().acks.ended(leaving.iter().map(|one| one.hold.tag), now);
        band.left(leaving.len());
        assert_eq!(band.taken_up(&[]), 4);
    }
}
