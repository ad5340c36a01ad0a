//! The four priorities of a named queue, and the consumers on them.

use super::{
    News, RabbitOptions, Record,
    band::Band,
    link::{Link, Use},
    locked, names, topology,
};
use crate::{KindRange, Priority, StoreError};
use lapin::{
    Channel,
    options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions},
    types::{FieldTable, ShortString},
};
use std::{
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Notify, task::AbortHandle, time::Instant};

/// How much the prefetch grows when it proves too small.
const STEP: u16 = 8;
/// It grows so up to this many times what is needed: all that was fetched comes back when the process or the broker dies.
const AHEAD: u16 = 4;
/// And up to this, beyond only as far as is needed.
const MOST: u16 = 2_000;

/// A worker that wants so many works so fast that as much again is fetched meanwhile.
const BURST: usize = 128;

#[derive(Debug)]
pub(super) struct Line {
    queue: Arc<str>,
    pub(super) bands: [Arc<Band>; 4],
    gear: tokio::sync::Mutex<Gear>,
    /// How often this process published something that may still be on its way here.
    soiled: AtomicU64,
    /// How often when all of it had arrived.
    clean: AtomicU64,
    /// Messages ready in the broker when it was asked last.
    backlog: Arc<AtomicU64>,
    claimed_at: Mutex<Instant>,
    /// Something arrived in one of the bands.
    came: Arc<Notify>,
    pumps: Mutex<Vec<AbortHandle>>,
    arguments: FieldTable,
}

/// What consumes.
#[derive(Debug, Default)]
struct Gear {
    wires: [Option<Wire>; 4],
    /// Deliveries that the broker leaves open for each priority; zero: nothing is consumed.
    prefetch: u16,
}

#[derive(Debug)]
struct Wire {
    channel: Channel,
    life: u64,
    tag: ShortString,
    /// Tells the task that listens that we ended its consumer ourselves.
    hushed: Arc<AtomicBool>,
}

impl Line {
    /// `None` when the name is too long for the broker.
    pub(super) fn new(queue: &str, options: &RabbitOptions, news: &Arc<News>) -> Option<Self> {
        let shared: Arc<str> = queue.into();
        let records = options.record == Record::EveryJob;
        let came = Arc::<Notify>::default();
        let backlog = Arc::<AtomicU64>::default();
        let band = |priority: Priority| {
            let name = names::band(&options.prefix, queue, priority)?;
            let (queue, came, news) = (Arc::clone(&shared), Arc::clone(&came), Arc::clone(news));
            let backlog = Arc::clone(&backlog);
            Some(Arc::new(Band::new(name, queue, priority, records, came, news, backlog)))
        };
        let [critical, high, normal, low] = Priority::ALL.map(band);
        Some(Self {
            queue: shared,
            bands: [critical?, high?, normal?, low?],
            gear: tokio::sync::Mutex::default(),
            soiled: AtomicU64::new(1),
            clean: AtomicU64::new(0),
            backlog,
            claimed_at: Mutex::new(Instant::now()),
            came,
            pumps: Mutex::default(),
            arguments: topology::band_arguments(options),
        })
    }

    /// The named queue.
    pub(super) fn queue(&self) -> String {
        self.queue.to_string()
    }

    /// Consumes all priorities, with room for `want` more open deliveries in each.
    pub(super) async fn consume(
        &self,
        link: &Link,
        kinds: &[KindRange],
        want: usize,
    ) -> Result<(), StoreError> {
        *locked(&self.claimed_at) = Instant::now();
        let mut gear = self.gear.lock().await;
        // What is held, what is here for others, and what is wanted.
        let need = self.bands.iter().map(|band| band.taken_up(kinds) + want);
        let need = u16::try_from(need.max().unwrap_or(want)).unwrap_or(u16::MAX);
        let all = self.bands.iter().zip(&gear.wires).all(|(band, wire)| {
            wire.as_ref().is_some_and(|wire| wire.channel.status().connected() && band.lives(wire.life))
        });
        if all && need <= gear.prefetch {
            return Ok(());
        }
        // A small buffer beyond what is needed. Who needs more soon after works fast, and changes are dear: a large step.
        let step = if all { gear.prefetch.saturating_mul(STEP).min(MOST) } else { gear.prefetch };
        let step = step.min(need.saturating_mul(AHEAD));
        // Who wants many at a time is through with them in milliseconds, and must not wait for the broker in between.
        let spare = if want >= BURST { need.min(MOST / 2) } else { need / 4 };
        let prefetch = need.saturating_add(spare).max(step).max(1);
        for (at, band) in self.bands.iter().enumerate() {
            let wire = match gear.wires[at].take() {
                Some(wire) if wire.channel.status().connected() && band.lives(wire.life) => wire,
                _ => open_wire(link, band, self.arguments.clone()).await?,
            };
            let wire = self.listen(link, band, wire, prefetch).await?;
            gear.wires[at] = Some(wire);
        }
        gear.prefetch = prefetch;
        Ok(())
    }

