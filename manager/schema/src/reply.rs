//! What APIs answer. Inventories travel as JSON that the query engine assembled, so that a created resource looks exactly
//! like the same resource queried; `R` keeps the declaration typed.

use std::marker::PhantomData;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{ReplyField, ReplyShape, Resource};

/// A type that can answer an API.
pub trait Reply: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// How it looks on the wire.
    const SHAPE: ReplyShape;
}

/// `{}`: most deletes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Empty {}

impl Reply for Empty {
    const SHAPE: ReplyShape = ReplyShape::Empty;
}

/// `{"inventory": {…}}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Inventory<R> {
    /// The inventory as the query engine renders it.
    pub inventory: Value,
    #[serde(skip)]
    resource: PhantomData<fn() -> R>,
}

impl<R> Inventory<R> {
    /// An answer holding `inventory`.
    #[must_use]
    pub fn new(inventory: Value) -> Self {
        Self { inventory, resource: PhantomData }
    }
}

impl<R: Resource> Reply for Inventory<R> {
    const SHAPE: ReplyShape = ReplyShape::Members(&[ReplyField { name: "inventory", type_name: R::META.inventory }]);
}

/// `{"inventories": […]}`, with `total` where it was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Inventories<R> {
    /// The inventories; absent when only the count was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inventories: Option<Vec<Value>>,
    /// How many there are without the limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    #[serde(skip)]
    resource: PhantomData<fn() -> R>,
}

impl<R> Inventories<R> {
    /// An answer holding `inventories` and, where it was asked for, `total`.
    #[must_use]
    pub fn new(inventories: Option<Vec<Value>>, total: Option<u64>) -> Self {
        Self { inventories, total, resource: PhantomData }
    }
}

impl<R: Resource> Reply for Inventories<R> {
    const SHAPE: ReplyShape = ReplyShape::Members(&[ReplyField { name: "inventories", type_name: R::META.inventory }]);
}
