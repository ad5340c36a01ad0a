//! The queues of a deployment: declared where they are missing, compared where they are there.

use super::{RabbitOptions, Shared, fault, link::Use, names};
use crate::{Priority, StoreError, Timestamp};
use lapin::{
    Channel,
    options::QueueDeclareOptions,
    types::{AMQPValue, FieldTable},
};

/// Start of the cron entry under which the ledger remembers that a named queue is on the broker. There is no other
/// place that all processes see: AMQP cannot list queues.
const REGISTER: &str = "rabbitmq queue ";

/// Declares `name`; the same again changes nothing. Answers how many messages are ready in it.
pub(super) async fn declare(channel: &Channel, name: &str, arguments: FieldTable) -> lapin::Result<u32> {
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    let queue = channel.queue_declare(name.into(), options, arguments).await?;
    Ok(queue.message_count())
}

/// How many messages are ready in `name`, which must be there.
pub(super) async fn ready(channel: &Channel, name: &str) -> lapin::Result<u32> {
    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let queue = channel.queue_declare(name.into(), options, FieldTable::default()).await?;
    Ok(queue.message_count())
}

/// The arguments of a queue that carries jobs: a message that takes too many consumers down is parked, not dropped.
pub(super) fn band_arguments(options: &RabbitOptions) -> FieldTable {
    let mut arguments = parked_arguments(options);
    if options.queue_type == super::QueueType::Quorum {
        arguments.insert("x-delivery-limit".into(), AMQPValue::LongInt(options.delivery_limit.into()));
        arguments.insert("x-dead-letter-exchange".into(), AMQPValue::LongString("".into()));
        let parked = names::parked(&options.prefix);
        arguments.insert("x-dead-letter-routing-key".into(), AMQPValue::LongString(parked.into()));
    }
    arguments
}

/// The arguments of the queue of parked messages.
pub(super) fn parked_arguments(options: &RabbitOptions) -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString(options.queue_type.as_str().into()));
    arguments
}

impl Shared {
    /// Remembers for all processes that `queue` is on the broker.
    pub(super) async fn register(&self, queue: &str) -> Result<(), StoreError> {
        if self.desk().registered.contains(queue) {
            return Ok(());
        }
        self.ledger.fire(&format!("{REGISTER}{queue}"), Timestamp(0), Vec::new()).await?;
        self.desk().registered.insert(queue.to_owned());
        Ok(())
    }

    /// Named queues that are on the broker, by name.
    pub(super) async fn registered(&self) -> Result<Vec<String>, StoreError> {
        let fired = self.ledger.last_fired().await?;
        let names = fired.into_iter().filter_map(|(entry, _)| Some(entry.strip_prefix(REGISTER)?.to_owned()));
        Ok(names.collect())
    }

    /// Declares all priorities of `queue`, once; one after the other, because the broker does not take two declarations of
    /// one quorum queue at once.
    pub(super) async fn declare_all(&self, queue: &str) -> Result<(), StoreError> {
        if self.desk().declared.contains(queue) {
            return Ok(());
        }
        let _declaring = self.declaring.lock().await;
        if self.desk().declared.contains(queue) {
            return Ok(());
        }
        self.register(queue).await?;
        let channel = self.link.channel(Use::Publish).await?;
        for priority in Priority::ALL {
            let Some(name) = names::band(&self.options.prefix, queue, priority) else { continue };
            self.link.ask(declare(&channel, &name, band_arguments(&self.options))).await?;
        }
        self.desk().declared.insert(queue.to_owned());
        Ok(())
    }

    /// Messages that wait in the broker for each registered queue, by name. A queue that somebody deleted has none.
    pub(super) async fn waiting(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let mut waiting = Vec::new();
        let mut channel = None;
        for queue in self.registered().await? {
            let mut sum = 0;
            for priority in Priority::ALL {
                let Some(name) = names::band(&self.options.prefix, &queue, priority) else { continue };
                sum += self.count(&mut channel, &name).await?.unwrap_or(0);
            }
            waiting.push((queue, sum));
        }
        Ok(waiting)
    }

    /// Messages ready in one queue of the broker; `None` when it is not there.
    pub(super) async fn count(
        &self,
        channel: &mut Option<Channel>,
        name: &str,
    ) -> Result<Option<u64>, StoreError> {
        let asked = match channel.take() {
            Some(open) if open.status().connected() => open,
            _ => self.link.channel(Use::Publish).await?,
        };
        match tokio::time::timeout(self.options.timeout, ready(&asked, name)).await {
            Ok(Ok(count)) => {
                *channel = Some(asked);
                Ok(Some(count.into()))
            }
            Ok(Err(error)) if fault::is_not_found(&error) => Ok(None),
            Ok(Err(error)) => Err(fault::classify(&error, &self.link.location)),
            Err(_) => Err(fault::unavailable(&self.link.location, "no answer in time")),
        }
    }
}

/// Whether a cron entry is one of ours.
pub(super) fn is_register(entry: &str) -> bool {
    entry.starts_with(REGISTER)
}