    /// Makes a wire consume with another prefetch.
    async fn listen(
        &self,
        link: &Link,
        band: &Arc<Band>,
        mut wire: Wire,
        prefetch: u16,
    ) -> Result<Wire, StoreError> {
        let channel = wire.channel.clone();
        self.hush(link, band, &mut wire).await?;
        link.ask(channel.basic_qos(prefetch, BasicQosOptions::default())).await?;
        let options = BasicConsumeOptions::default();
        let consuming =
            channel.basic_consume(band.name.as_str().into(), "".into(), options, FieldTable::default());
        let consumer = link.ask(consuming).await?;
        wire.tag = consumer.tag();
        wire.hushed = Arc::default();
        band.listen(Some(consumer.clone()));
        let (band, life, hushed) = (Arc::clone(band), wire.life, Arc::clone(&wire.hushed));
        let pump = tokio::spawn(async move {
            Arc::clone(&band).pump(life, consumer).await;
            if !hushed.load(Ordering::SeqCst) {
                band.end(life);
            }
        });
        let mut pumps = locked(&self.pumps);
        pumps.retain(|pump| !pump.is_finished());
        pumps.push(pump.abort_handle());
        Ok(wire)
    }

    /// Ends the consumer of a wire; what it has been sent stays ours.
    async fn hush(&self, link: &Link, band: &Band, wire: &mut Wire) -> Result<(), StoreError> {
        if wire.tag.as_str().is_empty() {
            return Ok(());
        }
        let tag = std::mem::take(&mut wire.tag);
        wire.hushed.store(true, Ordering::SeqCst);
        link.ask(wire.channel.basic_cancel(tag, BasicCancelOptions::default())).await?;
        band.listen(None);
        Ok(())
    }

    /// Consumes nothing any more until the next claim.
    pub(super) async fn rest(&self, link: &Link) -> Result<(), StoreError> {
        let mut gear = self.gear.lock().await;
        gear.prefetch = 0;
        for (band, wire) in self.bands.iter().zip(&mut gear.wires) {
            if let Some(wire) = wire {
                self.hush(link, band, wire).await?;
            }
        }
        Ok(())
    }

    /// Waits until what was ready in the broker is here, as far as the prefetch goes. Answers how many messages are ready
    /// there still. Two questions on each channel: the first is answered by the queue, and what it delivered before
    /// its answer is sent to us by the channel before the answer to the second.
    pub(super) async fn settle_in(&self, link: &Link) -> Result<u64, StoreError> {
        let before = self.soiled.load(Ordering::SeqCst);
        let gear = self.gear.lock().await;
        let prefetch = gear.prefetch;
        let ask = async |(band, wire): (&Arc<Band>, &Option<Wire>)| {
            let Some(wire) = wire else { return Ok(0) };
            let waiting = link.ask(topology::ready(&wire.channel, &band.name)).await?;
            link.ask(wire.channel.basic_qos(prefetch, BasicQosOptions::default())).await?;
            Ok(u64::from(waiting))
        };
        let asked = futures::future::join_all(self.bands.iter().zip(&gear.wires).map(ask)).await;
        drop(gear);
        self.drain();
        let waiting = asked.into_iter().sum::<Result<u64, StoreError>>()?;
        self.backlog.store(waiting, Ordering::SeqCst);
        if waiting == 0 {
            self.clean.fetch_max(before, Ordering::SeqCst);
        }
        Ok(waiting)
    }

    pub(super) fn drain(&self) {
        self.bands.iter().for_each(|band| band.drain());
    }

    /// Whether more was on its way when the broker was asked last.
    pub(super) fn has_backlog(&self) -> bool {
        self.backlog.load(Ordering::SeqCst) > 0
    }

    /// Waits until a claim may have `enough` jobs, at most `within`.
    pub(super) async fn arrival(&self, kinds: &[KindRange], enough: usize, within: Duration) {
        let arriving = async {
            loop {
                let mut more = pin!(self.came.notified());
                more.as_mut().enable();
                if self.ready(kinds, enough) >= enough {
                    return;
                }
                more.await;
            }
        };
        tokio::time::timeout(within, arriving).await.ok();
    }

    /// How many jobs a claim may have, counted up to `most`.
    pub(super) fn ready(&self, kinds: &[KindRange], most: usize) -> usize {
        self.bands.iter().map(|band| band.ready(kinds)).sum::<usize>().min(most)
    }

    pub(super) fn buffered(&self) -> usize {
        self.bands.iter().map(|band| band.buffered()).sum()
    }

    /// Something was published that may still be on its way here.
    pub(super) fn soil(&self) {
        self.soiled.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn is_soiled(&self) -> bool {
        self.soiled.load(Ordering::SeqCst) != self.clean.load(Ordering::SeqCst)
    }

    /// How long ago the last claim was.
    pub(super) fn idle(&self, now: Instant) -> Duration {
        now.saturating_duration_since(*locked(&self.claimed_at))
    }

    /// Ends the tasks that listen.
    pub(super) fn drop_wires(&self) {
        locked(&self.pumps).drain(..).for_each(|pump| pump.abort());
    }
}

async fn open_wire(link: &Link, band: &Band, arguments: FieldTable) -> Result<Wire, StoreError> {
    let channel = link.channel(Use::Consume).await?;
    link.ask(topology::declare(&channel, &band.name, arguments)).await?;
    let life = band.begin(channel.clone());
    Ok(Wire { channel, life, tag: ShortString::default(), hushed: Arc::default() })
}
