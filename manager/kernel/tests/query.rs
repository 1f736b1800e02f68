//! Questions over declared resources.

mod common;

use common::{Book, Shelf, kernel};
use cumulo_kernel::{
    Kernel,
    bus::Caller,
    cascade::hanging_on,
    ownership::{self, NewTags},
    query::{Found, RequestError, parse_request},
};
use cumulo_schema::{ErrorCode, Resource, Timestamp, Uuid, system::SharedResource};
use serde_json::json;

struct Filled {
    kernel: Kernel,
    owner: Uuid,
    _database: cumulo_testdb::TestDatabase,
}

/// Three shelves of heights 10, 20, 30; the first two hold a book each; the second belongs to `owner` and has tags.
async fn filled() -> Filled {
    let (kernel, _, database) = kernel().await;
    let owner = Uuid::random();
    for (index, name) in ["low", "middle", "high"].into_iter().enumerate() {
        let shelf = Shelf {
            uuid: Uuid::random(),
            name: name.into(),
            height: (i32::try_from(index).expect("small") + 1) * 10,
            open: index != 2,
            note: (index == 1).then(|| "it's 100%".into()),
            secret: Some("hidden".into()),
            create_date: Timestamp(1_700_000_000_000 + i64::try_from(index).expect("small")),
            last_op_date: Timestamp(1_700_000_000_000),
        };
        let tags = match index {
            1 => NewTags { system: vec!["colour::red".into()], user: vec!["mine".into()], patterns: vec![] },
            _ => NewTags::default(),
        };
        let mut batch = kernel.db().batch();
        batch.insert(&shelf);
        ownership::created::<Shelf>(&mut batch, shelf.uuid, if index == 1 { owner } else { Uuid::ADMIN }, &tags);
        if index < 2 {
            let book =
                Book { uuid: Uuid::random(), shelf_uuid: shelf.uuid, title: format!("about {name}"), pages: 100 };
            batch.insert(&book);
        }
        kernel.db().commit(batch).await.expect("written");
    }
    Filled { kernel, owner, _database: database }
}

impl Filled {
    async fn ask_as(&self, account: Uuid, query: &[(&str, &str)]) -> Result<Found, ErrorCode> {
        let pairs: Vec<(String, String)> = query.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        let select = parse_request(Shelf::META, &pairs, None).expect("well formed");
        self.kernel.query().run(&Caller { account, session: None }, &select).await
    }

    async fn names(&self, query: &[(&str, &str)]) -> Vec<String> {
        let found = self.ask_as(Uuid::ADMIN, query).await.expect("answered");
        let rows = found.inventories.expect("rows");
        rows.iter().map(|row| row["name"].as_str().expect("a name").to_owned()).collect()
    }
}

#[tokio::test]
async fn every_operator_on_every_kind_of_field() {
    let filled = filled().await;
    let sorted = ("sort", "+height");
    for (condition, expected) in [
        ("name=low", &["low"][..]),
        ("name!=low", &["middle", "high"]),
        ("height>10", &["middle", "high"]),
        ("height>=20", &["middle", "high"]),
        ("height<20", &["low"]),
        ("height<=20", &["low", "middle"]),
        ("name~=%i%", &["middle", "high"]),
        ("name!~=%i%", &["low"]),
        ("name?=low,high", &["low", "high"]),
        ("name!?=low,high", &["middle"]),
        ("note is null", &["low", "high"]),
        ("note not null", &["middle"]),
        ("note=it's 100%", &["middle"]),
        ("open=false", &["high"]),
        ("name=", &[]),
        ("createDate>=1700000000001", &["middle", "high"]),
    ] {
        assert_eq!(filled.names(&[("q", condition), sorted]).await, expected, "{condition}");
    }
    assert_eq!(filled.names(&[("q", "height>10"), ("q", "open=true")]).await, ["middle"], "conditions are ANDed");
}

