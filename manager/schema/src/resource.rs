//! What a resource declares, and what follows from it: table, inventory JSON, queryable names, joins, ownership.

use crate::{Cell, CellError, FieldType};

/// What a column holds; decides comparison, JSON form and SQL type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// `CHAR(32)`.
    Uuid,
    /// Text or an enumeration's name.
    String,
    /// 32 bit.
    Integer,
    /// 64 bit.
    Long,
    /// 0 or 1 in the database, `true`/`false` on the wire.
    Boolean,
    /// Epoch milliseconds in the database, text on the wire.
    Timestamp,
    /// JSON text in the database, the value itself on the wire.
    Json,
}

/// One field of a resource.
#[derive(Debug, Clone, Copy)]
pub struct FieldMeta {
    /// Its name on the wire.
    pub wire: &'static str,
    /// Its column.
    pub column: &'static str,
    /// What it holds.
    pub kind: FieldKind,
    /// Whether it may be absent.
    pub nullable: bool,
    /// Never shown and never a condition: secrets, bookkeeping.
    pub hidden: bool,
    /// Whether an index makes looking up by it fast.
    pub indexed: bool,
    /// Whether no two rows may share a value.
    pub unique: bool,
    /// A text without a bound. Unless it is, a text with a key holds 255 characters at most.
    pub long: bool,
    /// The table (by resource name) whose `uuid` it must hold, if any.
    pub references: Option<&'static str>,
    /// Resources (by name) of which a row is part that has the `uuid` here: it goes when they go, in the same transaction.
    pub part_of: &'static [&'static str],
}

/// A list of child inventories inside an inventory: `vmNics` in a VM.
#[derive(Debug, Clone, Copy)]
pub struct Nested {
    /// The member's name.
    pub wire: &'static str,
    /// The child resource.
    pub resource: &'static str,
    /// Field of this resource (wire name) ...
    pub from: &'static str,
    /// ... that equals this field of the child.
    pub to: &'static str,
}

/// A list of one column of a referencing resource: `attachedClusterUuids` of an L2 network. Also a condition.
#[derive(Debug, Clone, Copy)]
pub struct Collection {
    /// The member's name.
    pub wire: &'static str,
    /// The resource that holds the rows.
    pub resource: &'static str,
    /// Its field that equals this resource's `uuid`.
    pub join: &'static str,
    /// Its field that is listed.
    pub field: &'static str,
}

/// A join by name: `cluster` of a VM, so that `cluster.zone.name` is a condition.
#[derive(Debug, Clone, Copy)]
pub struct Expand {
    /// Its name in a dotted condition.
    pub name: &'static str,
    /// The resource it leads to.
    pub resource: &'static str,
    /// Field of this resource (wire name) ...
    pub from: &'static str,
    /// ... that equals this field there.
    pub to: &'static str,
    /// Only usable through an alias.
    pub hidden: bool,
}

/// A short name for a path of expanded queries.
#[derive(Debug, Clone, Copy)]
pub struct Alias {
    /// The short name.
    pub name: &'static str,
    /// The path it stands for: `clusterRef.cluster`.
    pub path: &'static str,
}

/// Says that a resource is a kind of another one: its row is the parent's row plus one in its own table, same uuid.
#[derive(Debug, Clone, Copy)]
pub struct Parent {
    /// The parent resource.
    pub resource: &'static str,
    /// The value of the parent's type field that marks this kind.
    pub type_value: &'static str,
}

