//! A node, and something on it to put tags on: zones are the admin's, disk offerings are anybody's.

use cumulo_contracts::resource::{DiskOffering, ResourceState, Zone};
use cumulo_kernel::{
    Setup,
    config::{ConfigDef, ConfigRule},
    ownership::{self, NewTags},
    tag::{TagDef, any_tokens},
};
use cumulo_schema::{Resource, Timestamp, Uuid};
use cumulo_testnode::{TestNode, stranger};

const COLOUR: TagDef = TagDef { resource: "DiskOfferingVO", pattern: "colour::{colour}", doc: "", check: any_tokens };

const LIMIT: ConfigDef =
    ConfigDef { category: "test", name: "limit", description: "", default: "5", rule: ConfigRule::Integer(1, 9) };

pub(crate) fn install(setup: &mut Setup) {
    stranger(setup, Zone::META);
    stranger(setup, DiskOffering::META);
    setup.tags(&[COLOUR]).configs(&[LIMIT, ConfigDef { name: "unbound", ..LIMIT }]);
    setup.bindable("test", "limit", &["DiskOfferingVO"]);
    cumulo_service_system::install(setup);
}

pub(crate) async fn node() -> TestNode {
    TestNode::start(install).await
}

/// A disk offering of `owner`.
pub(crate) async fn thing_of(node: &TestNode, owner: Uuid) -> Uuid {
    let now = Timestamp::now();
    let offering = DiskOffering {
        uuid: Uuid::random(),
        name: "d".to_owned(),
        description: None,
        disk_size: 1,
        sort_key: 0,
        state: ResourceState::Enabled,
        r#type: "zstack".to_owned(),
        create_date: now,
        last_op_date: now,
        allocator_strategy: String::new(),
    };
    let mut batch = node.kernel().db().batch();
    batch.insert(&offering);
    ownership::created::<DiskOffering>(&mut batch, offering.uuid, owner, &NewTags::default());
    node.kernel().db().commit(batch).await.expect("inserted");
    offering.uuid
}
