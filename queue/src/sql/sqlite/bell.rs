//! Wake-ups: a counter inside the process, one datagram to every other process on the same file.
//!
//! Datagrams may be lost (a full buffer, a process that just starts), so every store also looks at the write-ahead
//! log now and then.

use std::{
    io,
    os::unix::{ffi::OsStrExt, fs::DirBuilderExt, net::UnixDatagram},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::{sync::watch, task::JoinHandle};

/// Longest socket path that every Unix takes.
const MAX_SOCKET_PATH: usize = 100;

#[derive(Debug)]
pub(super) struct Bell {
    count: watch::Sender<u64>,
    folder: PathBuf,
    own: PathBuf,
    sender: UnixDatagram,
    listener: Option<JoinHandle<()>>,
}

impl Bell {
    /// Hangs a bell named `name` for the database `file`. Must be called inside a tokio runtime.
    pub(super) fn hang(
        file: &Path,
        folder: &Path,
        name: &str,
        look_every: Duration,
    ) -> io::Result<Arc<Self>> {
        let folder = socket_folder(folder, name)?;
        let own = folder.join(format!("{name}.sock"));
        let socket = tokio::net::UnixDatagram::bind(&own)?;
        let sender = UnixDatagram::unbound()?;
        sender.set_nonblocking(true)?;
        let count = watch::Sender::new(0);
        let listener = tokio::spawn(listen(socket, count.clone(), Log::of(file), look_every));
        Ok(Arc::new(Self { count, folder, own, sender, listener: Some(listener) }))
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.count.subscribe()
    }

    /// There may be something new to claim.
    pub(super) fn ring(&self) {
        self.count.send_modify(|count| *count = count.wrapping_add(1));
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return };
        for peer in entries.flatten().map(|entry| entry.path()) {
            if peer.extension().is_none_or(|extension| extension != "sock") || peer == self.own {
                continue;
            }
            let sent = self.sender.send_to(&[1], &peer);
            if sent.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
                // Nobody has it open any more, and nobody binds to a name twice.
                std::fs::remove_file(&peer).ok();
            }
        }
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        if let Some(listener) = self.listener.take() {
            listener.abort();
        }
        std::fs::remove_file(&self.own).ok();
    }
}

/// Bumps the counter on every datagram, and when the log changed without one.
async fn listen(
    socket: tokio::net::UnixDatagram,
    count: watch::Sender<u64>,
    mut log: Log,
    look_every: Duration,
) {
    let mut look = tokio::time::interval(look_every);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut byte = [0; 1];
    loop {
        tokio::select! {
            received = socket.recv(&mut byte) => {
                if let Err(error) = received {
                    tracing::warn!(%error, "the wake-up socket failed; looking at the log instead");
                    look.tick().await;
                }
                while socket.try_recv(&mut byte).is_ok() {}
            }
            _ = look.tick() => {
                if !log.has_changed() {
                    continue;
                }
            }
        }
        count.send_modify(|count| *count = count.wrapping_add(1));
    }
}

/// The write-ahead log, seen from outside: it changes with every commit.
#[derive(Debug)]
struct Log {
    path: PathBuf,
    seen: Option<(u64, SystemTime)>,
}

impl Log {
    fn of(file: &Path) -> Self {
        let mut path = file.as_os_str().to_owned();
        path.push("-wal");
        let mut log = Self { path: path.into(), seen: None };
        log.has_changed();
        log
    }

    /// Since it was last asked.
    fn has_changed(&mut self) -> bool {
        let mark = |metadata: std::fs::Metadata| Some((metadata.len(), metadata.modified().ok()?));
        let now = std::fs::metadata(&self.path).ok().and_then(mark);
        std::mem::replace(&mut self.seen, now) != now
    }
}

/// `folder`, or where its path is too long for sockets, one in the temporary folder that all processes agree on.
fn socket_folder(folder: &Path, name: &str) -> io::Result<PathBuf> {
    let folder = folder.canonicalize()?;
    let bytes = folder.as_os_str().as_bytes();
    if bytes.len() + name.len() + "/.sock".len() <= MAX_SOCKET_PATH {
        return Ok(folder);
    }
    let short = std::env::temp_dir().join(format!("backstock-{:016x}", xxhash_rust::xxh3::xxh3_64(bytes)));
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&short)?;
    Ok(short)
}

#[cfg(test)]
mod tests;
