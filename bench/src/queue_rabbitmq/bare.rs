//! A bare lapin loop: one queue of the same type; a window of a thousand persistent, mandatory publishes that wait for
//! their confirms; a consumer that acks each batch with one frame.

use crate::pool::{Ledger, Noop};
use anyhow::ensure;
use backstock_queue::QueueType;
use futures::StreamExt;
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    options::{
        BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions,
        ConfirmSelectOptions, QueueDeclareOptions, QueueDeleteOptions,
    },
    types::{AMQPValue, FieldTable},
};
use std::{collections::VecDeque, sync::Arc};

const QUEUE: &str = "bare";
const WINDOW: usize = 1_000;
const PREFETCH: u16 = 1_000;

pub struct Bare {
    publishing: (Connection, Channel),
    consuming: (Connection, Channel),
}

impl Bare {
    pub async fn open(url: &str, kind: QueueType) -> anyhow::Result<Self> {
        let publishing = connect(url).await?;
        let kind = if kind == QueueType::Quorum { "quorum" } else { "classic" };
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), AMQPValue::LongString(kind.into()));
        let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        publishing.1.queue_declare(QUEUE.into(), options, arguments).await?;
        publishing.1.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(Self { publishing, consuming: connect(url).await? })
    }

    pub async fn fill(&self, jobs: usize) -> anyhow::Result<()> {
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let properties = BasicProperties::default().with_delivery_mode(2);
        let mut window = VecDeque::with_capacity(WINDOW);
        for number in 0..jobs {
            let body = serde_json::to_vec(&Noop::new(number))?;
            let publish =
                self.publishing.1.basic_publish("".into(), QUEUE.into(), options, &body, properties.clone());
            window.push_back(publish.await?);
            if window.len() >= WINDOW
                && let Some(oldest) = window.pop_front()
            {
                ensure!(oldest.await?.is_ack(), "a publish was refused");
            }
        }
        for confirm in window {
            ensure!(confirm.await?.is_ack(), "a publish was refused");
        }
        Ok(())
    }

    pub async fn drain(&self, ledger: Arc<Ledger>, jobs: usize, batch: u16) -> anyhow::Result<()> {
        let channel = &self.consuming.1;
        channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
        let consuming = channel.basic_consume(
            QUEUE.into(),
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        );
        let mut consumer = consuming.await?;
        let mut since_ack = 0;
        for seen in 1..=jobs {
            let Some(delivery) = consumer.next().await else { break };
            let delivery = delivery?;
            ledger.mark(&serde_json::from_slice(&delivery.data)?);
            since_ack += 1;
            if since_ack == batch || seen == jobs {
                since_ack = 0;
                channel.basic_ack(delivery.delivery_tag, BasicAckOptions { multiple: true }).await?;
            }
        }
        // Dropped, it would be cancelled while its queue is deleted, which breaks the connection.
        channel.basic_cancel(consumer.tag(), BasicCancelOptions::default()).await?;
        Ok(())
    }

    pub async fn delete(self) -> anyhow::Result<()> {
        self.publishing.1.queue_delete(QUEUE.into(), QueueDeleteOptions::default()).await?;
        self.consuming.0.close(200, "done".into()).await?;
        self.publishing.0.close(200, "done".into()).await?;
        Ok(())
    }
}

async fn connect(url: &str) -> anyhow::Result<(Connection, Channel)> {
    let connection = Connection::connect(url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    Ok((connection, channel))
}