#[tokio::test]
async fn joins_tags_and_nesting() {
    let filled = filled().await;
    assert_eq!(filled.names(&[("q", "book.title=about low")]).await, ["low"]);
    assert_eq!(filled.names(&[("q", "book.shelf.book.shelf.name=middle")]).await, ["middle"], "any depth");
    assert_eq!(filled.names(&[("q", "__userTag__=mine")]).await, ["middle"]);
    assert_eq!(filled.names(&[("q", "__systemTag__~=colour::%")]).await, ["middle"]);
    assert_eq!(filled.names(&[("q", "__userTag__!=mine"), ("sort", "height")]).await, ["low", "high"]);
    let found = filled.ask_as(Uuid::ADMIN, &[("q", "name=low")]).await.expect("answered").inventories.expect("rows");
    assert_eq!(found[0]["books"][0]["title"], "about low");
    let high = filled.ask_as(Uuid::ADMIN, &[("q", "name=high")]).await.expect("answered").inventories.expect("rows");
    assert_eq!(high[0]["books"], json!([]), "an empty list stays");
    assert!(!high[0].contains_key("note"), "nulls are left out");
    assert!(!high[0].contains_key("secret"), "hidden fields are not shown");
}

#[tokio::test]
async fn pages_counts_fields_and_order() {
    let filled = filled().await;
    assert_eq!(filled.names(&[("sort", "-height"), ("limit", "2")]).await, ["high", "middle"]);
    assert_eq!(filled.names(&[("sort", "-height"), ("limit", "2"), ("start", "2")]).await, ["low"]);
    let counted = filled.ask_as(Uuid::ADMIN, &[("count", "true"), ("q", "height>10")]).await.expect("answered");
    assert_eq!((counted.total, counted.inventories), (Some(2), None));
    let both = filled.ask_as(Uuid::ADMIN, &[("replyWithCount", "true"), ("limit", "1")]).await.expect("answered");
    assert_eq!((both.total, both.inventories.map(|rows| rows.len())), (Some(3), Some(1)));
    let some = filled.ask_as(Uuid::ADMIN, &[("fields", "name,height"), ("q", "name=low")]).await.expect("answered");
    assert_eq!(serde_json::to_value(some.inventories).expect("json"), json!([{ "name": "low", "height": 10 }]));
}

#[tokio::test]
async fn an_account_sees_its_own_only() {
    let filled = filled().await;
    let mine = filled.ask_as(filled.owner, &[("replyWithCount", "true")]).await.expect("answered");
    assert_eq!(mine.total, Some(1));
    assert_eq!(mine.inventories.expect("rows")[0]["name"], "middle");
    assert_eq!(filled.ask_as(Uuid::random(), &[]).await.expect("answered").inventories, Some(vec![]));
}

#[tokio::test]
async fn what_is_shared_is_seen_with_what_hangs_on_it_and_conditions_tell_of_nothing_else() {
    let filled = filled().await;
    let (reader, stranger) = (Uuid::random(), Uuid::random());
    let all = filled.ask_as(Uuid::ADMIN, &[("q", "name=middle")]).await.expect("answered").inventories.expect("rows");
    let share = SharedResource {
        uuid: Uuid::random(),
        owner_account_uuid: filled.owner,
        receiver_account_uuid: Some(reader),
        to_public: false,
        resource_type: Shelf::META.vo.into(),
        resource_uuid: all[0]["uuid"].as_str().and_then(|uuid| uuid.parse().ok()).expect("a uuid"),
        create_date: Timestamp::now(),
        last_op_date: Timestamp::now(),
    };
    let mut batch = filled.kernel.db().batch();
    batch.insert(&share);
    filled.kernel.db().commit(batch).await.expect("written");
    let seen = async |account: Uuid, condition: &str| -> Vec<String> {
        let found = filled.ask_as(account, &[("q", condition)]).await.expect("answered").inventories.expect("rows");
        found.iter().map(|row| format!("{} {}", row["name"], row["books"].as_array().map_or(0, Vec::len))).collect()
    };
    assert_eq!(seen(reader, "name~=%").await, ["\"middle\" 1"]);
    assert_eq!(seen(reader, "book.title~=about%").await, ["\"middle\" 1"]);
    assert!(seen(reader, "book.shelf.name=low").await.is_empty());
    assert!(seen(stranger, "name~=%").await.is_empty());
    let mut batch = filled.kernel.db().batch();
    batch.update::<SharedResource>().set(SharedResource::TO_PUBLIC, &true).eq(SharedResource::UUID, &share.uuid).any();
    filled.kernel.db().commit(batch).await.expect("written");
    assert_eq!(seen(stranger, "name~=%").await, ["\"middle\" 1"]);
    let mut batch = filled.kernel.db().batch();
    batch.delete::<Book>().eq(Book::SHELF_UUID, &share.resource_uuid).any();
    filled.kernel.db().commit(batch).await.expect("removed");
    let batch = filled.kernel.cascade().removal(Shelf::META, &[share.resource_uuid]).await.expect("read");
    filled.kernel.db().commit(batch).await.expect("removed");
    let left = filled.kernel.db().select::<SharedResource>().count().await;
    assert_eq!(left.expect("read"), 0, "a share goes with its resource");
}

