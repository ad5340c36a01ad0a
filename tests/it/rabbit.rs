//! `backstock` itself with its queue on RabbitMQ.

use crate::crash::{delivery, kill_and_compare, new_shop};
use crate::demo::check_demo;
use crate::support::{Ran, Shop};
use backstock_testbed::{SharedPostgres, SharedRabbit};
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions},
    types::FieldTable,
};

/// A deployment of its own on the broker of the test run.
struct Deployment {
    shop: Shop,
    prefix: String,
}

impl Deployment {
    fn new() -> Self {
        let prefix = uuid::Uuid::now_v7().simple().to_string();
        let url = SharedRabbit::get().expect("a private RabbitMQ for tests").url();
        let shop = new_shop().with("BACKSTOCK__QUEUE__URL", &url).with("BACKSTOCK__QUEUE__PREFIX", &prefix);
        Self { shop, prefix }
    }

    /// With its ledger on PostgreSQL.
    fn on_postgres() -> Self {
        let server = SharedPostgres::get().expect("a private PostgreSQL for tests");
        let url = server.new_database().expect("a database");
        let Self { shop, prefix } = Self::new();
        Self { shop: shop.with("BACKSTOCK__QUEUE__RABBITMQ__LEDGER_URL", &url), prefix }
    }

    /// Where the job goes that every start asks for.
    fn band(&self) -> String {
        format!("{}.maintenance.normal", self.prefix)
    }
}

/// What another program does on the broker.
async fn channel() -> (Connection, Channel) {
    let url = SharedRabbit::get().expect("a private RabbitMQ for tests").url();
    let connection = Connection::connect(&url, ConnectionProperties::default()).await.expect("a connection");
    let channel = connection.create_channel().await.expect("a channel");
    (connection, channel)
}

fn refused(ran: &Ran, code: i32, parts: &[&str]) {
    let told = ran.stderr();
    assert_eq!(ran.code(), code, "{told}");
    for part in parts {
        assert!(told.contains(part), "{told:?} does not say {part:?}");
    }
    assert!(!told.contains("guess"), "{told:?} tells the password");
}

#[test]
fn the_demo_runs_unchanged_on_rabbitmq() {
    check_demo(&Deployment::new().shop, 3);
}

#[test]
fn the_demo_runs_unchanged_on_rabbitmq_with_its_ledger_on_postgresql() {
    check_demo(&Deployment::on_postgres().shop, 3);
}

#[tokio::test]
async fn a_second_import_on_rabbitmq_writes_nothing() {
    for deployment in [Deployment::new(), Deployment::on_postgres()] {
        let shop = deployment.shop;
        let (csv, images) = delivery(&shop);
        let import = ["import", csv.to_str().unwrap(), "--images", images.to_str().unwrap(), "--json"];
        let first = shop.run(&import).ok().json();
        assert!(first["created"].as_u64() > Some(100) && first["thumbnails"].as_u64() > Some(100), "{first}");
        let before = shop.picture().await;
        let again = shop.run(&import).ok().json();
        for key in ["created", "updated", "thumbnails", "embeddings", "views_refreshed", "cache_warmed"] {
            assert_eq!(again[key], 0, "{key}: {again}");
        }
        assert_eq!(again["unchanged"], first["created"], "{again}");
        let after = shop.picture().await;
        assert_eq!((before.vectors == after.vectors, before.files == after.files), (true, true));
        assert_eq!(shop.ledger().keys().collect::<Vec<_>>(), ["completed"]);
        shop.run(&["doctor"]).ok();
    }
}

#[tokio::test]
async fn workers_on_rabbitmq_killed_at_random_moments_leave_what_an_undisturbed_import_does() {
    kill_and_compare(&new_shop(), &Deployment::new().shop).await;
}

#[tokio::test]
async fn workers_with_a_ledger_on_postgresql_killed_at_random_moments_do_so_too() {
    kill_and_compare(&new_shop(), &Deployment::on_postgres().shop).await;
}

#[test]
fn a_wrong_vhost_password_and_broker_are_named() {
    let port = SharedRabbit::get().expect("a private RabbitMQ for tests").port();
    let up = |url: String| Shop::new().with("BACKSTOCK__QUEUE__URL", &url).run(&["up", "--until-done"]);
    let at = format!("127.0.0.1:{port}");
    refused(&up(format!("amqp://guest:guess@{at}/%2f")), 4, &["wrong user or password", &at]);
    refused(&up(format!("amqp://guest:guest@{at}/nowhere")), 4, &["vhost", "nowhere", &at]);
    refused(&up("amqp://guest:guess@127.0.0.1:1/%2f".into()), 4, &["127.0.0.1:1"]);
    let shop = Shop::new()
        .with("BACKSTOCK__QUEUE__URL", &format!("amqp://guest:guest@{at}/%2f"))
        .with("BACKSTOCK__QUEUE__RABBITMQ__LEDGER_URL", "postgres://u:guess@127.0.0.1:1/shop");
    refused(&shop.run(&["queues", "list"]), 4, &["127.0.0.1:1", "shop"]);
    let shop = shop.with("BACKSTOCK__QUEUE__RABBITMQ__LEDGER_URL", "mysql://u:guess@h/d");
    refused(&shop.run(&["config", "check"]), 2, &["queue.rabbitmq.ledger_url", "postgres://"]);
}

#[tokio::test]
async fn a_queue_that_somebody_else_declared_ends_every_role_that_needs_it() {
    let (_connection, channel) = channel().await;
    for role in [&["worker"][..], &["up"], &["up", "--until-done"]] {
        let deployment = Deployment::new();
        let band = deployment.band();
        let theirs = QueueDeclareOptions::default();
        let declared = channel.queue_declare(band.as_str().into(), theirs, FieldTable::default());
        declared.await.expect("a queue that does not outlive its broker");
        // Once while it starts, once when it knows the queue already.
        for _ in 0..2 {
            let ran = deployment.shop.run(role);
            refused(&ran, 4, &[&band, r#"durable = "false""#, r#"ask for "true""#, "queue.prefix"]);
            let told = ran.stderr();
            // The client library logs what the broker says, too.
            let own = told.lines().filter(|line| line.starts_with("backstock: "));
            assert_eq!(own.count(), 1, "{told:?} says it more than once");
        }
    }
}

#[tokio::test]
async fn messages_put_there_by_hand_are_parked_and_the_doctor_counts_them() {
    let deployment = Deployment::new();
    let shop = &deployment.shop;
    shop.run(&["up", "--until-done"]).ok();
    let (_connection, channel) = channel().await;
    channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
    let ours = || BasicProperties::default().with_app_id("backstock".into());
    let strange = ours().with_message_id("no uuid".into()).with_type("import_products".into());
    for (body, properties) in
        [(&b"hello"[..], BasicProperties::default()), (b"\xff\xfe", ours()), (b"{}", strange)]
    {
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let band = deployment.band();
        let sent = channel.basic_publish("".into(), band.as_str().into(), options, body, properties);
        assert!(sent.await.expect("sent").await.expect("confirmed").is_ack());
    }
    shop.run(&["up", "--until-done"]).ok();
    let doctor = shop.run(&["doctor", "--json"]).ok().json();
    let examined = &doctor["checks"][0]["examined"];
    assert_eq!((&doctor["sound"], &examined["set_aside"]), (&true.into(), &3.into()), "{doctor}");
    let told = examined["unsure"].to_string();
    assert!(told.contains(&format!("{}.parked", deployment.prefix)), "{told}");
}
