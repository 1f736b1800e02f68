//! The declarations as a graph: names to resources, kinds to parents, joins contributed by plugins.

use std::collections::HashMap;

use cumulo_schema::{Alias, Expand, FieldMeta, ResourceMeta};

/// All resources of this node.
#[derive(Debug, Default)]
pub struct Schema {
    resources: HashMap<&'static str, &'static ResourceMeta>,
    by_vo: HashMap<&'static str, &'static ResourceMeta>,
    children: HashMap<&'static str, Vec<&'static ResourceMeta>>,
}

/// A resource as it is stored: its own table and, where it is a kind of another, that one's.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// The resource itself.
    pub own: &'static ResourceMeta,
    /// What it is a kind of.
    pub parent: Option<&'static ResourceMeta>,
}

impl Target {
    /// The resources whose declarations hold for it, the parent first.
    pub fn levels(self) -> impl Iterator<Item = &'static ResourceMeta> {
        self.parent.into_iter().chain([self.own])
    }

    /// The field called `wire` and the resource whose table holds it. A child's key is its parent's.
    #[must_use]
    pub fn field(self, wire: &str) -> Option<(&'static ResourceMeta, &'static FieldMeta)> {
        self.levels().find_map(|meta| meta.field(wire).map(|field| (meta, field)))
    }

    /// The join called `name`.
    #[must_use]
    pub fn expand(self, name: &str) -> Option<&'static Expand> {
        self.levels().find_map(|meta| meta.expands.iter().find(|expand| expand.name == name))
    }

    /// The alias called `name`.
    #[must_use]
    pub fn alias(self, name: &str) -> Option<&'static Alias> {
        self.levels().find_map(|meta| meta.aliases.iter().find(|alias| alias.name == name))
    }

    /// Whether rows belong to accounts.
    #[must_use]
    pub fn is_owned(self) -> bool {
        self.levels().any(|meta| meta.owned)
    }

    /// The table that has a row for each of them and holds the key: the parent's where there is one.
    #[must_use]
    pub fn root(self) -> &'static ResourceMeta {
        self.parent.unwrap_or(self.own)
    }
}

impl Schema {
    /// # Panics
    /// When two resources have one name, or one refers to a parent that does not exist: a programming error.
    pub(crate) fn new(resources: &[&'static ResourceMeta]) -> Self {
        let mut schema = Self::default();
        for meta in resources {
            let clash = schema.resources.insert(meta.name, meta).is_some_and(|other| other.table != meta.table);
            assert!(!clash, "two resources are called {}", meta.name);
            schema.by_vo.insert(meta.vo, meta);
        }
        for meta in schema.resources.values() {
            if let Some(parent) = meta.parent {
                assert!(
                    schema.resources.contains_key(parent.resource),
                    "{} has no parent {}",
                    meta.name,
                    parent.resource
                );
                schema.children.entry(parent.resource).or_default().push(meta);
            }
        }
        schema
    }

    /// The resource called `name`.
    #[must_use]
    pub fn resource(&self, name: &str) -> Option<&'static ResourceMeta> {
        self.resources.get(name).copied()
    }

    /// The resource whose VO is `vo`.
    #[must_use]
    pub fn by_vo(&self, vo: &str) -> Option<&'static ResourceMeta> {
        self.by_vo.get(vo).copied()
    }

    /// Every resource, in no order.
    pub fn resources(&self) -> impl Iterator<Item = &'static ResourceMeta> {
        self.resources.values().copied()
    }

    /// The kinds of `meta` that have declarations of their own.
    #[must_use]
    pub fn children(&self, meta: &ResourceMeta) -> &[&'static ResourceMeta] {
        self.children.get(meta.name).map_or(&[], Vec::as_slice)
    }

    /// How `meta` is stored.
    #[must_use]
    pub fn target(&self, meta: &'static ResourceMeta) -> Target {
        Target { own: meta, parent: meta.parent.and_then(|parent| self.resource(parent.resource)) }
    }

    /// The kind of `meta` whose type value is `value`.
    #[must_use]
    pub fn child_of_type(&self, meta: &ResourceMeta, value: &str) -> Option<&'static ResourceMeta> {
        let is_it = |child: &&&'static ResourceMeta| child.parent.is_some_and(|parent| parent.type_value == value);
        self.children(meta).iter().find(is_it).copied()
    }
}