#[tokio::test]
async fn what_is_not_declared_is_refused_with_the_nearest_name() {
    let filled = filled().await;
    let error = filled.ask_as(Uuid::ADMIN, &[("q", "heigth=1")]).await.expect_err("no such field");
    assert!(error.details.contains("did you mean 'height'"), "{error}");
    for bad in ["secret=hidden", "book.secret=1", "name.x=1", "height=tall", "open=maybe", "createDate=soon"] {
        assert!(filled.ask_as(Uuid::ADMIN, &[("q", bad)]).await.is_err(), "{bad}");
    }
    assert!(filled.ask_as(Uuid::ADMIN, &[("sort", "secret")]).await.is_err());
    let deep = format!("{}name=low", "book.shelf.".repeat(20));
    assert!(filled.ask_as(Uuid::ADMIN, &[("q", &deep)]).await.is_err(), "depth is bounded");
    for (name, value) in [("q", "name"), ("limit", "many"), ("limit", "-1"), ("start", "x"), ("count", "si")] {
        let malformed = parse_request(Shelf::META, &[(name.into(), value.into())], None);
        assert!(matches!(malformed, Err(RequestError::Malformed(_))), "{name}={value}");
    }
}

#[tokio::test]
async fn nothing_written_as_a_value_or_name_becomes_sql() {
    let filled = filled().await;
    for evil in ["' OR 1=1 --", "\"; DROP TABLE shelf; --", "x') UNION SELECT * FROM account --", "\\", "\0", "😀"] {
        assert!(filled.names(&[("q", &format!("name={evil}"))]).await.is_empty(), "{evil}");
        assert!(filled.ask_as(Uuid::ADMIN, &[("q", &format!("{evil}=1"))]).await.is_err(), "{evil}");
        let fields = filled.ask_as(Uuid::ADMIN, &[("fields", evil)]).await.expect("answered");
        assert_eq!(fields.inventories.expect("rows").len(), 3);
    }
    assert_eq!(filled.names(&[]).await.len(), 3, "all are still there");
}

#[tokio::test]
async fn what_hangs_on_many_is_the_same_however_it_is_found() {
    let filled = filled().await;
    let db = filled.kernel.db();
    let shelves: Vec<Uuid> = (0..1_500).map(|_| Uuid::random()).collect();
    for some in shelves.chunks(500) {
        let mut batch = db.batch();
        for &uuid in some {
            let (create_date, last_op_date) = (Timestamp(0), Timestamp(0));
            let (note, secret) = (None, None);
            batch.insert(&Shelf {
                uuid,
                name: "x".into(),
                height: 1,
                open: true,
                note,
                secret,
                create_date,
                last_op_date,
            });
            batch.insert(&Book { uuid: Uuid::random(), shelf_uuid: uuid, title: "x".into(), pages: 1 });
        }
        db.commit(batch).await.expect("written");
    }
    let books = async |shelves: &[Uuid]| hanging_on(db, Book::SHELF_UUID, shelves).await.expect("read");
    // Few are looked up, and for many the table is read.
    let mut one_by_one = Vec::new();
    for some in shelves.chunks(300) {
        one_by_one.extend(books(some).await);
    }
    one_by_one.sort_unstable();
    assert_eq!(one_by_one.len(), 1_500);
    assert_eq!(books(&shelves).await, one_by_one);
    let mostly_unknown: Vec<Uuid> = (0..1_500).map(|_| Uuid::random()).chain([shelves[7]]).collect();
    assert_eq!(books(&mostly_unknown).await, books(&shelves[7..8]).await);
}
