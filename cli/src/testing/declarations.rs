//! Declarations of the usual kinds, so that the tests do not change when the real ones do.

use cumulo_schema::{
    Alias, ApiKind, ApiMeta, Collection, Expand, FieldKind, FieldMeta, Method, Nested, ParamIn, ParamKind, ParamMeta,
    Rbac, ReplyField, ReplyShape, ResourceMeta,
};

use crate::Catalog;

const BODY: ParamMeta = ParamMeta::PLAIN;
const REQUIRED: ParamMeta = ParamMeta { required: true, ..BODY };
const PATH: ParamMeta = ParamMeta { location: ParamIn::Path, ..REQUIRED };
const QUERY: ParamMeta = ParamMeta { location: ParamIn::Query, ..BODY };
const SECRET: ParamMeta = ParamMeta { name: "password", doc: "The password.", sensitive: true, ..REQUIRED };
const SYSTEM_TAGS: ParamMeta = ParamMeta { name: "systemTags", doc: "Tags.", kind: ParamKind::StringList, ..BODY };

const PLAIN: ApiMeta = ApiMeta {
    name: "",
    doc: "",
    group: "test",
    service: "test",
    java_package: "org.zstack.header.test",
    java_class: "org.zstack.header.test.APIPlainMsg",
    method: Method::Post,
    path: "",
    optional_paths: &[],
    body_key: Some("params"),
    is_job: true,
    needs_session: true,
    rbac: Rbac::Normal,
    secret_reply: false,
    kind: ApiKind::Plain,
    timeout_secs: 300,
    default_timeout: "300000",
    params: &[],
    reply: ReplyShape::Empty,
};

const fn inventory(type_name: &'static str) -> [ReplyField; 1] {
    [ReplyField { name: "inventory", type_name }]
}

static APIS: &[&ApiMeta] = &[
    &ApiMeta {
        name: "CreateZone",
        doc: "Creates a zone.",
        group: "zone",
        path: "/zones",
        kind: ApiKind::Create,
        params: &[
            ParamMeta { name: "name", doc: "Its name.", max_length: Some(255), ..REQUIRED },
            ParamMeta { name: "description", doc: "What it is for.", ..BODY },
            SYSTEM_TAGS,
        ],
        reply: ReplyShape::Members(&inventory("ZoneInventory")),
        ..PLAIN
    },
    &ApiMeta {
        name: "DeleteZone",
        doc: "Deletes a zone.",
        group: "zone",
        method: Method::Delete,
        path: "/zones/{uuid}",
        body_key: None,
        kind: ApiKind::Delete,
        params: &[
            ParamMeta { name: "uuid", doc: "The zone.", resource: Some("ZoneVO"), ..PATH },
            ParamMeta { name: "deleteMode", doc: "How.", valid_values: &["Permissive", "Enforcing"], ..QUERY },
            ParamMeta { location: ParamIn::Query, ..SYSTEM_TAGS },
        ],
        ..PLAIN
    },
    &ApiMeta {
        name: "ChangeZoneState",
        doc: "Enables or disables a zone.",
        group: "zone",
        method: Method::Put,
        path: "/zones/{uuid}/actions",
        body_key: Some("changeZoneState"),
        params: &[
            ParamMeta { name: "uuid", doc: "The zone.", resource: Some("ZoneVO"), ..PATH },
            ParamMeta { name: "stateEvent", doc: "What to do.", valid_values: &["enable", "disable"], ..REQUIRED },
        ],
        reply: ReplyShape::Members(&inventory("ZoneInventory")),
        ..PLAIN
    },
    &ApiMeta {
        name: "QueryZone",
        doc: "Finds zones.",
        group: "zone",
        method: Method::Get,
        path: "/zones",
        optional_paths: &["/zones/{uuid}"],
        body_key: None,
        is_job: false,
        kind: ApiKind::Query("Zone"),
        reply: ReplyShape::Members(&[ReplyField { name: "inventories", type_name: "List<ZoneInventory>" }]),
        ..PLAIN
    },
    &ApiMeta {
        name: "LogInByAccount",
        doc: "Opens a session.",
        group: "session",
        method: Method::Put,
        path: "/accounts/login",
        body_key: Some("logInByAccount"),
        is_job: false,
        needs_session: false,
        params: &[ParamMeta { name: "accountName", doc: "Who.", ..REQUIRED }, SECRET],
        reply: ReplyShape::Members(&inventory("SessionInventory")),
        ..PLAIN
    },
    &ApiMeta {
        name: "LogOut",
        doc: "Closes a session.",
        group: "session",
        method: Method::Delete,
        path: "/accounts/sessions/{sessionUuid}",
        body_key: None,
        is_job: false,
        needs_session: false,
        params: &[
            ParamMeta { name: "sessionUuid", doc: "Which.", required: false, ..PATH },
            ParamMeta { name: "clientInfo", doc: "From where.", kind: ParamKind::StringMap, ..QUERY },
        ],
        ..PLAIN
    },
    &ApiMeta {
        name: "AddKVMHost",
        doc: "Adds a host.",
        group: "host",
        path: "/hosts/kvm",
        kind: ApiKind::Create,
        params: &[
            ParamMeta { name: "name", doc: "Its name.", ..REQUIRED },
            ParamMeta { name: "managementIp", doc: "Where it is.", ..REQUIRED },
            SECRET,
        ],
        ..PLAIN
    },
    &ApiMeta {
        name: "AddImage",
        doc: "Adds an image.",
        group: "image",
        path: "/images",
        kind: ApiKind::Create,
        params: &[
            ParamMeta { name: "name", doc: "Its name.", ..REQUIRED },
            ParamMeta { name: "url", doc: "Where it is.", sensitive: true, ..REQUIRED },
            ParamMeta { name: "format", doc: "Its format.", valid_values: &["qcow2", "raw", "iso"], ..REQUIRED },
            ParamMeta { name: "backupStorageUuids", doc: "Where to.", kind: ParamKind::StringList, ..REQUIRED },
        ],
        ..PLAIN
    },
    &ApiMeta {
        name: "CreateInstanceOffering",
        doc: "Creates an offering.",
        group: "configuration",
        path: "/instance-offerings",
        is_job: false,
        kind: ApiKind::Create,
        params: &[
            ParamMeta { name: "name", doc: "Its name.", ..REQUIRED },
            ParamMeta { name: "cpuNum", doc: "CPUs.", kind: ParamKind::Integer, range: Some((1, 1024)), ..REQUIRED },
            ParamMeta { name: "memorySize", doc: "Bytes.", kind: ParamKind::Long, ..REQUIRED },
        ],
        ..PLAIN
    },
    &ApiMeta {
        name: "CreateL3Network",
        doc: "Creates a network.",
        group: "l3Network",
        path: "/l3-networks",
        params: &[ParamMeta { name: "system", doc: "For appliances.", kind: ParamKind::Boolean, ..BODY }],
        ..PLAIN
    },
    &ApiMeta {
        name: "AttachNetworkServiceToL3Network",
        doc: "Attaches services.",
        group: "l3Network",
        path: "/l3-networks/{l3NetworkUuid}/network-services",
        params: &[
            ParamMeta { name: "l3NetworkUuid", doc: "The network.", ..PATH },
            ParamMeta { name: "networkServices", doc: "What.", kind: ParamKind::StringListMap, ..REQUIRED },
            SYSTEM_TAGS,
        ],
        ..PLAIN
    },
    &ApiMeta {
        name: "GetFreeIp",
        doc: "Finds free addresses.",
        group: "l3Network",
        method: Method::Get,
        path: "null",
        optional_paths: &["/l3-networks/{l3NetworkUuid}/ip/free", "/l3-networks/ip-ranges/{ipRangeUuid}/ip/free"],
        body_key: None,
        is_job: false,
        params: &[
            ParamMeta { name: "l3NetworkUuid", doc: "Of.", required: false, ..PATH },
            ParamMeta { name: "ipRangeUuid", doc: "Of.", required: false, ..PATH },
            ParamMeta { name: "limit", doc: "Most.", kind: ParamKind::Integer, ..QUERY },
        ],
        reply: ReplyShape::Members(&[ReplyField { name: "inventories", type_name: "List<FreeIpInventory>" }]),
        ..PLAIN
    },
];

