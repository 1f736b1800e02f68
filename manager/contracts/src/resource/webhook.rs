//! Web hooks.

use cumulo_derive::resource;
use cumulo_schema::{Timestamp, Uuid};

/// An address that is told what happens.
#[resource(table = "webhook", java = "org.zstack.header.core.webhooks.WebhookInventory", vo = "WebhookVO")]
pub struct Webhook {
    /// Its id.
    #[field(unique)]
    pub uuid: Uuid,
    /// Its name.
    #[field(indexed)]
    pub name: String,
    /// What people wrote about it.
    pub description: Option<String>,
    /// The address.
    #[field(long)]
    pub url: String,
    /// What is told.
    pub r#type: String,
    /// Which of it.
    #[field(long)]
    pub opaque: Option<String>,
    /// When it was made.
    pub create_date: Timestamp,
    /// When it was last changed.
    pub last_op_date: Timestamp,
}
