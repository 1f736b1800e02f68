//! What an API declares, and what follows from it: route, validation, command, OpenAPI, permission.

use std::time::Duration;

use serde::{Serialize, de::DeserializeOwned};

/// HTTP verb of an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs, reason = "the verbs themselves")]
pub enum Method {
    Get,
    Post,
    Put,
    Delete,
}

impl Method {
    /// `GET` and so on.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
        }
    }
}

/// Who may call an API when no policy says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rbac {
    /// Any account, on what it owns or what is shared with it.
    Normal,
    /// The admin account only.
    AdminOnly,
}

/// Where a parameter travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamIn {
    /// A `{variable}` of the path; wins over the body.
    Path,
    /// The query string, for GET and DELETE.
    Query,
    /// The wrapped object, for POST and PUT.
    Body,
}

/// The type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamKind {
    /// Text.
    String,
    /// 32-bit integer.
    Integer,
    /// 64-bit integer.
    Long,
    /// `true` or `false`, also as text.
    Boolean,
    /// List of texts.
    StringList,
    /// List of 64-bit integers.
    LongList,
    /// Text to text.
    StringMap,
    /// Text to list of texts.
    StringListMap,
    /// A structure or list of structures, checked by the operation itself; the text names it for help.
    Json(&'static str),
}

/// One parameter and the rules it must keep.
#[derive(Debug, Clone, Copy)]
pub struct ParamMeta {
    /// Name on the wire.
    pub name: &'static str,
    /// One line for help.
    pub doc: &'static str,
    /// Its type.
    pub kind: ParamKind,
    /// Where it travels.
    pub location: ParamIn,
    /// Must be given.
    pub required: bool,
    /// Most characters.
    pub max_length: Option<usize>,
    /// The only values allowed, case-sensitive; for lists, of each element.
    pub valid_values: &'static [&'static str],
    /// A regular expression that the whole value must match.
    pub regex: Option<&'static str>,
    /// Least and greatest number, inclusive.
    pub range: Option<(i64, i64)>,
    /// An empty list is refused.
    pub nonempty: bool,
    /// An empty text is refused.
    pub no_empty_string: bool,
    /// White space around it is kept.
    pub no_trim: bool,
    /// The resource (VO name) whose uuid it must be.
    pub resource: Option<&'static str>,
    /// A resource that is gone makes the call succeed at once (most deletes).
    pub success_if_missing: bool,
    /// The caller must own the resource or have it shared.
    pub check_account: bool,
    /// The resource the call works on; needs ownership, not just sharing.
    pub operation_target: bool,
    /// A secret: never logged, audited or shown.
    pub sensitive: bool,
    /// Used when absent; read as the parameter's type.
    pub default: Option<&'static str>,
}

impl ParamMeta {
    /// A parameter with no rules; the macro fills in the rest with struct update.
    pub const PLAIN: ParamMeta = ParamMeta {
        name: "",
        doc: "",
        kind: ParamKind::String,
        location: ParamIn::Body,
        required: false,
        max_length: None,
        valid_values: &[],
        regex: None,
        range: None,
        nonempty: false,
        no_empty_string: false,
        no_trim: false,
        resource: None,
        success_if_missing: false,
        check_account: false,
        operation_target: false,
        sensitive: false,
        default: None,
    };
}

/// What sort of call it is, beyond verb and path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiKind {
    /// Reads or changes in some way of its own.
    Plain,
    /// Creates a resource: takes `resourceUuid` and `tagUuids`.
    Create,
    /// Deletes one: takes `deleteMode`.
    Delete,
    /// `Query…`: conditions over the named resource; the only parameters are those of wire.md §4.
    Query(&'static str),
}

/// One member of a reply.
#[derive(Debug, Clone, Copy)]
pub struct ReplyField {
    /// Its name on the wire.
    pub name: &'static str,
    /// ZStack's name of its type: `ZoneInventory`, `List<VmNicInventory>`, `Long`.
    pub type_name: &'static str,
}

/// What a successful answer holds.
#[derive(Debug, Clone, Copy)]
pub enum ReplyShape {
    /// `{}`.
    Empty,
    /// The named members only.
    Members(&'static [ReplyField]),
    /// The named members and `"success": true`.
    All(&'static [ReplyField]),
}

impl ReplyShape {
    /// The declared members.
    #[must_use]
    pub const fn fields(&self) -> &'static [ReplyField] {
        match self {
            ReplyShape::Empty => &[],
            ReplyShape::Members(fields) | ReplyShape::All(fields) => fields,
        }
    }
}

/// Everything an API declares.
#[derive(Debug, Clone, Copy)]
pub struct ApiMeta {
    /// `CreateZone`: the command's verb; `API<name>Msg` is the message's class.
    pub name: &'static str,
    /// One sentence for help and OpenAPI.
    pub doc: &'static str,
    /// Resource group, for help: `zone`.
    pub group: &'static str,
    /// The service that answers: `zone`.
    pub service: &'static str,
    /// Java package of the message class, for the message format.
    pub java_package: &'static str,
    /// The message class: `org.zstack.header.zone.APICreateZoneMsg`.
    pub java_class: &'static str,
    /// HTTP verb.
    pub method: Method,
    /// Path template after `/v1`.
    pub path: &'static str,
    /// Further templates of the same call.
    pub optional_paths: &'static [&'static str],
    /// The key that wraps the parameters in the body; `None` for GET and DELETE.
    pub body_key: Option<&'static str>,
    /// Answers 202 and a job to poll.
    pub is_job: bool,
    /// Needs a session.
    pub needs_session: bool,
    /// Who may call it.
    pub rbac: Rbac,
    /// The answer holds a secret: it is sealed wherever it is kept for the client to fetch.
    pub secret_reply: bool,
    /// What sort of call.
    pub kind: ApiKind,
    /// How long it may take unless configuration or the caller says otherwise, in seconds.
    pub timeout_secs: u64,
    /// The same in milliseconds, as text: the default of the setting that changes it.
    pub default_timeout: &'static str,
    /// Own parameters, then the common ones.
    pub params: &'static [ParamMeta],
    /// What it answers.
    pub reply: ReplyShape,
}

impl ApiMeta {
    /// `APICreateZoneMsg`.
    #[must_use]
    pub fn message_class(&self) -> String {
        format!("API{}Msg", self.name)
    }

    /// The parameter called `name`.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&'static ParamMeta> {
        self.params.iter().find(|param| param.name == name)
    }

    /// The time the call may take by default.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_secs)
    }

    /// Whether the call changes nothing.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.method == Method::Get
    }
}

/// A declared API: one struct, one route, one command.
pub trait Api: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The declaration.
    const META: &'static ApiMeta;
    /// What it answers.
    type Reply: crate::Reply;
}