const FIELD: FieldMeta = FieldMeta {
    wire: "",
    column: "",
    kind: FieldKind::String,
    nullable: false,
    hidden: false,
    indexed: false,
    unique: false,
    long: false,
    references: None,
    part_of: &[],
};

static RESOURCES: &[&ResourceMeta] = &[
    &ResourceMeta {
        name: "Zone",
        inventory: "ZoneInventory",
        doc: "A place.",
        table: "zone",
        java_class: "org.zstack.header.zone.ZoneInventory",
        vo: "ZoneVO",
        parent: None,
        type_field: Some("type"),
        owned: false,
        internal: false,
        shareable: false,
        seen_by: &[],
        fields: &[
            FieldMeta { wire: "uuid", kind: FieldKind::Uuid, ..FIELD },
            FieldMeta { wire: "name", ..FIELD },
            FieldMeta { wire: "description", nullable: true, ..FIELD },
            FieldMeta { wire: "state", ..FIELD },
            FieldMeta { wire: "secretKey", hidden: true, ..FIELD },
            FieldMeta { wire: "createDate", kind: FieldKind::Timestamp, ..FIELD },
        ],
        nested: &[Nested { wire: "racks", resource: "Rack", from: "uuid", to: "zoneUuid" }],
        collections: &[Collection { wire: "clusterUuids", resource: "Cluster", join: "zoneUuid", field: "uuid" }],
        expands: &[Expand { name: "cluster", resource: "Cluster", from: "uuid", to: "zoneUuid", hidden: false }],
        uniques: &[],
        aliases: &[Alias { name: "host", path: "cluster.host" }],
    },
    &ResourceMeta {
        name: "Cluster",
        inventory: "ClusterInventory",
        doc: "A group of hosts.",
        table: "cluster",
        java_class: "org.zstack.header.cluster.ClusterInventory",
        vo: "ClusterVO",
        parent: None,
        type_field: None,
        owned: false,
        internal: false,
        shareable: false,
        seen_by: &[],
        fields: &[
            FieldMeta { wire: "uuid", kind: FieldKind::Uuid, ..FIELD },
            FieldMeta { wire: "name", ..FIELD },
            FieldMeta { wire: "zoneUuid", kind: FieldKind::Uuid, references: Some("Zone"), ..FIELD },
        ],
        nested: &[],
        collections: &[],
        expands: &[Expand { name: "zone", resource: "Zone", from: "zoneUuid", to: "uuid", hidden: false }],
        uniques: &[],
        aliases: &[],
    },
];

/// The hand-made catalogue.
pub(crate) fn catalog() -> Catalog {
    Catalog::new(APIS, RESOURCES)
}