/// Who, beside the admin, sees a row. Of several rules any one suffices; where there is none, only the admin sees any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeenBy {
    /// Every account: what is there for all, like zones.
    All,
    /// The account whose uuid this field (wire name) holds.
    Account(&'static str),
    /// Whoever owns the resource whose uuid this field holds.
    Owner(&'static str),
    /// Whoever owns the resource whose uuid this field holds, or has it shared.
    User(&'static str),
    /// Whoever owns a `resource`, or has it shared, whose `field` holds the uuid of this row.
    UserOf {
        /// The other resource.
        resource: &'static str,
        /// Its field.
        field: &'static str,
    },
    /// Every account, where this field is true.
    Flag(&'static str),
}

/// Everything a resource declares.
#[derive(Debug, Clone, Copy)]
pub struct ResourceMeta {
    /// Short name, in conditions of joins and in code: `VmInstance`.
    pub name: &'static str,
    /// The inventory's name on the wire: `VmInstanceInventory`.
    pub inventory: &'static str,
    /// One sentence for help and OpenAPI.
    pub doc: &'static str,
    /// Its table.
    pub table: &'static str,
    /// The inventory's Java class, for the `schema` map.
    pub java_class: &'static str,
    /// ZStack's VO name, as `resourceType` of parameters, tags and cascades.
    pub vo: &'static str,
    /// What it is a kind of.
    pub parent: Option<Parent>,
    /// The wire name of the field that tells the kind.
    pub type_field: Option<&'static str>,
    /// Whether each row belongs to an account.
    pub owned: bool,
    /// Whether the owner may share a row with other accounts, who may then use it but not change it.
    pub shareable: bool,
    /// Who sees a row.
    pub seen_by: &'static [SeenBy],
    /// Bookkeeping or credentials: no question of a client reaches it.
    pub internal: bool,
    /// Columns in order. For a child resource only its own, without the parent's.
    pub fields: &'static [FieldMeta],
    /// Child inventories.
    pub nested: &'static [Nested],
    /// Collections of one column.
    pub collections: &'static [Collection],
    /// Joins.
    pub expands: &'static [Expand],
    /// Short names of joins.
    pub aliases: &'static [Alias],
    /// Fields (wire names) of which no two rows may share the combination.
    pub uniques: &'static [&'static [&'static str]],
}

impl ResourceMeta {
    /// The field whose wire name is `wire`, hidden ones included.
    #[must_use]
    pub fn field(&self, wire: &str) -> Option<&'static FieldMeta> {
        self.fields.iter().find(|field| field.wire == wire)
    }

    /// The field that names a row: `uuid`, or the first one where a resource has none.
    #[must_use]
    pub fn key(&self) -> &'static FieldMeta {
        self.field("uuid").unwrap_or(&self.fields[0])
    }
}

/// A typed name of one column, so that a store writes `Zone::STATE` and not `"state"`.
#[derive(Debug)]
pub struct Column<R> {
    /// The column's name.
    pub name: &'static str,
    resource: std::marker::PhantomData<fn() -> R>,
}

impl<R> Column<R> {
    /// Used by the `resource` macro only.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, resource: std::marker::PhantomData }
    }
}

impl<R> Clone for Column<R> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<R> Copy for Column<R> {}

/// Where a row's cells are read from; the database's rows implement it.
pub trait RowSource {
    /// Takes the cell of `column`, which is the `at`th of its declaration; in a row of other columns it may stand anywhere.
    ///
    /// # Errors
    /// When there is no such column.
    fn cell(&self, at: usize, column: &'static str, kind: FieldKind) -> Result<Cell, CellError>;
}

/// A declared resource: one struct, one table.
pub trait Resource: Sized + Send + Sync + 'static {
    /// The declaration.
    const META: &'static ResourceMeta;

    /// Every column's value, in the order of `META.fields`.
    fn cells(&self) -> Vec<Cell>;

    /// Reads a row.
    ///
    /// # Errors
    /// When a column holds what its type cannot be.
    fn read(row: &dyn RowSource) -> Result<Self, CellError>;
}

/// Used by the `resource` macro: reads one field, the `at`th.
///
/// # Errors
/// As [`FieldType::from_cell`].
pub fn read_field<T: FieldType>(row: &dyn RowSource, at: usize, column: &'static str) -> Result<T, CellError> {
    T::from_cell(row.cell(at, column, T::KIND)?)
}
