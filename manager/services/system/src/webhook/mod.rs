//! Web hooks: addresses that are told what happens.
//!
//! Telling is the kernel's business ([`cumulo_kernel::hook`]): bounded, and in nobody's way. Which hooks there are is kept in
//! memory for as long as one second, so that an event costs no read.

mod create;
mod delete;
mod store;
mod tell;
mod update;

use std::sync::Arc;

use cumulo_contracts::{
    api::webhook::{CreateWebhook, DeleteWebhook, QueryWebhook, UpdateWebhook},
    message::{host::HostStatusChanged, vm::VmStateChanged},
    resource::Webhook,
};
use cumulo_kernel::{Kernel, Setup, db::Migration, hook};
use cumulo_schema::{Api, ErrorCode, Resource};

use store::Store;

/// The one kind of web hook: told of events.
const TYPE: &str = "CanonicalEvent";

/// Answers the APIs of web hooks, and tells them.
struct Webhooks {
    kernel: Kernel,
    store: Store,
}

pub(crate) fn install(setup: &mut Setup) {
    let kernel = setup.kernel().clone();
    let hooks = Arc::new(Webhooks { store: Store::new(kernel.clone()), kernel });
    setup
        .resources(&[Webhook::META])
        .migrations(&[Migration {
            name: "20261121_0300_webhook",
            sql: include_str!("../../migrations/20261121_0300_webhook.sql"),
        }])
        .api::<CreateWebhook>(hooks.clone())
        .api::<UpdateWebhook>(hooks.clone())
        .api::<DeleteWebhook>(hooks.clone())
        .query(QueryWebhook::META)
        .on::<VmStateChanged>(hooks.clone())
        .on::<HostStatusChanged>(hooks);
}

fn check(url: Option<&str>, kind: Option<&str>) -> Result<(), ErrorCode> {
    if let Some(Err(problem)) = url.map(hook::check_url) {
        return Err(ErrorCode::invalid(format!("field[url] {problem}")));
    }
    match kind {
        None | Some(TYPE) => Ok(()),
        Some(other) => Err(ErrorCode::invalid(format!("field[type] must be {TYPE}, not '{other}'"))),
    }
}
