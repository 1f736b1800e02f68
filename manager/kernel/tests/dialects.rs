//! Both databases give the same answers, where left to themselves they would not.

mod common;

use common::{Shelf, kernel};
use cumulo_kernel::{
    bus::Caller,
    db::DbError,
    query::{Filter, Name, Op, Select},
};
use cumulo_schema::{
    Cell, FieldKind, Resource, Timestamp, Uuid,
    system::{GlobalConfig, SystemTag, TagType},
};

fn shelf(name: &str) -> Shelf {
    Shelf {
        uuid: Uuid::random(),
        name: name.into(),
        height: 3,
        open: true,
        note: None,
        secret: None,
        create_date: Timestamp(1),
        last_op_date: Timestamp(1),
    }
}

fn setting(id: i64, name: &str) -> GlobalConfig {
    let text = || "x".to_owned();
    GlobalConfig {
        id,
        name: name.to_owned(),
        category: text(),
        description: text(),
        default_value: text(),
        value: text(),
    }
}

fn tag(resource: Uuid, tag: String) -> SystemTag {
    SystemTag {
        inherent: false,
        uuid: Uuid::random(),
        resource_uuid: resource,
        resource_type: "ShelfVO".to_owned(),
        tag,
        r#type: TagType::System,
        create_date: Timestamp(1),
        last_op_date: Timestamp(1),
    }
}

#[tokio::test]
async fn a_row_that_matches_and_stays_as_it_is_counts() {
    let (kernel, _, _database) = kernel().await;
    let (db, row) = (kernel.db(), setting(1_000_000, "a"));
    let mut batch = db.batch();
    batch.insert(&row);
    db.commit(batch).await.expect("written");
    let mut batch = db.batch();
    batch
        .update::<GlobalConfig>()
        .set(GlobalConfig::VALUE, &row.value)
        .eq(GlobalConfig::ID, &row.id)
        .expect("is there");
    assert_eq!(db.commit(batch).await.expect("it matches"), [1]);
}

#[tokio::test]
async fn texts_are_equal_when_every_bit_is() {
    let (kernel, _, _database) = kernel().await;
    let db = kernel.db();
    // Case, trailing blanks, accents, a character outside the basic plane, another form of the same character.
    let names = ["name", "Name", "name ", "namé", "nam\u{65}\u{301}", "name🦀", "", "\0"];
    let mut batch = db.batch();
    for (id, name) in (1_000_000..).zip(names) {
        batch.insert(&setting(id, name));
    }
    db.commit(batch).await.expect("all different");
    let mut batch = db.batch();
    batch.insert(&setting(2_000_000, "Name"));
    assert!(matches!(db.commit(batch).await, Err(DbError::Conflict { .. })));
    for name in names {
        let found = db.select::<GlobalConfig>().eq(GlobalConfig::NAME, &name.to_owned()).all().await.expect("read");
        assert_eq!(found.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), [name]);
    }
}

#[tokio::test]
async fn order_is_by_bytes_and_absence_comes_first() {
    let (kernel, _, _database) = kernel().await;
    let db = kernel.db();
    let mut batch = db.batch();
    for note in [Some("é"), Some("a"), None, Some("B"), Some("_")] {
        batch.insert(&Shelf { note: note.map(str::to_owned), ..shelf("s") });
    }
    db.commit(batch).await.expect("written");
    let sorted = db.select::<Shelf>().order_by(Shelf::NOTE).all().await.expect("read");
    let notes: Vec<_> = sorted.iter().map(|row| row.note.as_deref()).collect();
    assert_eq!(notes, [None, Some("B"), Some("_"), Some("a"), Some("é")]);
}

