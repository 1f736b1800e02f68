//! What a program outside, or a node of another version, might put on the wire.

use cumulo_schema::Uuid;
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    options::{BasicGetOptions, BasicPublishOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};

use super::lab::eventually;

pub(super) struct Raw {
    _connection: Connection,
    pub(super) channel: Channel,
    pub(super) queue: String,
}

impl Raw {
    pub(super) async fn connect(url: &str) -> Self {
        let connection = Connection::connect(url, ConnectionProperties::default()).await.expect("connects");
        let channel = connection.create_channel().await.expect("a channel");
        let queue = format!("client.{}", Uuid::random());
        let options = QueueDeclareOptions::exclusive();
        channel.queue_declare(queue.as_str().into(), options, FieldTable::default()).await.expect("a queue");
        Self { _connection: connection, channel, queue }
    }

    /// Sends `body` to `to` with these headers and a fresh id, and answers with the id.
    pub(super) async fn send(&self, to: &str, name: &str, headers: &[(&str, AMQPValue)], body: &str) -> Uuid {
        let id = Uuid::random();
        self.send_as(id, to, name, headers, body).await;
        id
    }

    pub(super) async fn send_as(&self, id: Uuid, to: &str, name: &str, headers: &[(&str, AMQPValue)], body: &str) {
        let mut table = FieldTable::default();
        for (name, value) in headers {
            table.insert((*name).into(), value.clone());
        }
        let properties = BasicProperties::default()
            .with_type(name.into())
            .with_message_id(id.to_string().into())
            .with_correlation_id(id.to_string().into())
            .with_reply_to(self.queue.as_str().into())
            .with_headers(table);
        let options = BasicPublishOptions::default();
        let sent = self.channel.basic_publish("P2P".into(), to.into(), options, body.as_bytes(), properties).await;
        sent.expect("sent").await.expect("no confirmation is asked for");
    }

    /// The next answer: its body and why it was refused.
    pub(super) async fn answer(&self) -> (String, Option<String>) {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        loop {
            let options = BasicGetOptions { no_ack: true };
            let got = self.channel.basic_get(self.queue.as_str().into(), options).await.expect("readable");
            if let Some(message) = got {
                let received = crate::bus::amqp::headers::Received(&message.delivery.properties);
                let refused = received.text("refused").map(str::to_owned);
                return (String::from_utf8(message.delivery.data.clone()).expect("text"), refused);
            }
            assert!(std::time::Instant::now() < deadline, "no answer came");
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
}

/// Waits until `node`'s counters are as `wanted`.
pub(super) async fn counted(
    node: &super::nodes::Node,
    what: &str,
    wanted: impl Fn(crate::bus::amqp::BusCounters) -> bool,
) {
    eventually(what, || wanted(node.amqp().counters())).await;
}
