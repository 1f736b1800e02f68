//! The vocabulary of declarations: what an API, a parameter, a resource and an error are.
//!
//! Everything here is data or pure functions over data: no bus, no database, no network. That is why the
//! command line can link it together with `contracts` and know every verb, parameter and column without
//! asking a server and without pulling in what the manager is built of.

// The macros name this crate by its name, also here.
extern crate self as cumulo_schema;

mod api;
mod cell;
pub mod ddl;
mod error;
mod hostname;
mod message;
pub mod openapi;
mod params;
mod reply;
mod resource;
pub mod system;
mod timestamp;
mod uuid;

pub use api::{Api, ApiKind, ApiMeta, Method, ParamIn, ParamKind, ParamMeta, Rbac, ReplyField, ReplyShape};
pub use cell::{Cell, CellError, FieldType, Json};
pub use error::{ErrorCode, codes};
pub use hostname::{is_host, is_hostname};
pub use message::{Event, Message, StateChange};
pub use params::{ParamError, decode_params, default_value};
pub use reply::{Empty, Inventories, Inventory, Reply};
pub use resource::{
    Alias, Collection, Column, Expand, FieldKind, FieldMeta, Nested, Parent, Resource, ResourceMeta, RowSource, SeenBy,
    read_field,
};
pub use timestamp::Timestamp;
pub use uuid::{BadUuid, Uuid};
