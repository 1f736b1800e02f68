//! Tags on resources that exist. Those that come with a new resource are checked and written by its service.

mod access;
mod attach;
mod create_system_tag;
mod create_system_tags;
mod create_user_tag;
mod delete;
mod pattern;
mod store;
mod update_system_tag;

use std::{collections::HashMap, sync::Arc};

use cumulo_contracts::{
    api::tag::{
        AttachTagToResources, CreateSystemTag, CreateSystemTags, CreateTag, CreateUserTag, DeleteTag,
        DetachTagFromResources, QuerySystemTag, QueryTag, QueryUserTag, UpdateSystemTag, UpdateTag,
    },
    ext::tag::SystemTagGuard,
};
use cumulo_kernel::{
    Kernel, Setup,
    api::ApiCx,
    tag::{ANY, TagDef},
};
use cumulo_schema::{Api, ErrorCode, Uuid};

use store::Store;

/// Answers the tag APIs.
struct Tags {
    kernel: Kernel,
    store: Store,
}

/// Tags of third parties, which mean something to them alone and are kept for them like the rest.
const FOREIGN: [TagDef; 2] = [
    TagDef { resource: ANY, pattern: "3rd::{tag}", doc: "Whatever another system keeps with a resource.", check: said },
    TagDef {
        resource: ANY,
        pattern: "audit::{key}::{value}",
        doc: "What an audit keeps with a resource, as audit::departmentId::1.",
        check: said,
    },
];

fn said(tokens: &HashMap<String, String>) -> Result<(), String> {
    match tokens.values().any(String::is_empty) {
        true => Err("something must follow the '::'".to_owned()),
        false => Ok(()),
    }
}

pub(crate) fn install(setup: &mut Setup) {
    let kernel = setup.kernel().clone();
    let tags = Arc::new(Tags { store: Store::new(kernel.db().clone()), kernel });
    setup
        .tags(&FOREIGN)
        .api::<CreateUserTag>(tags.clone())
        .api::<CreateSystemTag>(tags.clone())
        .api::<CreateSystemTags>(tags.clone())
        .api::<UpdateSystemTag>(tags.clone())
        .api::<DeleteTag>(tags.clone())
        .api::<CreateTag>(tags.clone())
        .api::<UpdateTag>(tags.clone())
        .api::<AttachTagToResources>(tags.clone())
        .api::<DetachTagFromResources>(tags)
        .query(QueryTag::META)
        .query(QueryUserTag::META)
        .query(QuerySystemTag::META);
}

impl Tags {
    /// Checks a system tag that is to be stored on a resource of `vo`.
    fn check_system(&self, vo: &str, tag: &str) -> Result<(), ErrorCode> {
        if self.kernel.tags().is_ephemeral(tag) {
            return Err(ErrorCode::invalid(format!("the tag '{tag}' only steers the call it comes with")));
        }
        self.kernel.tags().check(vo, tag)
    }

    /// Asks the service of `resource` whether it may have the tag, in place of `replaced`.
    async fn ask_guards(&self, vo: &str, resource: Uuid, tag: &str, replaced: Option<Uuid>) -> Result<(), ErrorCode> {
        for guard in self.kernel.registry().all::<dyn SystemTagGuard>().iter().filter(|guard| guard.resource() == vo) {
            guard.check(resource, tag, replaced).await?;
        }
        Ok(())
    }

    /// Runs `work` while no other call changes the tags of `resource`, so that "not there yet" stays true.
    async fn alone<T>(&self, resource: Uuid, work: impl Future<Output = Result<T, ErrorCode>>) -> Result<T, ErrorCode> {
        self.kernel.alone(&format!("tag.{resource}"), work).await
    }
}

/// The id of the tag number `index` that a call makes: it follows from the call's, so that the call handled again after a
/// crash means the same tag. `cx.resource_uuid` will not do; these APIs mean the tagged resource by that parameter.
fn new_id(cx: &ApiCx, index: usize) -> Uuid {
    cx.job.derive(&format!("tag/{index}"))
}
