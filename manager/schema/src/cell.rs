//! One value of one column, and how Rust types become one and come back.

use std::fmt;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{FieldKind, Timestamp, Uuid};

/// A database value in the portable subset that SQLite and MariaDB share.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Cell {
    /// SQL NULL.
    Null,
    /// Integers, booleans (0 or 1) and times (epoch milliseconds).
    Int(i64),
    /// Text, uuids, enumerations by name, JSON.
    Text(String),
}

/// A column holds what its declared type cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a column holds {found}, which is no {expected}")]
pub struct CellError {
    /// The Rust type wanted.
    pub expected: &'static str,
    /// What was there, shortened.
    pub found: String,
}

impl CellError {
    fn of(expected: &'static str, found: &Cell) -> Self {
        Self { expected, found: format!("{found}").chars().take(80).collect() }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cell::Null => f.write_str("NULL"),
            Cell::Int(value) => write!(f, "{value}"),
            Cell::Text(value) => write!(f, "'{value}'"),
        }
    }
}

/// A Rust type that a resource's field may have.
pub trait FieldType: Sized {
    /// What the column holds.
    const KIND: FieldKind;
    /// Whether NULL is a value of it.
    const NULLABLE: bool = false;
    /// To the database.
    fn to_cell(&self) -> Cell;
    /// From the database.
    ///
    /// # Errors
    /// When the column holds something that is no such value.
    fn from_cell(cell: Cell) -> Result<Self, CellError>;
}

impl FieldType for String {
    const KIND: FieldKind = FieldKind::String;
    fn to_cell(&self) -> Cell {
        Cell::Text(self.clone())
    }
    fn from_cell(cell: Cell) -> Result<Self, CellError> {
        match cell {
            Cell::Text(text) => Ok(text),
            other => Err(CellError::of("text", &other)),
        }
    }
}

macro_rules! integers {
    ($($type:ty => $kind:ident),*) => { $(
        impl FieldType for $type {
            const KIND: FieldKind = FieldKind::$kind;
            fn to_cell(&self) -> Cell {
                Cell::Int(i64::from(*self))
            }
            fn from_cell(cell: Cell) -> Result<Self, CellError> {
                match cell {
                    Cell::Int(value) => value.try_into().map_err(|_| CellError::of(stringify!($type), &Cell::Int(value))),
                    other => Err(CellError::of(stringify!($type), &other)),
                }
            }
        }
    )* };
}
integers!(i64 => Long, i32 => Integer);

impl FieldType for bool {
    const KIND: FieldKind = FieldKind::Boolean;
    fn to_cell(&self) -> Cell {
        Cell::Int(i64::from(*self))
    }
    fn from_cell(cell: Cell) -> Result<Self, CellError> {
        match cell {
            Cell::Int(value @ (0 | 1)) => Ok(value == 1),
            other => Err(CellError::of("boolean", &other)),
        }
    }
}

impl FieldType for Uuid {
    const KIND: FieldKind = FieldKind::Uuid;
    fn to_cell(&self) -> Cell {
        Cell::Text(self.to_string())
    }
    fn from_cell(cell: Cell) -> Result<Self, CellError> {
        match &cell {
            Cell::Text(text) => text.parse().map_err(|_| CellError::of("uuid", &cell)),
            other => Err(CellError::of("uuid", other)),
        }
    }
}

impl FieldType for Timestamp {
    const KIND: FieldKind = FieldKind::Timestamp;
    fn to_cell(&self) -> Cell {
        Cell::Int(self.0)
    }
    fn from_cell(cell: Cell) -> Result<Self, CellError> {
        i64::from_cell(cell).map(Timestamp)
    }
}

impl<T: FieldType> FieldType for Option<T> {
    const KIND: FieldKind = T::KIND;
    const NULLABLE: bool = true;
    fn to_cell(&self) -> Cell {
        self.as_ref().map_or(Cell::Null, FieldType::to_cell)
    }
    fn from_cell(cell: Cell) -> Result<Self, CellError> {
        match cell {
            Cell::Null => Ok(None),
            other => T::from_cell(other).map(Some),
        }
    }
}

/// A value kept as JSON text in one column.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json<T>(pub T);

impl<T: Serialize + DeserializeOwned> FieldType for Json<T> {
    const KIND: FieldKind = FieldKind::Json;
    fn to_cell(&self) -> Cell {
        serde_json::to_string(&self.0).map_or(Cell::Null, Cell::Text)
    }
    fn from_cell(cell: Cell) -> Result<Self, CellError> {
        match &cell {
            Cell::Text(text) => serde_json::from_str(text).map(Json).map_err(|_| CellError::of("JSON", &cell)),
            other => Err(CellError::of("JSON", other)),
        }
    }
}

/// Declares an enumeration that is its variants' names on the wire and in the database.
///
/// ```
/// cumulo_schema::wire_enum! {
///     /// Whether a zone takes part in allocation.
///     pub enum ZoneState { Enabled, Disabled }
/// }
/// assert_eq!(ZoneState::Enabled.as_str(), "Enabled");
/// assert_eq!("Disabled".parse(), Ok(ZoneState::Disabled));
/// ```
#[macro_export]
macro_rules! wire_enum {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$vmeta:meta])* $variant:ident $(= $wire:literal)?),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "the variants are the wire's own words")]
        $vis enum $name { $($(#[$vmeta])* $variant),* }

        impl $name {
            /// Every value, in declaration order.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];
            /// Every value's wire name, in declaration order.
            pub const NAMES: &'static [&'static str] = &[$($crate::wire_enum!(@name $variant $($wire)?)),*];
            /// The name on the wire and in the database.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $crate::wire_enum!(@name $variant $($wire)?)),* }
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.as_str()) }
        }
        impl std::str::FromStr for $name {
            type Err = $crate::CellError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|v| v.as_str() == text)
                    .ok_or_else(|| $crate::CellError { expected: stringify!($name), found: text.chars().take(80).collect() })
            }
        }
        impl $crate::FieldType for $name {
            const KIND: $crate::FieldKind = $crate::FieldKind::String;
            fn to_cell(&self) -> $crate::Cell { $crate::Cell::Text(self.as_str().to_owned()) }
            fn from_cell(cell: $crate::Cell) -> Result<Self, $crate::CellError> {
                <String as $crate::FieldType>::from_cell(cell)?.parse()
            }
        }
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> { s.serialize_str(self.as_str()) }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
    (@name $variant:ident $wire:literal) => { $wire };
    (@name $variant:ident) => { stringify!($variant) };
}
