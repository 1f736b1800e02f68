//! Tags on resources that exist. Those that come with a new resource are checked and written by its service.

mod access;
mod create_system_tag;
mod create_system_tags;
mod create_user_tag;
mod delete;
mod store;
mod update_system_tag;

use std::sync::Arc;

use cumulo_contracts::api::tag::{
    CreateSystemTag, CreateSystemTags, CreateUserTag, DeleteTag, QuerySystemTag, QueryUserTag, UpdateSystemTag,
};
use cumulo_kernel::{Kernel, Setup, api::ApiCx};
use cumulo_schema::{Api, ErrorCode, Uuid};

use store::Store;

/// Answers the tag APIs.
struct Tags {
    kernel: Kernel,
    store: Store,
}

pub(crate) fn install(setup: &mut Setup) {
    let kernel = setup.kernel().clone();
    let tags = Arc::new(Tags { store: Store::new(kernel.db().clone()), kernel });
    setup
        .api::<CreateUserTag>(tags.clone())
        .api::<CreateSystemTag>(tags.clone())
        .api::<CreateSystemTags>(tags.clone())
        .api::<UpdateSystemTag>(tags.clone())
        .api::<DeleteTag>(tags)
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

    /// Runs `work` while no other call changes the tags of `resource`, so that "not there yet" stays true.
    async fn alone<T>(&self, resource: Uuid, work: impl Future<Output = T>) -> T {
        self.kernel.queues().run(&format!("tag.{resource}"), 1, work).await
    }
}

/// The id of the tag number `index` that a call makes: it follows from the call's, so that the call handled again after a
/// crash means the same tag. `cx.resource_uuid` will not do; these APIs mean the tagged resource by that parameter.
fn new_id(cx: &ApiCx, index: usize) -> Uuid {
    cx.job.derive(&format!("tag/{index}"))
}