#[tokio::test]
async fn like_ignores_case_and_a_backslash_takes_meaning_away() {
    let (kernel, _, _database) = kernel().await;
    let db = kernel.db();
    let mut batch = db.batch();
    for name in ["Web-1", "web_2", "50%", "50x", "Éclair", "back\\slash"] {
        batch.insert(&shelf(name));
    }
    db.commit(batch).await.expect("written");
    for (op, pattern, wanted) in [
        (Op::Like, "WEB%", vec!["Web-1", "web_2"]),
        (Op::Like, "web\\_%", vec!["web_2"]),
        (Op::Like, "50\\%", vec!["50%"]),
        (Op::Like, "50_", vec!["50%", "50x"]),
        (Op::Like, "Éc%", vec!["Éclair"]),
        (Op::Like, "back\\\\slash", vec!["back\\slash"]),
        (Op::Like, "web", vec![]),
        (Op::NotLike, "%e%", vec!["50%", "50x", "back\\slash", "Éclair"]),
        (Op::Eq, "web-1", vec![]),
    ] {
        let filter = Filter::Compare { path: Name::new("name"), op, values: vec![pattern.to_owned()] };
        let select = Select { filter, ..Select::of(Shelf::META) };
        let found = kernel.query().run(&Caller::SYSTEM, &select).await.expect("answered").inventories.expect("rows");
        let mut found: Vec<_> = found.iter().map(|row| row["name"].as_str().expect("a name").to_owned()).collect();
        found.sort();
        assert_eq!(found, wanted, "{op:?} {pattern}");
    }
}

#[tokio::test]
async fn a_text_has_no_bound_tags_included() {
    let (kernel, _, _database) = kernel().await;
    let (db, resource) = (kernel.db(), Uuid::random());
    let [long, other] = ["b", "c"].map(|end| format!("userdata::{}{end}", "a".repeat(300_000)));
    let note = "n".repeat(3 << 20);
    let mut batch = db.batch();
    batch.insert(&tag(resource, long.clone())).insert(&tag(resource, other.clone()));
    batch.insert(&Shelf { note: Some(note.clone()), ..shelf("s") });
    db.commit(batch).await.expect("written");
    let found = db.select::<SystemTag>().eq(SystemTag::TAG, &long).all().await.expect("read");
    assert_eq!(found.iter().map(|row| row.tag == long).collect::<Vec<_>>(), [true], "by more than its beginning");
    assert_eq!(db.select::<Shelf>().eq(Shelf::NOTE, &Some(note)).count().await.expect("read"), 1);
}

#[tokio::test]
async fn a_sum_is_a_number() {
    let (kernel, _, _database) = kernel().await;
    let db = kernel.db();
    let sum = async || {
        let rows = db.fetch_sql("SELECT SUM(height), COUNT(*) FROM shelf".to_owned(), vec![]).await.expect("read");
        (rows[0].at(0, FieldKind::Long).expect("a number"), rows[0].at(1, FieldKind::Long).expect("a number"))
    };
    assert_eq!(sum().await, (Cell::Null, Cell::Int(0)));
    let mut batch = db.batch();
    batch.insert(&shelf("a")).insert(&shelf("b"));
    db.commit(batch).await.expect("written");
    assert_eq!(sum().await, (Cell::Int(6), Cell::Int(2)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_that_cross_each_other_all_succeed() {
    let (kernel, _, _database) = kernel().await;
    let (db, rows) = (kernel.db(), [shelf("left"), shelf("right")]);
    let mut batch = db.batch();
    batch.insert(&rows[0]).insert(&rows[1]);
    db.commit(batch).await.expect("written");
    let crossing = (0..60).map(|n| {
        let (db, [first, second]) = (db.clone(), if n % 2 == 0 { [0, 1] } else { [1, 0] }.map(|at| rows[at].uuid));
        tokio::spawn(async move {
            let mut batch = db.batch();
            for uuid in [first, second] {
                batch.update::<Shelf>().add(Shelf::HEIGHT, 1).eq(Shelf::UUID, &uuid).expect("is there");
            }
            db.commit(batch).await
        })
    });
    for outcome in futures::future::join_all(crossing.collect::<Vec<_>>()).await {
        outcome.expect("no panic").expect("committed");
    }
    for row in &rows {
        assert_eq!(db.find(Shelf::UUID, &row.uuid).await.expect("read").expect("there").height, 63);
    }
}
