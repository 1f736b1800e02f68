//! The resources that the kernel itself keeps: ownership, tags, global configuration, debts, nodes.
//!
//! They are declared here rather than in `contracts`, because the kernel works with them and knows no other resource.

use cumulo_derive::resource;

use crate::{Json, Timestamp, Uuid, wire_enum};

/// Which account a resource belongs to.
#[resource(
    table = "account_resource_ref",
    java = "org.zstack.header.identity.AccountResourceRefInventory",
    vo = "AccountResourceRefVO",
    unique(resourceUuid, accountUuid),
    seen_by(account = accountUuid)
)]
pub struct AccountResourceRef {
    /// The account.
    #[field(indexed)]
    pub account_uuid: Uuid,
    /// The resource.
    pub resource_uuid: Uuid,
    /// Its VO.
    pub resource_type: String,
    /// The VO of its kind.
    pub concrete_resource_type: String,
    /// Since when.
    pub create_date: Timestamp,
    /// Last changed.
    pub last_op_date: Timestamp,
}

/// A resource that its owner lets others use: one account, or all of them.
#[resource(
    table = "shared_resource",
    java = "org.zstack.header.identity.SharedResourceInventory",
    vo = "SharedResourceVO",
    seen_by(account = ownerAccountUuid, account = receiverAccountUuid, flag = toPublic)
)]
pub struct SharedResource {
    /// Follows from resource and receiver, so that sharing twice is one row.
    #[field(unique)]
    pub uuid: Uuid,
    /// Whose it is.
    #[field(indexed)]
    pub owner_account_uuid: Uuid,
    /// Who may use it; absent where everybody may.
    #[field(indexed)]
    pub receiver_account_uuid: Option<Uuid>,
    /// Whether everybody may use it.
    #[field(indexed)]
    pub to_public: bool,
    /// Its VO.
    pub resource_type: String,
    /// The resource.
    #[field(indexed)]
    pub resource_uuid: Uuid,
    /// When it was shared.
    pub create_date: Timestamp,
    /// Last changed.
    pub last_op_date: Timestamp,
}

/// How much of something an account may have.
#[resource(
    table = "quota",
    java = "org.zstack.header.identity.QuotaInventory",
    vo = "QuotaVO",
    unique(identityUuid, name),
    seen_by(account = identityUuid),
    expand(account: Account, identityUuid = uuid)
)]
pub struct Quota {
    /// Follows from account and name.
    #[field(unique)]
    pub uuid: Uuid,
    /// Of what: `vm.totalNum`.
    #[field(indexed)]
    pub name: String,
    /// The account.
    #[field(part_of = "Account")]
    pub identity_uuid: Uuid,
    /// Always `AccountVO`.
    pub identity_type: String,
    /// How much, in pieces or bytes.
    pub value: i64,
    /// How much of it is not taken; below zero where the quota was lowered under what is used.
    #[field(hidden)]
    pub free: i64,
    /// When it was made.
    pub create_date: Timestamp,
    /// When it was last changed.
    pub last_op_date: Timestamp,
}

wire_enum! {
    /// Whose meaning a tag has.
    pub enum TagType { System, User }
}

/// A tag that the system understands.
#[resource(
    table = "system_tag",
    java = "org.zstack.header.tag.SystemTagInventory",
    vo = "SystemTagVO",
    seen_by(user = resourceUuid)
)]
pub struct SystemTag {
    /// Cannot be deleted by clients.
    pub inherent: bool,
    /// The tag's id.
    #[field(unique)]
    pub uuid: Uuid,
    /// What it is on.
    #[field(indexed)]
    pub resource_uuid: Uuid,
    /// The VO of what it is on.
    pub resource_type: String,
    /// The tag.
    #[field(indexed, long)]
    pub tag: String,
    /// Always `System`.
    pub r#type: TagType,
    /// When it was made.
    pub create_date: Timestamp,
    /// When it was last changed.
    pub last_op_date: Timestamp,
}

wire_enum! {
    /// Whether a tag pattern is a text or has tokens to be filled in.
    pub enum TagPatternType { Simple = "simple", WithToken = "withToken" }
}

/// A tag that people agreed on: made once, with a colour, and attached to many resources.
#[resource(table = "tag_pattern", java = "org.zstack.header.tag.TagPatternInventory", vo = "TagPatternVO", owned)]
pub struct TagPattern {
    /// The pattern's id.
    #[field(unique)]
    pub uuid: Uuid,
    /// Its name.
    #[field(indexed)]
    pub name: String,
    /// The text of tags made from it; tokens stand in braces: `room::{number}`.
    pub value: String,
    /// What people wrote about it.
    pub description: Option<String>,
    /// The colour it is shown in: `#186ac6`.
    pub color: Option<String>,
    /// Whether it has tokens.
    pub r#type: TagPatternType,
    /// When it was made.
    pub create_date: Timestamp,
    /// When it was last changed.
    pub last_op_date: Timestamp,
}

