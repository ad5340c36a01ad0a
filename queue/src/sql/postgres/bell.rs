//! Wake-ups: a counter inside the process, one `NOTIFY` for all others. Many rings while one is on its way are one.

use sqlx::{AssertSqlSafe, PgPool, postgres::PgListener};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
};

/// Between two attempts to listen on a server that does not answer.
const PAUSE: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(super) struct Bell {
    name: String,
    count: watch::Sender<u64>,
    rung: Arc<Notify>,
    tasks: [JoinHandle<()>; 2],
}

impl Bell {
    /// Hangs a bell for a schema, which listens on a connection of its own. Must be called inside a tokio runtime.
    pub(super) fn hang(listening: PgPool, telling: PgPool, schema: &str) -> Self {
        // The last 64 bits of a version 7 id are random.
        let name = uuid::Uuid::now_v7().simple().to_string().split_off(16);
        let (count, rung) = (watch::Sender::new(0), Arc::new(Notify::new()));
        let channel = channel(schema);
        let tell = format!("NOTIFY \"{channel}\", '{name}'");
        let tasks = [
            tokio::spawn(listen(listening, channel, name.clone(), count.clone())),
            tokio::spawn(tell_others(telling, tell, Arc::clone(&rung))),
        ];
        Self { name, count, rung, tasks }
    }

    /// What this process is called.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.count.subscribe()
    }

    /// There may be something new to claim.
    pub(super) fn ring(&self) {
        bump(&self.count);
        self.rung.notify_one();
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

fn bump(count: &watch::Sender<u64>) {
    count.send_modify(|count| *count = count.wrapping_add(1));
}

/// Names of channels are shorter than those of schemas may be.
fn channel(schema: &str) -> String {
    format!("backstock_{:016x}", xxhash_rust::xxh3::xxh3_64(schema.as_bytes()))
}

/// Bumps the counter at every ring of others, and whenever some may have been missed.
async fn listen(pool: PgPool, channel: String, own: String, count: watch::Sender<u64>) {
    loop {
        if let Err(error) = listen_once(&pool, &channel, &own, &count).await {
            tracing::debug!(%error, "no wake-ups from the database; listening again");
        }
        bump(&count);
        tokio::time::sleep(PAUSE).await;
    }
}

async fn listen_once(
    pool: &PgPool,
    channel: &str,
    own: &str,
    count: &watch::Sender<u64>,
) -> sqlx::Result<()> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(channel).await?;
    bump(count);
    while let Some(told) = listener.try_recv().await? {
        if told.payload() != own {
            bump(count);
        }
    }
    Ok(())
}

async fn tell_others(pool: PgPool, tell: String, rung: Arc<Notify>) {
    loop {
        rung.notified().await;
        // Others look by themselves when this is lost.
        if let Err(error) = sqlx::raw_sql(AssertSqlSafe(tell.clone())).execute(&pool).await {
            tracing::debug!(%error, "no wake-up was sent");
        }
    }
}
