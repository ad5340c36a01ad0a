//! Messages in our queues that are no jobs: kept aside with the reason, where an operator sees them.

use super::{
    Shared,
    band::{Band, Hold, Stray},
    link::Use,
    names,
    publish::Letter,
    topology,
};
use crate::StoreError;
use lapin::types::AMQPValue;

const REASON: &str = "backstock_reason";
const FROM: &str = "backstock_queue";

impl Shared {
    /// Declares the queue of parked messages.
    pub(super) async fn declare_parked(&self) -> Result<(), StoreError> {
        let channel = self.link.channel(Use::Publish).await?;
        let name = names::parked(&self.options.prefix);
        let arguments = topology::parked_arguments(&self.options);
        self.link.ask(topology::declare(&channel, &name, arguments)).await.map(|_| ())
    }

    /// Parks strays: a copy with the reason is confirmed, then the message is acked.
    pub(super) async fn park(&self, band: &Band, strays: Vec<Stray>) -> Result<(), StoreError> {
        let to = names::parked(&self.options.prefix);
        for stray in &strays {
            tracing::warn!(queue = band.name, parked = to, why = stray.why, "a message is no job; parked");
        }
        let letter = |stray: &'_ Stray| {
            let properties = stray.delivery.properties.clone();
            let mut headers = properties.headers().clone().unwrap_or_default();
            headers.insert(REASON.into(), AMQPValue::LongString(stray.why.into()));
            headers.insert(FROM.into(), AMQPValue::LongString(band.name.as_str().into()));
            properties.with_headers(headers).with_delivery_mode(2)
        };
        let letters: Vec<Letter<'_>> = strays
            .iter()
            .map(|stray| Letter { to: to.clone(), properties: letter(stray), body: &stray.delivery.data })
            .collect();
        let sent = match self.send(&letters).await {
            Err(error) if error.is_transient() => match self.declare_parked().await {
                Ok(()) => self.send(&letters).await,
                Err(_) => Err(error),
            },
            sent => sent,
        };
        drop(letters);
        if let Err(error) = sent {
            band.put_back_strays(strays);
            return Err(error);
        }
        let holds: Vec<Hold> = strays.iter().map(|stray| stray.hold).collect();
        band.ack(&holds).await;
        Ok(())
    }

    /// How many messages are parked.
    pub(super) async fn parked(&self) -> Result<u64, StoreError> {
        let name = names::parked(&self.options.prefix);
        Ok(self.count(&mut None, &name).await?.unwrap_or(0))
    }
}
