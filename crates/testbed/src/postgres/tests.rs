use super::*;
use crate::process::lives;

#[test]
fn a_killed_server_comes_back_on_its_port_with_its_data() {
    let mut server = PostgresServer::start().unwrap();
    let (url, pid) = (server.url(), server.pid().unwrap());
    server.execute("CREATE TABLE kept AS SELECT 1 AS number").unwrap();
    server.kill();
    assert!(!lives(pid));
    assert!(server.execute("SELECT 1").is_err());
    server.restart().unwrap();
    assert_eq!(server.url(), url);
    server.execute("SELECT number FROM kept").unwrap();
    server.stop_process();
    server.continue_process();
    let error = server.execute("SELECT number FROM lost").unwrap_err().to_string();
    assert!(error.contains("relation \"lost\" does not exist"), "{error}");
}

#[test]
fn tests_share_a_server_and_keep_apart_by_databases() {
    let (one, two) = (SharedPostgres::get().unwrap(), SharedPostgres::get().unwrap());
    assert_eq!(one.port(), two.port());
    let (first, second) = (one.new_database().unwrap(), two.new_database().unwrap());
    assert_ne!(first, second);
    let database = |url: &str| url.rsplit_once('/').unwrap().1.to_owned();
    wire::execute(one.port(), &database(&first), "CREATE TABLE mine (id int)").unwrap();
    assert!(wire::execute(two.port(), &database(&second), "SELECT * FROM mine").is_err());
}

#[test]
fn a_setting_that_does_not_exist_shows_what_the_server_said() {
    let error = PostgresServer::start_with(&["no_such_setting=1"]).err().unwrap().to_string();
    assert!(error.contains("no_such_setting"), "{error}");
}
