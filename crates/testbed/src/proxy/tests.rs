use super::*;
use std::io::ErrorKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A server that sends back what it gets.
async fn echo() -> (u16, JoinHandle<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut reads, mut writes) = stream.split();
                let _ = tokio::io::copy(&mut reads, &mut writes).await;
            });
        }
    });
    (port, task)
}

async fn through(mode: Mode) -> (FaultProxy, TcpStream) {
    let (port, _) = echo().await;
    let mut proxy = FaultProxy::start(port).await.unwrap();
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(say(&mut stream, b"before").await.unwrap(), b"before");
    proxy.set(mode).await;
    (proxy, stream)
}

async fn say(stream: &mut TcpStream, words: &[u8]) -> std::io::Result<Vec<u8>> {
    stream.write_all(words).await?;
    let mut answer = vec![0; words.len()];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn what_passes_arrives_unchanged_and_ends_in_order() {
    let (_proxy, mut stream) = through(Mode::Pass).await;
    let words: Vec<u8> = (0..1_000_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    let (mut reads, mut writes) = stream.split();
    let mut answer = Vec::new();
    let (_, sent) = tokio::join!(reads.read_to_end(&mut answer), async {
        writes.write_all(&words).await?;
        writes.shutdown().await
    });
    sent.unwrap();
    assert!(answer == words, "{} bytes came back", answer.len());
}

#[tokio::test]
async fn latency_delays_each_direction() {
    let delay = Duration::from_millis(20);
    let (_proxy, mut stream) = through(Mode::Latency(delay)).await;
    let begun = std::time::Instant::now();
    assert_eq!(say(&mut stream, b"slow").await.unwrap(), b"slow");
    assert!(begun.elapsed() >= delay * 2, "a lower bound, which no load can break");
}

#[tokio::test]
async fn a_black_hole_breaks_nothing_and_hands_on_later() {
    let (mut proxy, mut stream) = through(Mode::Blackhole).await;
    stream.write_all(b"lost?").await.unwrap();
    let mut new = TcpStream::connect(proxy.address()).await.unwrap();
    new.write_all(b"new").await.unwrap();
    proxy.set(Mode::Pass).await;
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"lost?");
    new.read_exact(&mut answer[..3]).await.unwrap();
    assert_eq!(&answer[..3], b"new");
}

#[tokio::test]
async fn a_reset_breaks_open_and_new_connections() {
    let (mut proxy, mut stream) = through(Mode::Reset).await;
    let error = stream.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    let mut new = TcpStream::connect(proxy.address()).await.unwrap();
    assert!(say(&mut new, b"new").await.is_err());
    proxy.set(Mode::Pass).await;
    let mut again = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(say(&mut again, b"again").await.unwrap(), b"again");
}

#[tokio::test]
async fn a_refused_connection_is_refused_until_the_mode_changes() {
    let (mut proxy, mut stream) = through(Mode::Refuse).await;
    assert!(stream.read_u8().await.is_err(), "open connections break");
    let refused = TcpStream::connect(proxy.address()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    proxy.set(Mode::Pass).await;
    let mut again = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(say(&mut again, b"again").await.unwrap(), b"again");
}

#[tokio::test]
async fn a_cut_lets_exactly_so_many_bytes_of_the_answer_through() {
    let (_proxy, mut stream) = through(Mode::CutAfter(3)).await;
    stream.write_all(b"answer").await.unwrap();
    let mut answer = [0; 3];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"ans");
    assert!(stream.read_u8().await.is_err());
}

#[tokio::test]
async fn a_cut_request_reaches_the_server_in_part() {
    let (port, served) = {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut got = vec![0; 4];
            stream.read_exact(&mut got).await.unwrap();
            (got, stream.read_u8().await.is_err())
        });
        (port, served)
    };
    let mut proxy = FaultProxy::start(port).await.unwrap();
    proxy.set(Mode::CutRequestAfter(4)).await;
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    stream.write_all(b"request").await.unwrap();
    assert_eq!(served.await.unwrap(), (b"requ".to_vec(), true));
    assert!(stream.read_u8().await.is_err());
}
