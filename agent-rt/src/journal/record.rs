//! What the journal's file is made of. New fields and kinds may be added; numbers are never used again.

use bytes::Bytes;

/// One record of the file.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Record {
    #[prost(oneof = "Entry", tags = "1, 2, 3, 4")]
    pub(crate) entry: Option<Entry>,
}

/// One change of the table.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Entry {
    #[prost(message, tag = "1")]
    Accepted(Accepted),
    #[prost(message, tag = "2")]
    Finished(Finished),
    #[prost(message, tag = "3")]
    Acknowledged(Acknowledged),
    #[prost(message, tag = "4")]
    Epoch(Epoch),
}

/// A task was accepted. No `Debug` of the request: it can hold credentials.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(crate) struct Accepted {
    #[prost(string, tag = "1")]
    pub(crate) task_id: String,
    #[prost(string, tag = "2")]
    pub(crate) command: String,
    #[prost(string, tag = "3")]
    pub(crate) key: String,
    #[prost(string, tag = "4")]
    pub(crate) callback_url: String,
    #[prost(uint64, tag = "5")]
    pub(crate) epoch: u64,
    #[prost(bytes = "bytes", tag = "6")]
    pub(crate) request: Bytes,
    #[prost(uint64, tag = "7")]
    pub(crate) at_ms: u64,
}

impl std::fmt::Debug for Accepted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accepted")
            .field("task_id", &self.task_id)
            .field("command", &self.command)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// A task ended.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Finished {
    #[prost(string, tag = "1")]
    pub(crate) task_id: String,
    /// An encoded `Outcome`.
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) outcome: Bytes,
    #[prost(uint64, tag = "3")]
    pub(crate) at_ms: u64,
}

/// The manager knows how a task ended.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Acknowledged {
    #[prost(string, tag = "1")]
    pub(crate) task_id: String,
}

/// The newest epoch seen for a key, written when the tasks that carried it are forgotten.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Epoch {
    #[prost(string, tag = "1")]
    pub(crate) key: String,
    #[prost(uint64, tag = "2")]
    pub(crate) epoch: u64,
    #[prost(uint64, tag = "3")]
    pub(crate) used_ms: u64,
}
