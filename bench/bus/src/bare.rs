//! An RPC as RabbitMQ's own tutorial has it, with direct replies instead of a queue for them, which is quicker.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context;
use cumulo_schema::Uuid;
use futures::StreamExt;
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    options::{BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, QueueDeclareOptions},
    types::FieldTable,
};
use tokio::sync::oneshot;

use crate::nodes::{Echo, echo};

const QUEUE: &str = "bench.bare";
const REPLIES: &str = "amq.rabbitmq.reply-to";

type Waiting = Arc<Mutex<HashMap<String, oneshot::Sender<Vec<u8>>>>>;

pub(crate) struct Bare {
    _connections: [Connection; 2],
    channel: Channel,
    waiting: Waiting,
    key: Uuid,
}

impl Bare {
    pub(crate) async fn start(url: &str) -> anyhow::Result<Self> {
        let server = Connection::connect(url, ConnectionProperties::default()).await?;
        let channel = server.create_channel().await?;
        let options = QueueDeclareOptions::durable();
        channel.queue_declare(QUEUE.into(), options, FieldTable::default()).await?;
        channel.basic_qos(500, BasicQosOptions::default()).await?;
        let options = BasicConsumeOptions::default();
        let requests = channel.basic_consume(QUEUE.into(), "".into(), options, FieldTable::default()).await?;
        tokio::spawn(serve(channel, requests));

        let client = Connection::connect(url, ConnectionProperties::default()).await?;
        let channel = client.create_channel().await?;
        let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
        let mut replies = channel.basic_consume(REPLIES.into(), "".into(), options, FieldTable::default()).await?;
        let waiting = Waiting::default();
        let known = waiting.clone();
        tokio::spawn(async move {
            while let Some(Ok(reply)) = replies.next().await {
                let id = reply.properties.correlation_id().as_ref().map(|id| id.as_str().to_owned());
                let sender = id.and_then(|id| known.lock().unwrap_or_else(PoisonError::into_inner).remove(&id));
                if let Some(sender) = sender {
                    // A caller that went away needs no answer.
                    let _ = sender.send(reply.data.clone());
                }
            }
        });
        Ok(Self { _connections: [server, client], channel, waiting, key: Uuid::random() })
    }

    pub(crate) async fn call(&self) -> anyhow::Result<()> {
        let id = Uuid::random().to_string();
        let (sender, answer) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), sender);
        let properties = BasicProperties::default().with_correlation_id(id.into()).with_reply_to(REPLIES.into());
        let body = serde_json::to_vec(&echo(self.key))?;
        let options = BasicPublishOptions::default();
        self.channel.basic_publish("".into(), QUEUE.into(), options, &body, properties).await?.await?;
        let answer: Echo = serde_json::from_slice(&answer.await?)?;
        anyhow::ensure!(answer.key == self.key, "another answer");
        Ok(())
    }
}

async fn serve(channel: Channel, mut requests: lapin::Consumer) -> anyhow::Result<()> {
    while let Some(request) = requests.next().await {
        let (channel, request) = (channel.clone(), request?);
        tokio::spawn(async move {
            let message: Echo = serde_json::from_slice(&request.data)?;
            let to = request.properties.reply_to().clone().context("no way back")?;
            let id = request.properties.correlation_id().clone().context("no id")?;
            let body = serde_json::to_vec(&message)?;
            let properties = BasicProperties::default().with_correlation_id(id);
            channel.basic_publish("".into(), to, BasicPublishOptions::default(), &body, properties).await?.await?;
            request.ack(BasicAckOptions::default()).await?;
            anyhow::Ok(())
        });
    }
    Ok(())
}
