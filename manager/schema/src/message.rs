//! What travels on the bus. The traits live here, beside the other declarations, so that `contracts` can declare messages
//! without knowing how they are carried.

use serde::{Serialize, de::DeserializeOwned};

use crate::Uuid;

/// A question or order to a service; its type is its address.
pub trait Message: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The answer.
    type Reply: Serialize + DeserializeOwned + Send + 'static;
    /// The service that answers.
    const SERVICE: &'static str;
    /// The name in the message format; unique within the service.
    const NAME: &'static str;

    /// The resource whose owner must answer; `None` lets any node do.
    fn key(&self) -> Option<Uuid> {
        None
    }
}

/// Something that happened, told to whoever listens.
pub trait Event: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// The name in the message format.
    const NAME: &'static str;
    /// The canonical path under which programs outside hear it: `/vm/state/change`; `None` for what only nodes tell each
    /// other.
    const PATH: Option<&'static str> = None;

    /// The change of a resource's state that it tells of, if it does: it becomes part of the resource's timeline.
    fn change(&self) -> Option<StateChange> {
        None
    }
}

/// A resource is in another state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateChange {
    /// The resource.
    pub resource: Uuid,
    /// The state it was in.
    pub old: String,
    /// The state it is in.
    pub new: String,
}

/// Declares a message: `message!(AllocateHost => HostChoice, service = "host", key = vm);`
#[macro_export]
macro_rules! message {
    ($message:ty => $reply:ty, service = $service:literal $(, key = $key:ident)?) => {
        impl $crate::Message for $message {
            type Reply = $reply;
            const SERVICE: &'static str = $service;
            const NAME: &'static str = stringify!($message);
            $(fn key(&self) -> Option<$crate::Uuid> { Some(self.$key) })?
        }
    };
}
