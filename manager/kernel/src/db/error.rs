//! What can go wrong between us and the database.

use cumulo_schema::{CellError, ErrorCode, codes};

/// One variant per thing a caller might do differently.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DbError {
    /// A row with the same unique value exists; nothing was written.
    #[error("{what} collides with a row that exists")]
    Conflict {
        /// Which statement of the batch, in its author's words.
        what: String,
    },
    /// A statement did not touch the rows it had to; nothing was written.
    #[error("{what}")]
    Unmet {
        /// What was expected, in its author's words.
        what: String,
    },
    /// The batch asked for what may not be, and says so itself; nothing was written.
    #[error("{0}")]
    Refused(Box<ErrorCode>),
    /// Another row still refers to this one, or this one refers to a row that is gone; nothing was written.
    #[error("{what} breaks a reference between rows")]
    Reference {
        /// Which statement of the batch.
        what: String,
    },
    /// A row holds what its declaration does not allow.
    #[error("table {table} holds an unreadable row")]
    Unreadable {
        /// The table.
        table: &'static str,
        /// Which column and value.
        #[source]
        cause: CellError,
    },
    /// The database refused or could not be reached.
    #[error("the database could not {what}")]
    Failed {
        /// What was tried.
        what: String,
        /// The driver's error.
        #[source]
        cause: std::sync::Arc<dyn std::error::Error + Send + Sync>,
    },
    /// The call is only planned: the batch was noted, and taken back.
    #[error("only planned")]
    Planned,
    /// The database server was away for longer than we wait. A write may or may not have taken effect.
    #[error("the database could not {what}: it did not answer for {seconds} s; try again when the server is back")]
    Unavailable {
        /// What was tried.
        what: String,
        /// How long.
        seconds: u64,
        /// The driver's last error.
        #[source]
        cause: std::sync::Arc<dyn std::error::Error + Send + Sync>,
    },
    /// The others gave this node up; nothing was written.
    #[error("this management node was given up by the others, which go on with what it did")]
    Fenced,
    /// The manager is stopping.
    #[error("the database is closed")]
    Closed,
}

impl DbError {
    pub(super) fn sqlite(what: impl Into<String>, cause: rusqlite::Error) -> Self {
        use rusqlite::ffi;
        let what = what.into();
        match cause.sqlite_error().map(|error| error.extended_code) {
            Some(ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY) => Self::Conflict { what },
            Some(ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => Self::Reference { what },
            _ => Self::Failed { what, cause: std::sync::Arc::new(cause) },
        }
    }

    pub(super) fn mysql(what: impl Into<String>, cause: sqlx::Error) -> Self {
        let what = what.into();
        match cause.as_database_error().map(sqlx::error::DatabaseError::kind) {
            Some(sqlx::error::ErrorKind::UniqueViolation) => Self::Conflict { what },
            Some(sqlx::error::ErrorKind::ForeignKeyViolation) => Self::Reference { what },
            _ => Self::Failed { what, cause: std::sync::Arc::new(cause) },
        }
    }
}

impl From<DbError> for ErrorCode {
    fn from(error: DbError) -> Self {
        match &error {
            DbError::Conflict { .. } | DbError::Unmet { .. } | DbError::Reference { .. } => {
                ErrorCode::operation(error.to_string())
            }
            DbError::Refused(refused) => (**refused).clone(),
            DbError::Closed | DbError::Fenced => ErrorCode::new(codes::NODE_UNAVAILABLE, error.to_string()),
            DbError::Unavailable { cause, .. } => {
                ErrorCode::new(codes::NOT_READY, error.to_string()).because_of(cause.as_ref())
            }
            _ => {
                let mut code = ErrorCode::internal(error.to_string());
                if let Some(cause) = std::error::Error::source(&error) {
                    code = code.because_of(cause);
                }
                code
            }
        }
    }
}
