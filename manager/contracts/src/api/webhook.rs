//! Who wants to be told what happens.

use cumulo_derive::api;
use cumulo_schema::{Empty, Inventories, Inventory, Uuid};

use crate::resource::Webhook;

/// Has what happens posted to an address.
#[api(post "/web-hooks", group = "webhook", service = "webhook", package = "org.zstack.header.core.webhooks", job, create, admin, reply = Inventory<Webhook>)]
pub struct CreateWebhook {
    /// Its name.
    #[param(max_length = 255)]
    pub name: String,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// The address.
    #[param(max_length = 2048)]
    pub url: String,
    /// What is told: CanonicalEvent.
    #[param(max_length = 255)]
    pub r#type: String,
    /// Which of it: the path of the events, as /vm/state/change, where * stands for anything.
    pub opaque: Option<String>,
}

/// Changes a web hook.
#[api(put "/web-hooks/{uuid}", group = "webhook", service = "webhook", package = "org.zstack.header.core.webhooks", job, admin, reply = Inventory<Webhook>)]
pub struct UpdateWebhook {
    /// The web hook.
    #[param(resource = "WebhookVO")]
    pub uuid: Uuid,
    /// Its name.
    #[param(max_length = 255)]
    pub name: Option<String>,
    /// What people should know about it.
    #[param(max_length = 2048)]
    pub description: Option<String>,
    /// The address.
    #[param(max_length = 2048)]
    pub url: Option<String>,
    /// What is told: CanonicalEvent.
    #[param(max_length = 255)]
    pub r#type: Option<String>,
    /// Which of it: the path of the events, as /vm/state/change, where * stands for anything.
    pub opaque: Option<String>,
}

/// Deletes a web hook.
#[api(delete "/web-hooks/{uuid}", group = "webhook", service = "webhook", package = "org.zstack.header.core.webhooks", job, delete, admin, reply = Empty)]
pub struct DeleteWebhook {
    /// The web hook.
    #[param(resource = "WebhookVO", success_if_missing)]
    pub uuid: Uuid,
}

/// Finds web hooks.
#[api(query "/web-hooks", group = "webhook", service = "query", package = "org.zstack.header.core.webhooks", admin, reply = Inventories<Webhook>)]
pub struct QueryWebhook;
