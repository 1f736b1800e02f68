//! Programs outside, over a real message broker: they call the API and hear what happens.
//!
//! The broker is the one that `cargo nextest` (`.config/nextest.toml`) or `scripts/with-broker` starts for tests.

use std::{
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use cumulo_schema::Uuid;
use cumulo_testdb::Vhost;
use cumulo_testkit::World;
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    message::Delivery,
    options::{BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, QueueBindOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};

const PATIENCE: Duration = Duration::from_secs(60);
const PORTAL: &str = "zstack.message.api.portal";

fn tree(path: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(path)
}

/// The next line that the program prints and that begins with `wanted`.
async fn line(lines: &mut Lines<BufReader<tokio::process::ChildStdout>>, wanted: &str) -> String {
    let found = async {
        loop {
            let line = lines.next_line().await.expect("readable").expect("the program still runs");
            if line.starts_with(wanted) {
                return line;
            }
        }
    };
    tokio::time::timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("the program never said '{wanted}'"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_in_another_language_calls_and_listens() {
    let vhost = Vhost::new();
    let world = World::with_bus(vhost.url().to_owned()).await;
    let mut program = tokio::process::Command::new("/usr/bin/python3")
        .arg(tree("tests/python/bus_client.py"))
        .args([&vhost.program_url(), "made over the bus"])
        .env("CUMULO_PASSWORD", "password")
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("python3 is there");
    let mut lines = BufReader::new(program.stdout.take().expect("piped")).lines();
    let zone = line(&mut lines, "zone ").await;
    let uuid = zone.split(' ').nth(1).expect("an id").to_owned();
    let zones = world.query("/zones").await;
    assert!(zones.iter().any(|zone| zone["uuid"] == *uuid && zone["name"] == "made over the bus"), "{zones:?}");

    let cloud = world.cloud().await;
    let event = line(&mut lines, "event /host/status/change ").await;
    assert!(event.contains(&cloud.host) && event.contains(r#""newStatus": "Connected""#), "{event}");
    let vm = world.make("POST", "/vm-instances", cloud.vm("vm")).await["uuid"].as_str().expect("an id").to_owned();
    let event = line(&mut lines, "event /vm/state/change ").await;
    assert!(event.contains(&vm) && event.contains(r#""oldState": "Starting", "newState": "Running""#), "{event}");
    let event = line(&mut lines, "event /vm/create ").await;
    assert!(event.contains(&vm), "{event}");
    world.call("DELETE", &format!("/vm-instances/{vm}"), &Value::Null).await.expect("destroyed");
    let event = line(&mut lines, "event /vm/state/change ").await;
    assert!(event.contains(r#""oldState": "Running", "newState": "Destroying""#), "{event}");
    assert!(line(&mut lines, "event /vm/destroy ").await.contains(&vm));
    program.kill().await.expect("stopped");
}

/// A program outside, as small as it gets.
struct Program {
    connection: Connection,
    channel: Channel,
    queue: String,
    session: Value,
}

impl Program {
    async fn connect(vhost: &Vhost) -> Self {
        let connection =
            Connection::connect(&vhost.program_url(), ConnectionProperties::default()).await.expect("connects");
        let channel = connection.create_channel().await.expect("a channel");
        let queue = format!("client.{}", Uuid::random());
        let options = QueueDeclareOptions::exclusive();
        channel.queue_declare(queue.as_str().into(), options, FieldTable::default()).await.expect("a queue");
        let mut program = Self { connection, channel, queue, session: Value::Null };
        let password = hex::encode(<sha2::Sha512 as sha2::Digest>::digest("password"));
        let login = json!({ "accountName": "admin", "password": password });
        let reply = program.call("LogInByAccount", login).await;
        program.session =
            json!({ "uuid": reply["org.zstack.header.identity.APILogInByAccountReply"]["inventory"]["uuid"] });
        program
    }

    async fn send(&self, id: Uuid, body: &str, headers: &[(&str, AMQPValue)]) {
        let mut table = FieldTable::default();
        for (name, value) in headers {
            table.insert((*name).into(), value.clone());
        }
        let properties = BasicProperties::default()
            .with_message_id(id.to_string().into())
            .with_correlation_id(id.to_string().into())
            .with_reply_to(self.queue.as_str().into())
            .with_headers(table);
        let options = BasicPublishOptions::default();
        let sent = self.channel.basic_publish("P2P".into(), PORTAL.into(), options, body.as_bytes(), properties).await;
        sent.expect("sent").await.expect("no confirmation is asked for");
    }

    async fn answer(&self) -> Value {
        serde_json::from_slice(&self.message().await.data).expect("JSON")
    }

    async fn message(&self) -> Delivery {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let options = BasicGetOptions { no_ack: true };
            let got = self.channel.basic_get(self.queue.as_str().into(), options).await.expect("readable");
            if let Some(message) = got {
                return message.delivery;
            }
            assert!(Instant::now() < deadline, "no answer came");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn call(&self, api: &str, mut params: Value) -> Value {
        if !self.session.is_null() && params.get("session").is_none() {
            params["session"] = self.session.clone();
        }
        self.send(Uuid::random(), &json!({ (api): params }).to_string(), &[]).await;
        self.answer().await
    }
}

/// The code of the error in an answer.
fn code(answer: &Value) -> &str {
    let value = answer.as_object().and_then(|answer| answer.values().next()).expect("one member");
    value["error"]["code"].as_str().or_else(|| value["code"].as_str()).unwrap_or_else(|| panic!("no error: {answer}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_bus_asks_is_checked_as_over_http() {
    let vhost = Vhost::new();
    let world = World::with_bus(vhost.url().to_owned()).await;
    let program = Program::connect(&vhost).await;
    for bad in ["", "{", "[]", "{}", r#"{"CreateZone":7}"#, r#"{"CreateZone":{},"DeleteZone":{}}"#] {
        program.send(Uuid::random(), bad, &[]).await;
        assert_eq!(code(&program.answer().await), "SYS.1007", "{bad}");
    }
    assert_eq!(code(&program.call("Reboot", json!({})).await), "SYS.1008");
    assert_eq!(code(&program.call("com.evil.APICreateZoneMsg", json!({})).await), "SYS.1008");
    assert_eq!(code(&program.call("CreateZone", json!({ "name": "a", "session": {} })).await), "ID.1001");
    let stranger = json!({ "uuid": Uuid::random() });
    assert_eq!(code(&program.call("CreateZone", json!({ "name": "a", "session": stranger })).await), "ID.1001");
    assert_eq!(code(&program.call("CreateZone", json!({ "name": "x".repeat(256) })).await), "SYS.1007");
    assert_eq!(code(&program.call("CreateZone", json!({ "name": ["a"] })).await), "SYS.1007");
    assert_eq!(code(&program.call("DeleteZone", json!({ "uuid": "$(reboot)" })).await), "SYS.1003");
    let late = [("deadline", AMQPValue::LongLongInt(1))];
    program.send(Uuid::random(), &json!({ "CreateZone": { "name": "a" } }).to_string(), &late).await;
    assert_eq!(code(&program.answer().await), "SYS.1001");
    assert!(world.query("/zones").await.is_empty(), "nothing was made");
    assert_eq!(world.kernel().bus().amqp().expect("joined").counters().expired, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_reaches_the_portal_and_nothing_else() {
    let vhost = Vhost::new();
    let world = World::with_bus(vhost.url().to_owned()).await;
    let program = Program::connect(&vhost).await;
    let node = world.kernel().node();
    let refused = |outcome: Result<(), lapin::Error>| {
        let error = outcome.expect_err("refused").to_string();
        assert!(error.contains("ACCESS_REFUSED"), "{error}");
    };
    let channel = async || program.connection.create_channel().await.expect("a channel");
    for (exchange, key) in [("P2P", format!("zstack.message.host.{node}")), ("", "client.other".to_owned())] {
        let channel = channel().await;
        channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
        let options = BasicPublishOptions::default();
        let sent = channel.basic_publish(exchange.into(), key.into(), options, b"{}", BasicProperties::default());
        refused(sent.await.expect("sent").await.map(drop));
    }
    let bind = channel().await;
    let (options, table) = (QueueBindOptions::default(), FieldTable::default());
    refused(bind.queue_bind(program.queue.as_str().into(), "BROADCAST".into(), "event.#".into(), options, table).await);
    let get = channel().await;
    let own = format!("zstack.message.host.{node}");
    refused(get.basic_get(own.into(), BasicGetOptions::default()).await.map(drop));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answer_to_a_call_is_for_its_account_only() {
    let vhost = Vhost::new();
    let mut world = World::with_bus(vhost.url().to_owned()).await;
    let program = Program::connect(&vhost).await;
    let mut stranger = Program::connect(&vhost).await;
    stranger.session = json!({ "uuid": world.account("stranger").await.1 });
    let create = |session: &Value| json!({ "CreateZone": { "name": "secret", "session": session } }).to_string();
    let id = Uuid::random();
    program.send(id, &create(&program.session), &[]).await;
    let answer = program.answer().await;
    assert_eq!(answer["org.zstack.header.zone.APICreateZoneEvent"]["inventory"]["name"], "secret", "{answer}");
    for when in ["the node remembers the message", "the node knows the job"] {
        stranger.send(id, &create(&stranger.session), &[]).await;
        let refused = stranger.answer().await;
        assert!(code(&refused) == "SYS.1007" && !refused.to_string().contains("secret"), "{when}: {refused}");
        stranger.send(id, &create(&Value::Null), &[]).await;
        assert_eq!(code(&stranger.answer().await), "ID.1001", "{when}");
        world.stop().await;
        world.start().await;
    }
    program.send(id, &create(&program.session), &[]).await;
    assert_eq!(program.answer().await, answer, "its own account is told again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_does_not_hear_which_call_an_event_belongs_to() {
    let vhost = Vhost::new();
    let world = World::with_bus(vhost.url().to_owned()).await;
    let listener = Program::connect(&vhost).await;
    let (options, table) = (QueueBindOptions::default(), FieldTable::default());
    let queue = listener.queue.as_str();
    listener
        .channel
        .queue_bind(queue.into(), "BROADCAST".into(), "canonical.#".into(), options, table)
        .await
        .expect("bound");
    // The host is connected by a call, and the event is told in it.
    world.cloud().await;
    let event = listener.message().await;
    let headers = event.properties.headers().as_ref().expect("headers").inner().clone();
    let path = AMQPValue::LongString("/host/status/change".into());
    assert_eq!(headers.get("path"), Some(&path), "{headers:?}");
    assert!(!headers.contains_key("trace") && !headers.contains_key("session"), "{headers:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_comes_twice_is_done_once() {
    let vhost = Vhost::new();
    let mut world = World::with_bus(vhost.url().to_owned()).await;
    let program = Program::connect(&vhost).await;
    let create = json!({ "CreateZone": { "name": "twice", "session": program.session } }).to_string();
    let id = Uuid::random();
    program.send(id, &create, &[]).await;
    let first = program.answer().await;
    let zone = &first["org.zstack.header.zone.APICreateZoneEvent"]["inventory"];
    assert_eq!(zone["name"], "twice", "{first}");
    program.send(id, &create, &[]).await;
    assert_eq!(program.answer().await, first, "from memory");
    // The next life remembers nothing but the job.
    world.stop().await;
    world.start().await;
    program.send(id, &create, &[]).await;
    assert_eq!(program.answer().await, first, "from the job");
    let other = json!({ "DeleteZone": { "uuid": zone["uuid"], "session": program.session } }).to_string();
    world.stop().await;
    world.start().await;
    program.send(id, &other, &[]).await;
    assert_eq!(code(&program.answer().await), "SYS.1007", "the id is taken");
    let conditions = json!([{ "name": "name", "op": "=", "value": "twice" }, "uuid not null"]);
    let query = json!({ "conditions": conditions, "replyWithCount": true, "fields": ["uuid"] });
    let found = program.call("org.zstack.header.zone.APIQueryZoneMsg", query).await;
    let found = &found["org.zstack.header.zone.APIQueryZoneReply"];
    assert_eq!((&found["total"], &found["inventories"]), (&json!(1), &json!([{ "uuid": zone["uuid"] }])), "{found}");
}