/// A tag that means something to people.
#[resource(
    table = "user_tag",
    java = "org.zstack.header.tag.UserTagInventory",
    vo = "UserTagVO",
    expand(tagPattern: TagPattern, tagPatternUuid = uuid),
    seen_by(user = resourceUuid)
)]
pub struct UserTag {
    /// The pattern it was made from.
    #[field(indexed, part_of = "TagPattern")]
    pub tag_pattern_uuid: Option<Uuid>,
    /// The tag's id.
    #[field(unique)]
    pub uuid: Uuid,
    /// What it is on.
    #[field(indexed)]
    pub resource_uuid: Uuid,
    /// The VO of what it is on.
    pub resource_type: String,
    /// The tag.
    #[field(indexed, long)]
    pub tag: String,
    /// Always `User`.
    pub r#type: TagType,
    /// When it was made.
    pub create_date: Timestamp,
    /// When it was last changed.
    pub last_op_date: Timestamp,
}

/// One setting of the whole cloud.
#[resource(
    table = "global_config",
    java = "org.zstack.core.config.GlobalConfigInventory",
    vo = "GlobalConfigVO",
    unique(category, name),
    seen_by(all)
)]
pub struct GlobalConfig {
    /// Its number.
    #[field(unique)]
    pub id: i64,
    /// Its name within the category.
    #[field(indexed)]
    pub name: String,
    /// The part of the system it belongs to.
    #[field(indexed)]
    pub category: String,
    /// What it does.
    pub description: String,
    /// What it is unless changed.
    pub default_value: String,
    /// What it is.
    pub value: String,
}

/// One setting of one resource, instead of what holds for the whole cloud.
#[resource(
    table = "resource_config",
    java = "org.zstack.resourceconfig.ResourceConfigInventory",
    vo = "ResourceConfigVO",
    unique(resourceUuid, category, name),
    seen_by(owner = resourceUuid)
)]
pub struct ResourceConfig {
    /// The row's id.
    #[field(unique)]
    pub uuid: Uuid,
    /// The resource.
    pub resource_uuid: Uuid,
    /// Its VO.
    pub resource_type: String,
    /// The setting's name within the category.
    #[field(indexed)]
    pub name: String,
    /// What it does.
    pub description: String,
    /// The part of the system it belongs to.
    pub category: String,
    /// What it is for this resource, and what inherits from it.
    pub value: String,
    /// When it was made.
    pub create_date: Timestamp,
    /// When it was last changed.
    pub last_op_date: Timestamp,
}

wire_enum! {
    /// Where a job of the garbage collector stands.
    pub enum GcStatus { Idle, Processing, Done }
}

/// Something that must still be cleaned up: an undo that kept failing, a remote object whose host was away.
#[resource(
    table = "garbage_collector",
    java = "org.zstack.core.gc.GarbageCollectorInventory",
    vo = "GarbageCollectorVO"
)]
pub struct GarbageCollector {
    /// The job's id.
    #[field(unique)]
    pub uuid: Uuid,
    /// What it cleans up, for people.
    pub name: String,
    /// Who can do it.
    pub runner_class: String,
    /// What it needs to know, as JSON.
    #[field(long)]
    pub context: String,
    /// Where it stands.
    #[field(indexed)]
    pub status: GcStatus,
    /// The node that works on it.
    pub management_node_uuid: Option<Uuid>,
    /// `TimeBased`: retried by the clock.
    pub r#type: String,
    /// The resource concerned.
    #[field(hidden, indexed)]
    pub resource_uuid: Uuid,
    /// Why the last try failed.
    #[field(hidden)]
    pub last_error: Json<crate::ErrorCode>,
    /// Tries so far.
    #[field(hidden)]
    pub attempts: i64,
    /// When the next one is due.
    #[field(hidden)]
    pub next_try: Timestamp,
    /// Since when it is owed.
    pub create_date: Timestamp,
    /// The last try.
    pub last_op_date: Timestamp,
    /// The host or storage that did not answer at the last try: it is tried again as soon as that is back.
    #[field(hidden, indexed)]
    pub waits_for: Option<Uuid>,
}

/// A management node.
#[resource(
    table = "management_node",
    java = "org.zstack.header.managementnode.ManagementNodeInventory",
    vo = "ManagementNodeVO"
)]
pub struct ManagementNode {
    /// The node's id.
    #[field(unique)]
    pub uuid: Uuid,
    /// Its address.
    pub host_name: String,
    /// Since when it takes part.
    pub join_date: Timestamp,
    /// Its last sign of life.
    pub heart_beat: Timestamp,
}

