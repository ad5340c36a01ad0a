//! One connection through the proxy.

use super::Mode;
use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

/// Bytes read at once, which is also how late a cut may notice that its mode was changed.
const CHUNK: usize = 16 * 1024;
/// Chunks on their way in one direction; beyond, the sender waits.
const ON_THE_WAY: usize = 256;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    ToServer,
    ToClient,
}

/// Hands bytes on in both directions until both sides are done, one fails, or the mode breaks the connection.
pub(super) async fn relay(mut client: TcpStream, server: SocketAddr, modes: watch::Receiver<Mode>) {
    let _ = client.set_nodelay(true);
    let Ok(mut upstream) = connect(server, modes.clone()).await else {
        let _ = client.set_zero_linger();
        return;
    };
    let _ = upstream.set_nodelay(true);
    let (client_reads, client_writes) = client.split();
    let (server_reads, server_writes) = upstream.split();
    let there = pump(client_reads, server_writes, modes.clone(), Direction::ToServer);
    let back = pump(server_reads, client_writes, modes, Direction::ToClient);
    if tokio::try_join!(there, back).is_err() {
        // Closing with a linger of zero sends a reset instead of an orderly end.
        let _ = client.set_zero_linger();
        let _ = upstream.set_zero_linger();
    }
}

/// Connects when the mode lets anything through.
async fn connect(server: SocketAddr, mut modes: watch::Receiver<Mode>) -> Result<TcpStream> {
    loop {
        let mode = *modes.borrow_and_update();
        match mode {
            Mode::Reset | Mode::Refuse => return Err(broken()),
            Mode::Blackhole => modes.changed().await.map_err(|_| broken())?,
            _ => return TcpStream::connect(server).await,
        }
    }
}

/// Hands on one direction. Reading and writing overlap, so that latency delays bytes without slowing their flow.
async fn pump(
    reads: impl AsyncRead + Unpin,
    writes: impl AsyncWrite + Unpin,
    modes: watch::Receiver<Mode>,
    direction: Direction,
) -> Result<()> {
    let (send, receive) = mpsc::channel(ON_THE_WAY);
    tokio::try_join!(read(reads, send, modes.clone(), direction), write(writes, receive, modes)).map(|_| ())
}

async fn read(
    mut reads: impl AsyncRead + Unpin,
    chunks: mpsc::Sender<(Instant, Vec<u8>)>,
    mut modes: watch::Receiver<Mode>,
    direction: Direction,
) -> Result<()> {
    let mut buffer = vec![0; CHUNK];
    let mut budget = cut(*modes.borrow_and_update(), direction);
    loop {
        let mode = *modes.borrow();
        if matches!(mode, Mode::Reset | Mode::Refuse) {
            return Err(broken());
        }
        let length = budget.map_or(CHUNK, |left| CHUNK.min(usize::try_from(left).unwrap_or(CHUNK)));
        tokio::select! {
            biased;
            changed = modes.changed() => {
                changed.map_err(|_| broken())?;
                budget = cut(*modes.borrow_and_update(), direction);
            }
            count = reads.read(&mut buffer[..length]), if mode != Mode::Blackhole && length > 0 => {
                let count = count?;
                if count == 0 {
                    return Ok(());
                }
                let delay = if let Mode::Latency(delay) = mode { delay } else { Duration::ZERO };
                let chunk = (Instant::now() + delay, buffer[..count].to_vec());
                chunks.send(chunk).await.map_err(|_| broken())?;
                budget = budget.map(|left| left - count as u64);
            }
            // All that may pass has been handed on when the other half has emptied the channel.
            () = chunks.closed(), if length == 0 => return Err(broken()),
        }
        if budget == Some(0) {
            // An empty chunk asks the writing half to break the connection behind all others.
            let _ = chunks.send((Instant::now(), Vec::new())).await;
        }
    }
}

async fn write(
    mut writes: impl AsyncWrite + Unpin,
    mut chunks: mpsc::Receiver<(Instant, Vec<u8>)>,
    mut modes: watch::Receiver<Mode>,
) -> Result<()> {
    while let Some((due, bytes)) = chunks.recv().await {
        sleep_until(due).await;
        modes.wait_for(|mode| *mode != Mode::Blackhole).await.map_err(|_| broken())?;
        if bytes.is_empty() {
            return Err(broken());
        }
        writes.write_all(&bytes).await?;
    }
    writes.shutdown().await
}

/// How many bytes may still pass in a direction.
fn cut(mode: Mode, direction: Direction) -> Option<u64> {
    match (mode, direction) {
        (Mode::CutAfter(bytes), Direction::ToClient)
        | (Mode::CutRequestAfter(bytes), Direction::ToServer) => Some(bytes),
        _ => None,
    }
}

fn broken() -> Error {
    Error::from(ErrorKind::ConnectionReset)
}
