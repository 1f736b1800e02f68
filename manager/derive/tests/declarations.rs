//! What the macros make of declarations that use every rule.

use cumulo_derive::{api, reply, resource};
use cumulo_schema::{
    Api, ApiKind, Cell, CellError, Empty, FieldKind, Inventories, Inventory, Method, ParamIn, ParamKind, Rbac, Reply,
    ReplyShape, Resource, RowSource, Uuid,
};
use serde_json::json;

/// A shelf.
#[resource(
    table = "shelf",
    java = "org.example.ShelfInventory",
    vo = "ShelfVO",
    owned,
    type_field = "type",
    unique(roomUuid, type),
    nested(books: Book, uuid = shelfUuid),
    collection(titles: Book, shelfUuid, title),
    expand(hidden bookRef: Book, uuid = shelfUuid),
    alias(book = "bookRef.book")
)]
pub struct Shelf {
    /// Its id.
    #[field(unique)]
    pub uuid: Uuid,
    /// Where it stands.
    #[field(indexed, references = "Room")]
    pub room_uuid: Option<Uuid>,
    /// Its kind.
    pub r#type: String,
    /// What opens it.
    #[field(wire = "PIN", hidden)]
    pub pin: String,
    /// How long it is, in millimetres.
    pub length: i64,
}

/// Puts up a shelf.
///
/// More about shelves, which is not in the help.
#[api(post "/rooms/{roomUuid}/shelves", group = "shelf", service = "furniture", package = "org.example", job, create,
      admin, timeout_secs = 60, reply = Inventory<Shelf>)]
pub struct CreateShelf {
    /// The room.
    #[param(resource = "RoomVO", check_account)]
    pub room_uuid: Uuid,
    /// What opens it.
    #[param(wire = "PIN", sensitive, max_length = 8, regex = "[0-9]+")]
    pub pin: String,
    /// How many boards.
    #[param(range(1, 9), default = "3")]
    pub boards: i32,
    /// The wood.
    #[param(values("oak", "pine"))]
    pub wood: Option<Vec<String>>,
}

/// Finds shelves.
#[api(query "/shelves", group = "shelf", service = "query", package = "org.example", reply = Inventories<Shelf>)]
pub struct QueryShelf;

/// Takes a shelf down.
#[api(delete "/shelves/{uuid}", group = "shelf", service = "furniture", package = "org.example", job, delete, reply = Empty)]
pub struct DeleteShelf {
    /// The shelf.
    #[param(resource = "ShelfVO", success_if_missing)]
    pub uuid: Uuid,
}

/// Paints a shelf.
#[api(put "/shelves/{uuid}/actions", group = "shelf", service = "furniture", package = "org.example", no_session, reply = Paint)]
pub struct PaintShelf {
    /// The shelf.
    pub uuid: Uuid,
    /// The colours, by board.
    #[param(json = "List<Colour>")]
    pub colours: Option<serde_json::Value>,
}

/// What [`PaintShelf`] answers.
#[reply(all)]
pub struct Paint {
    /// How much was used, in grams.
    #[member(of = "long")]
    pub used: Option<i64>,
    /// The tins.
    #[member(wire = "tinNames")]
    pub tins: Vec<String>,
}

#[test]
fn an_api_says_how_it_is_called() {
    let meta = CreateShelf::META;
    assert_eq!(
        (meta.name, meta.doc, meta.java_class),
        ("CreateShelf", "Puts up a shelf.", "org.example.APICreateShelfMsg")
    );
    assert_eq!((meta.method, meta.body_key, meta.kind), (Method::Post, Some("params"), ApiKind::Create));
    assert_eq!((meta.is_job, meta.needs_session, meta.rbac, meta.timeout_secs), (true, true, Rbac::AdminOnly, 60));
    assert_eq!(meta.default_timeout, "60000");
    let put = PaintShelf::META;
    assert_eq!(
        (put.body_key, put.needs_session, put.rbac, put.timeout_secs),
        (Some("paintShelf"), false, Rbac::Normal, 300)
    );
    let query = QueryShelf::META;
    assert_eq!((query.kind, query.optional_paths), (ApiKind::Query("Shelf"), ["/shelves/{uuid}"].as_slice()));
    assert!(query.params.is_empty() && query.body_key.is_none());
}