wire_enum! {
    /// Where a long job stands.
    pub enum LongJobState {
        /// Accepted; waits for its turn.
        Waiting,
        /// Not going on until told to.
        Suspended,
        /// Worked on.
        Running,
        /// Ended well.
        Succeeded,
        /// Told to stop; what it did is being undone.
        Canceling,
        /// Stopped and undone.
        Canceled,
        /// Failed and undone.
        Failed,
    }
}

/// A call that somebody wants done in the background: the lasting record of it, where the job that does it is forgotten
/// some hours after its end.
#[resource(table = "long_job", java = "org.zstack.header.longjob.LongJobInventory", vo = "LongJobVO", owned)]
pub struct LongJob {
    /// Its id.
    #[field(unique)]
    pub uuid: Uuid,
    /// Its name.
    #[field(indexed)]
    pub name: Option<String>,
    /// What people wrote about it.
    pub description: Option<String>,
    /// The job that does it, for its progress.
    #[field(indexed)]
    pub api_id: Uuid,
    /// The message class of the call, without its package.
    #[field(indexed)]
    pub job_name: String,
    /// The call's parameters as JSON, without secrets.
    #[field(long)]
    pub job_data: String,
    /// The parameters in full, sealed: what it is run again with.
    #[field(hidden, long)]
    pub sealed_data: String,
    /// What the call answered as JSON, once it has ended.
    #[field(long)]
    pub job_result: Option<String>,
    /// Where it stands.
    #[field(indexed)]
    pub state: LongJobState,
    /// The resource it is about.
    #[field(indexed)]
    pub target_resource_uuid: Option<Uuid>,
    /// The node that works on it.
    pub management_node_uuid: Option<Uuid>,
    /// When it was submitted.
    pub create_date: Timestamp,
    /// When it was last changed.
    pub last_op_date: Timestamp,
    /// How long it took, in seconds.
    pub execute_time: Option<i64>,
}

wire_enum! {
    /// Which way a flow goes.
    pub enum FlowPhase { Running, Undoing }
}

wire_enum! {
    /// Where a flow stands.
    pub enum FlowState {
        /// Being worked on, or to be resumed.
        Active,
        /// Done; the context is final.
        Done,
        /// Undone after a failure, or abandoned.
        Failed,
        /// Nobody knows how to go on: its chain, step or context is of another version.
        Parked,
    }
}

/// A chain of steps that changes a resource, as its journal has it.
#[resource(table = "flow", java = "org.cumulo.flow.FlowInventory", vo = "FlowVO")]
pub struct Flow {
    /// The flow; that of a call has the id of the call's job.
    #[field(unique)]
    pub uuid: Uuid,
    /// Its context's name.
    pub flow: String,
    /// Its chain.
    pub chain: String,
    /// The layout of its context.
    pub version: i32,
    /// The resource it works on.
    #[field(indexed)]
    pub resource_uuid: Uuid,
    /// The job it is the outcome of.
    #[field(indexed)]
    pub job_uuid: Option<Uuid>,
    /// The node that works on it.
    pub node_uuid: Uuid,
    /// Where it stands.
    #[field(indexed)]
    pub state: FlowState,
    /// Which way it goes.
    pub phase: FlowPhase,
    /// The step that has started.
    pub step: String,
    /// The last of the steps after it that may have begun as well: their start was written with its own.
    pub foretold: Option<String>,
    /// The context as it was when that step started.
    #[field(hidden)]
    pub context: Json<serde_json::Value>,
    /// Why it failed, or is parked.
    pub error: Option<Json<crate::ErrorCode>>,
    /// The steps of its chain when it started.
    pub steps: Option<Json<Vec<String>>>,
    /// Steps that somebody decided to go past: what they did stays.
    pub skipped: Option<Json<Vec<String>>>,
    /// The call that decided what becomes of it while it was parked.
    #[field(hidden)]
    pub decided_by: Option<Uuid>,
    /// The call that it is part of.
    #[field(hidden)]
    pub trace_uuid: Option<Uuid>,
    /// When who waits for it stops waiting.
    #[field(hidden)]
    pub deadline: Option<Timestamp>,
    /// When it started.
    pub create_date: Timestamp,
    /// The last boundary between steps.
    pub last_op_date: Timestamp,
}

/// The declarations of this module.
pub const RESOURCES: &[&crate::ResourceMeta] = &[
    <AccountResourceRef as crate::Resource>::META,
    <SharedResource as crate::Resource>::META,
    <Quota as crate::Resource>::META,
    <SystemTag as crate::Resource>::META,
    <UserTag as crate::Resource>::META,
    <TagPattern as crate::Resource>::META,
    <ResourceConfig as crate::Resource>::META,
    <GlobalConfig as crate::Resource>::META,
    <GarbageCollector as crate::Resource>::META,
    <ManagementNode as crate::Resource>::META,
    <LongJob as crate::Resource>::META,
    <Flow as crate::Resource>::META,
];
