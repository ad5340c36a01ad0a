use super::*;

const NEVER: Duration = Duration::from_hours(1);

#[tokio::test]
async fn a_ring_is_heard_here_and_by_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("queue.db");
    let one = Bell::hang(&file, folder.path(), "one", NEVER).unwrap();
    let two = Bell::hang(&file, folder.path(), "two", NEVER).unwrap();
    let (mut here, mut there) = (one.subscribe(), two.subscribe());
    one.ring();
    here.changed().await.unwrap();
    there.changed().await.unwrap();
}

#[tokio::test]
async fn the_socket_of_a_dead_process_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("queue.db");
    let dead = folder.path().canonicalize().unwrap().join("dead.sock");
    drop(UnixDatagram::bind(&dead).unwrap());
    let bell = Bell::hang(&file, folder.path(), "one", NEVER).unwrap();
    bell.ring();
    assert!(!dead.exists());
}

#[tokio::test]
async fn a_folder_with_a_long_path_rings_too() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("d".repeat(120));
    std::fs::create_dir(&deep).unwrap();
    let file = deep.join("queue.db");
    let one = Bell::hang(&file, &deep, "one", NEVER).unwrap();
    let two = Bell::hang(&file, &deep, "two", NEVER).unwrap();
    let mut there = two.subscribe();
    one.ring();
    there.changed().await.unwrap();
    std::fs::remove_dir_all(&one.folder).unwrap();
}

#[tokio::test]
async fn a_write_whose_datagram_was_lost_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("queue.db");
    let bell = Bell::hang(&file, folder.path(), "one", Duration::from_millis(5)).unwrap();
    let mut heard = bell.subscribe();
    std::fs::write(folder.path().join("queue.db-wal"), b"a commit").unwrap();
    heard.changed().await.unwrap();
}
