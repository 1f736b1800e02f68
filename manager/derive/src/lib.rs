//! The attribute macros that turn one struct into an API or resource declaration.
//!
//! What they generate is data (`ApiMeta`, `ResourceMeta`) and the plainest of conversions; everything else is done by the
//! kernel from that data. Names on the wire are the Rust names in camel case unless an attribute says otherwise.

mod api;
mod attribute;
mod reply;
mod resource;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

/// Declares an API.
///
/// ```ignore
/// /// Creates a zone.
/// #[api(post "/zones", group = "zone", service = "zone", package = "org.zstack.header.zone",
///       job, create, admin, reply = Inventory<Zone>)]
/// pub struct CreateZone {
///     /// Its name.
///     #[param(max_length = 255)]
///     pub name: String,
///     /// Whether it is the default one.
///     #[param(default = "false")]
///     pub is_default: bool,
/// }
///
/// /// Finds zones.
/// #[api(query "/zones", group = "zone", service = "zone", package = "org.zstack.header.zone", reply = Inventories<Zone>)]
/// pub struct QueryZone;
/// ```
///
/// Items: the verb (`get`, `post`, `put`, `delete`, `query`) with its path; `also = "/path"` for further templates;
/// `job` (asynchronous); `create` or `delete` (adds their common parameters); `admin`; `no_session`; `secret_reply`; `body_key = "…"`;
/// `timeout_secs = n`.
///
/// Fields: an `Option` is optional, one with `default = "…"` too, the rest are required. Rules: `wire = "…"`,
/// `max_length = n`, `values("a", "b")`, `regex = "…"`, `range(a, b)`, `nonempty`, `no_empty_string`, `no_trim`,
/// `resource = "ZoneVO"`, `success_if_missing`, `check_account`, `operation_target`, `sensitive`, `json = "DiskAO"`.
#[proc_macro_attribute]
pub fn api(attribute: TokenStream, item: TokenStream) -> TokenStream {
    api::expand(attribute.into(), item.into()).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// Declares a resource: its table, its inventory and how it joins others.
///
/// ```ignore
/// /// An L2 network.
/// #[resource(table = "l2_network", java = "org.zstack.header.network.l2.L2NetworkInventory", vo = "L2NetworkVO", owned,
///            type_field = "type",
///            collection(attachedClusterUuids: L2NetworkClusterRef, l2NetworkUuid, clusterUuid),
///            expand(zone: Zone, zoneUuid = uuid),
///            expand(hidden clusterRef: L2NetworkClusterRef, uuid = l2NetworkUuid),
///            alias(cluster = "clusterRef.cluster"))]
/// pub struct L2Network {
///     /// Its id.
///     #[field(unique)]
///     pub uuid: Uuid,
///     /// The zone it is in.
///     #[field(indexed, references = "Zone")]
///     pub zone_uuid: Uuid,
/// }
/// ```
///
/// `owned` rows belong to accounts, and `shareable` ones can be shared by them. `seen_by(…)` says who else sees a row, or
/// who sees one that nobody owns: `all`, `account = field`, `owner = field`, `user = field` (owner or shared with),
/// `user = Resource.field`, `flag = field`; without any, only the admin does.
///
/// Further items: `parent(Host = "KVM")`, `nested(vmNics: VmNic, uuid = vmInstanceUuid)`, `unique(a, b)`,
/// `inventory = "…"`, `internal` (no question of a client reaches it). Fields: `wire = "…"`, `hidden` (never shown),
/// `indexed`, `unique`, `long` (text without bound), `references = "Resource"`, `part_of = "Resource"` (goes with it, in one
/// transaction; several with commas). For each field there is a constant `Column`: `L2Network::ZONE_UUID`.
#[proc_macro_attribute]
pub fn resource(attribute: TokenStream, item: TokenStream) -> TokenStream {
    resource::expand(attribute.into(), item.into()).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// Declares an answer with members of its own: `#[reply(members)]`, or `#[reply(all)]` which adds `"success": true`.
///
/// ```ignore
/// #[reply(all)]
/// pub struct Version { pub version: String }
/// ```
///
/// `#[member(wire = "…", of = "VmNicInventory")]` names a member, or the type of one that is JSON.
#[proc_macro_attribute]
pub fn reply(attribute: TokenStream, item: TokenStream) -> TokenStream {
    reply::expand(attribute.into(), item.into()).unwrap_or_else(|error| error.to_compile_error()).into()
}