#[test]
fn parameters_keep_their_rules_and_the_common_ones_follow() {
    let meta = CreateShelf::META;
    let room = meta.param("roomUuid").expect("declared");
    assert_eq!(
        (room.location, room.required, room.resource, room.check_account),
        (ParamIn::Path, true, Some("RoomVO"), true)
    );
    let pin = meta.param("PIN").expect("declared by its wire name");
    assert_eq!(
        (pin.location, pin.sensitive, pin.max_length, pin.regex),
        (ParamIn::Body, true, Some(8), Some("[0-9]+"))
    );
    let boards = meta.param("boards").expect("declared");
    assert_eq!(
        (boards.kind, boards.required, boards.range, boards.default),
        (ParamKind::Integer, false, Some((1, 9)), Some("3"))
    );
    let wood = meta.param("wood").expect("declared");
    assert_eq!(
        (wood.kind, wood.required, wood.valid_values),
        (ParamKind::StringList, false, ["oak", "pine"].as_slice())
    );
    let names: Vec<&str> = meta.params.iter().skip(4).map(|param| param.name).collect();
    assert_eq!(names, ["resourceUuid", "tagUuids", "dryRun", "systemTags", "userTags"]);
    let mode = DeleteShelf::META.param("deleteMode").expect("a delete has it");
    assert_eq!((mode.location, mode.default), (ParamIn::Query, Some("Permissive")));
    let colours = PaintShelf::META.param("colours").expect("declared");
    assert_eq!(colours.kind, ParamKind::Json("List<Colour>"));
}

#[test]
fn calls_travel_under_wire_names_and_never_show_secrets() {
    let given = json!({ "roomUuid": Uuid::ADMIN, "PIN": "4711", "boards": 2, "systemTags": ["ignored"] });
    let call: CreateShelf = serde_json::from_value(given).expect("fits");
    assert_eq!((call.room_uuid, call.pin.as_str(), call.boards, &call.wood), (Uuid::ADMIN, "4711", 2, &None));
    let sent = serde_json::to_value(&call).expect("is JSON");
    assert_eq!(sent, json!({ "roomUuid": Uuid::ADMIN, "PIN": "4711", "boards": 2 }));
    let shown = format!("{call:?}");
    assert!(shown.contains("***") && shown.contains("boards: 2") && !shown.contains("4711"), "{shown}");
}

#[test]
fn a_reply_names_its_members() {
    let ReplyShape::All(fields) = Paint::SHAPE else { panic!("declared as `all`") };
    let fields: Vec<_> = fields.iter().map(|field| (field.name, field.type_name)).collect();
    assert_eq!(fields, [("used", "long"), ("tinNames", "List<String>")]);
    let reply = Paint { used: None, tins: vec!["red".into()] };
    assert_eq!(serde_json::to_value(reply).expect("is JSON"), json!({ "tinNames": ["red"] }));
}

#[test]
fn a_resource_is_its_columns_and_joins() {
    let meta = Shelf::META;
    assert_eq!(
        (meta.inventory, meta.table, meta.owned, meta.type_field),
        ("ShelfInventory", "shelf", true, Some("type"))
    );
    let fields: Vec<_> = meta.fields.iter().map(|field| (field.wire, field.column, field.kind)).collect();
    assert_eq!(
        fields,
        [
            ("uuid", "uuid", FieldKind::Uuid),
            ("roomUuid", "room_uuid", FieldKind::Uuid),
            ("type", "type", FieldKind::String),
            ("PIN", "pin", FieldKind::String),
            ("length", "length", FieldKind::Long),
        ]
    );
    let room = meta.field("roomUuid").expect("declared");
    assert_eq!((room.nullable, room.indexed, room.references), (true, true, Some("Room")));
    assert!(
        meta.field("uuid").is_some_and(|field| field.unique) && meta.field("PIN").is_some_and(|field| field.hidden)
    );
    assert_eq!(meta.uniques, [["roomUuid", "type"].as_slice()]);
    assert_eq!((meta.nested[0].wire, meta.nested[0].from, meta.nested[0].to), ("books", "uuid", "shelfUuid"));
    assert_eq!((meta.collections[0].join, meta.collections[0].field), ("shelfUuid", "title"));
    assert!(meta.expands[0].hidden);
    assert_eq!((meta.aliases[0].name, meta.aliases[0].path), ("book", "bookRef.book"));
    assert_eq!((Shelf::TYPE.name, Shelf::ROOM_UUID.name), ("type", "room_uuid"));
}

/// A row as the database would give it.
struct Row(Vec<(&'static str, Cell)>);

impl RowSource for Row {
    fn cell(&self, _: usize, column: &'static str, _: FieldKind) -> Result<Cell, CellError> {
        let found = self.0.iter().find(|(name, _)| *name == column).map(|(_, cell)| cell.clone());
        found.ok_or_else(|| CellError { expected: "a column", found: column.to_owned() })
    }
}

#[test]
fn a_row_reads_back_as_it_was_written() {
    let shelf = Shelf { uuid: Uuid::ADMIN, room_uuid: None, r#type: "wall".into(), pin: "4711".into(), length: 900 };
    let mut row = Row(Shelf::META.fields.iter().map(|field| field.column).zip(shelf.cells()).collect());
    assert_eq!(Shelf::read(&row).as_ref(), Ok(&shelf));
    assert!(!format!("{shelf:?}").contains("4711"));
    row.0.retain(|(column, _)| *column != "length");
    assert!(Shelf::read(&row).is_err());
}
