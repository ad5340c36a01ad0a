use super::*;
use crate::process::lives;

#[test]
fn a_killed_node_comes_back_on_its_port_with_its_data() {
    let mut server = RabbitServer::start().unwrap();
    let (url, pid) = (server.url(), server.pid().unwrap());
    server.ctl(&["add_vhost", "kept"]).unwrap();
    server.kill();
    assert!(!lives(pid));
    server.restart().unwrap();
    assert_eq!(server.url(), url);
    let spent = server.cpu_time().unwrap().total();
    assert!(spent > std::time::Duration::from_millis(500), "the Erlang machine counts: {spent:?}");
    assert!(server.ctl(&["list_vhosts"]).unwrap().lines().any(|vhost| vhost == "kept"));
}

#[test]
fn tests_share_a_node() {
    let (one, two) = (SharedRabbit::get().unwrap(), SharedRabbit::get().unwrap());
    assert_eq!(one.url(), two.url());
}
