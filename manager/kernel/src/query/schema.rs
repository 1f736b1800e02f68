//! The declarations as a graph: names to resources, kinds to parents, joins contributed by plugins.

use std::collections::{HashMap, HashSet, VecDeque};

use cumulo_schema::{Alias, ApiKind, ApiMeta, Collection, Expand, FieldMeta, Rbac, ResourceMeta};

/// All resources of this node.
#[derive(Debug, Default)]
pub struct Schema {
    resources: HashMap<&'static str, &'static ResourceMeta>,
    by_vo: HashMap<&'static str, &'static ResourceMeta>,
    /// By the name that ZQL calls them, in small letters.
    entities: HashMap<String, &'static ResourceMeta>,
    children: HashMap<&'static str, Vec<&'static ResourceMeta>>,
    /// Names of the resources whose Query API only the admin may call.
    admin_only: HashSet<&'static str>,
}

/// A resource as it is stored: its own table and, where it is a kind of another, that one's.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// The resource itself.
    pub own: &'static ResourceMeta,
    /// What it is a kind of.
    pub parent: Option<&'static ResourceMeta>,
}

/// The item called `name`; where none is, the one that differs in capitals only.
fn called<'i, T>(items: impl Iterator<Item = &'i T> + Clone, name: &str, name_of: fn(&T) -> &str) -> Option<&'i T> {
    let mut exact = items.clone().filter(|item| name_of(item) == name);
    exact.next().or_else(|| items.into_iter().find(|item| name_of(item).eq_ignore_ascii_case(name)))
}

impl Target {
    /// The resources whose declarations hold for it, the parent first.
    pub fn levels(self) -> impl Iterator<Item = &'static ResourceMeta> + Clone {
        self.parent.into_iter().chain([self.own])
    }

    /// The field called `wire` and the resource whose table holds it. A child's key is its parent's.
    #[must_use]
    pub fn field(self, wire: &str) -> Option<(&'static ResourceMeta, &'static FieldMeta)> {
        let exact = self.levels().find_map(|meta| meta.field(wire).map(|field| (meta, field)));
        exact.or_else(|| {
            let alike = |meta: &'static ResourceMeta| meta.fields.iter().find(|f| f.wire.eq_ignore_ascii_case(wire));
            self.levels().find_map(|meta| alike(meta).map(|field| (meta, field)))
        })
    }

    /// The fields that may be asked for and by, each once.
    pub fn fields(self) -> impl Iterator<Item = &'static FieldMeta> {
        let repeated = move |meta: &ResourceMeta, field: &FieldMeta| {
            self.parent.is_some_and(|parent| parent.name != meta.name && parent.key().column == field.column)
        };
        self.levels()
            .flat_map(move |meta| meta.fields.iter().filter(move |field| !field.hidden && !repeated(meta, field)))
    }

    /// The join called `name`.
    #[must_use]
    pub fn expand(self, name: &str) -> Option<&'static Expand> {
        called(self.levels().flat_map(|meta| meta.expands), name, |expand| expand.name)
    }

    /// The alias called `name`.
    #[must_use]
    pub fn alias(self, name: &str) -> Option<&'static Alias> {
        called(self.levels().flat_map(|meta| meta.aliases), name, |alias| alias.name)
    }

    /// The collection called `name`.
    #[must_use]
    pub fn collection(self, name: &str) -> Option<&'static Collection> {
        called(self.levels().flat_map(|meta| meta.collections), name, |collection| collection.wire)
    }

    /// Every name that a condition on it may begin with.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let joins = self.levels().flat_map(|meta| meta.expands).filter(|expand| !expand.hidden).map(|e| e.name);
        let aliases = self.levels().flat_map(|meta| meta.aliases).map(|alias| alias.name);
        let collections = self.levels().flat_map(|meta| meta.collections).map(|collection| collection.wire);
        self.fields().map(|field| field.wire).chain(joins).chain(aliases).chain(collections)
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

    /// The fields of the root whose values together name one row.
    #[must_use]
    pub fn identity(self) -> Vec<&'static FieldMeta> {
        let root = self.root();
        match root.uniques.first() {
            Some(unique) if !root.key().unique => unique.iter().filter_map(|wire| root.field(wire)).collect(),
            _ => vec![root.key()],
        }
    }

    /// The one field that names a row, where there is one.
    #[must_use]
    pub fn id(self) -> Option<&'static FieldMeta> {
        Some(self.root().key()).filter(|key| key.unique)
    }
}

/// What ZQL calls a resource: its inventory without that word.
fn entity_name(meta: &ResourceMeta) -> String {
    meta.inventory.strip_suffix("Inventory").unwrap_or(meta.inventory).to_lowercase()
}

impl Schema {
    /// # Panics
    /// When two resources have one name, one refers to a parent that does not exist, or a join leads to what is
    /// internal: programming errors.
    pub(crate) fn new(resources: &[&'static ResourceMeta], apis: &[&'static ApiMeta]) -> Self {
        let mut schema = Self::default();
        for meta in resources {
            let clash = schema.resources.insert(meta.name, meta).is_some_and(|other| other.table != meta.table);
            assert!(!clash, "two resources are called {}", meta.name);
            schema.by_vo.insert(meta.vo, meta);
            if !meta.internal {
                schema.entities.insert(meta.name.to_lowercase(), meta);
                schema.entities.insert(entity_name(meta), meta);
            }
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
            let internal = meta.expands.iter().find(|expand| {
                schema.resources.get(expand.resource).is_some_and(|resource| resource.internal && !meta.internal)
            });
            assert!(internal.is_none(), "{} leads to what is internal", meta.name);
        }
        schema.admin_only = apis
            .iter()
            .filter(|api| api.rbac == Rbac::AdminOnly)
            .filter_map(|api| match api.kind {
                ApiKind::Query(resource) => Some(resource),
                _ => None,
            })
            .collect();
        schema
    }

    /// The resource called `name`.
    #[must_use]
    pub fn resource(&self, name: &str) -> Option<&'static ResourceMeta> {
        self.resources.get(name).copied()
    }

    /// The resource that ZQL calls `name`, in any letters: `vminstance`.
    #[must_use]
    pub fn entity(&self, name: &str) -> Option<&'static ResourceMeta> {
        self.entities.get(&name.to_lowercase()).copied()
    }

    /// Every name that ZQL knows a resource by, in no order.
    pub fn entities(&self) -> impl Iterator<Item = &str> {
        self.entities.keys().map(String::as_str)
    }

    /// Whether only the admin account may ask for `meta`.
    #[must_use]
    pub fn is_admin_only(&self, meta: &ResourceMeta) -> bool {
        self.admin_only.contains(meta.name)
            || meta.parent.is_some_and(|parent| self.admin_only.contains(parent.resource))
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

    /// The names of the fewest joins that lead from `from` to `to`; of several such ways the one declared first.
    #[must_use]
    pub fn way(&self, from: &'static ResourceMeta, to: &ResourceMeta) -> Option<Vec<&'static str>> {
        let mut seen = HashSet::from([from.name]);
        let mut waiting = VecDeque::from([(from, Vec::new())]);
        while let Some((at, way)) = waiting.pop_front() {
            if at.name == to.name {
                return Some(way);
            }
            for expand in self.target(at).levels().flat_map(|meta| meta.expands) {
                if let Some(next) = self.resource(expand.resource).filter(|next| seen.insert(next.name)) {
                    waiting.push_back((next, way.iter().copied().chain([expand.name]).collect()));
                }
            }
        }
        None
    }
}
