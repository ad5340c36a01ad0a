use super::*;
use crate::process::lives;

#[test]
fn a_killed_server_comes_back_on_its_port_with_its_data() {
    let mut server = RedisServer::options().fsync(Fsync::Always).start().unwrap();
    let (url, pid) = (server.url(), server.pid().unwrap());
    server.command(&["SET", "name", "value"]).unwrap();
    server.kill();
    assert!(!lives(pid));
    assert!(server.pid().is_none());
    assert!(server.command(&["PING"]).is_err());
    server.restart().unwrap();
    assert_eq!(server.url(), url);
    assert_ne!(server.pid().unwrap(), pid);
    assert_eq!(server.command(&["GET", "name"]).unwrap(), "value");
}

#[test]
fn a_server_without_persistence_forgets() {
    let mut server = RedisServer::options().fsync(Fsync::Off).start().unwrap();
    server.command(&["SET", "name", "value"]).unwrap();
    server.restart().unwrap();
    assert_eq!(server.command(&["GET", "name"]).unwrap(), "");
}

#[test]
fn a_frozen_server_answers_when_it_is_thawed() {
    let server = RedisServer::start().unwrap();
    server.stop_process();
    let state = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.pid().unwrap())).unwrap();
        stat[stat.rfind(')').unwrap() + 2..].chars().next().unwrap()
    };
    crate::wait::until(std::time::Duration::from_secs(10), || (state() == 'T').then_some(())).unwrap();
    server.continue_process();
    assert_eq!(server.command(&["PING"]).unwrap(), "PONG");
}

#[test]
fn a_dropped_server_leaves_neither_process_nor_folder() {
    let server = RedisServer::start().unwrap();
    let pid = server.pid().unwrap();
    let folder = server.command(&["CONFIG", "GET", "dir"]).unwrap().lines().last().unwrap().to_owned();
    assert!(std::fs::exists(&folder).unwrap());
    drop(server);
    assert!(!lives(pid));
    assert!(!std::fs::exists(&folder).unwrap());
}

#[test]
fn options_reach_the_server() {
    let server = RedisServer::options().password("secret").set("maxmemory", "20mb").start().unwrap();
    assert!(server.url().starts_with("redis://:secret@127.0.0.1:"));
    assert_eq!(server.command(&["CONFIG", "GET", "maxmemory"]).unwrap(), "maxmemory\n20971520");
    assert!(resp::ask(server.port(), &[&["PING"]]).unwrap_err().to_string().contains("NOAUTH"));
    assert!(server.used_memory_bytes().unwrap() > 100_000);
    assert!(server.cpu_time().is_some());
}

#[test]
fn a_wrong_option_shows_what_the_server_said() {
    let error = RedisServer::options().set("no-such-directive", "1").start().err().unwrap().to_string();
    assert!(error.contains("redis-server ended") && error.contains("no-such-directive"), "{error}");
}

#[test]
fn a_cluster_serves_all_slots_and_heals_after_a_kill() {
    let mut cluster = RedisCluster::start(3).unwrap();
    assert_eq!(cluster.urls().len(), 3);
    for node in cluster.nodes() {
        assert!(node.command(&["CLUSTER", "INFO"]).unwrap().contains("cluster_slots_ok:16384"));
    }
    cluster.nodes_mut()[1].restart().unwrap();
    cluster.wait_until_healthy().unwrap();
}

#[test]
fn a_server_ends_with_its_process_even_when_that_is_killed() {
    use std::io::BufRead;
    let test = ["redis::tests::holds_a_server_until_it_is_killed", "--exact", "--ignored", "--nocapture"];
    let mut holder = std::process::Command::new(std::env::current_exe().unwrap());
    let holder = holder.args(test).stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut holder = holder.spawn().unwrap();
    let output = std::io::BufReader::new(holder.stdout.take().unwrap());
    let mut lines = output.lines().map_while(Result::ok);
    let line = lines.find_map(|line| line.split_once("holding ").map(|(_, line)| line.to_owned())).unwrap();
    let (pid, folder) = line.split_once(' ').unwrap();
    let pid = pid.parse().unwrap();
    assert!(lives(pid) && std::fs::exists(folder).unwrap());
    holder.kill().unwrap();
    holder.wait().unwrap();
    let gone = || (!lives(pid) && !std::fs::exists(folder).unwrap()).then_some(());
    crate::wait::until(std::time::Duration::from_secs(30), gone).expect("the keeper ends the server");
}

#[test]
#[ignore = "the victim of the test above"]
fn holds_a_server_until_it_is_killed() {
    let server = RedisServer::start().unwrap();
    let folder = server.command(&["CONFIG", "GET", "dir"]).unwrap().lines().last().unwrap().to_owned();
    println!("holding {} {folder}", server.pid().unwrap());
    let _ = std::io::stdin().read_line(&mut String::new());
}
