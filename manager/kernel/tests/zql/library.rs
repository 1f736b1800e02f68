//! A library with every sort of declaration: kinds, joins both ways, an alias, a collection, owners, tags; and small values,
//! so that random conditions find something.

use cumulo_derive::resource;
use cumulo_kernel::{
    Kernel, Setup,
    db::Migration,
    ownership::{self, NewTags},
};
use cumulo_schema::{Resource, ResourceMeta, Timestamp, Uuid, ddl, system};
use cumulo_testdb::TestDatabase;
use rand::{Rng, rngs::StdRng, seq::IndexedRandom};

/// A hall.
#[resource(
    table = "hall",
    java = "org.example.HallInventory",
    vo = "HallVO",
    seen_by(all),
    type_field = "kind",
    expand(shelves: Shelf, uuid = hallUuid),
    alias(book = "shelves.books")
)]
pub(crate) struct Hall {
    #[field(unique)]
    pub(crate) uuid: Uuid,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) floor: i32,
}

/// A hall with guards.
#[resource(table = "museum", java = "org.example.MuseumInventory", vo = "MuseumVO", parent(Hall = "museum"))]
pub(crate) struct Museum {
    #[field(unique)]
    pub(crate) uuid: Uuid,
    pub(crate) guards: i32,
}

/// A shelf.
#[resource(
    table = "shelf",
    java = "org.example.ShelfInventory",
    vo = "ShelfVO",
    owned,
    expand(hall: Hall, hallUuid = uuid),
    expand(books: Book, uuid = shelfUuid)
)]
pub(crate) struct Shelf {
    #[field(unique)]
    pub(crate) uuid: Uuid,
    #[field(indexed, references = "Hall")]
    pub(crate) hall_uuid: Option<Uuid>,
    pub(crate) name: String,
    pub(crate) height: i32,
    pub(crate) width: Option<i64>,
    pub(crate) open: bool,
    pub(crate) note: Option<String>,
    pub(crate) address: Option<String>,
    pub(crate) create_date: Timestamp,
}

/// A book.
#[resource(
    table = "book",
    java = "org.example.BookInventory",
    vo = "BookVO",
    owned,
    collection(themes: BookTheme, bookUuid, theme),
    expand(shelf: Shelf, shelfUuid = uuid)
)]
pub(crate) struct Book {
    #[field(unique)]
    pub(crate) uuid: Uuid,
    #[field(indexed, references = "Shelf")]
    pub(crate) shelf_uuid: Uuid,
    pub(crate) title: String,
    pub(crate) pages: i64,
    pub(crate) lent: Option<Timestamp>,
}

/// What a book is about.
#[resource(
    table = "book_theme",
    java = "org.example.BookThemeInventory",
    vo = "BookThemeVO",
    unique(bookUuid, theme),
    seen_by(all)
)]
pub(crate) struct BookTheme {
    #[field(indexed, references = "Book")]
    pub(crate) book_uuid: Uuid,
    #[field(indexed)]
    pub(crate) theme: String,
}

pub(crate) const RESOURCES: [&ResourceMeta; 5] = [Hall::META, Museum::META, Shelf::META, Book::META, BookTheme::META];

/// Texts that are like each other; the same in every collation.
pub(crate) const TEXTS: [&str; 6] = ["a", "ab", "abc", "b", "ba", "c1"];

/// All rows.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) halls: Vec<Hall>,
    pub(crate) museums: Vec<Museum>,
    pub(crate) shelves: Vec<Shelf>,
    pub(crate) books: Vec<Book>,
    pub(crate) themes: Vec<BookTheme>,
    /// Whose a shelf or book is.
    pub(crate) owners: Vec<(Uuid, Uuid)>,
    /// What has which user tag.
    pub(crate) tags: Vec<(Uuid, String)>,
    /// Somebody who owns some of it.
    pub(crate) tenant: Uuid,
}

/// A node over a random library, in a database that goes with it.
pub(crate) struct Library {
    pub(crate) kernel: Kernel,
    pub(crate) rows: Rows,
    _database: TestDatabase,
}

fn text(rng: &mut StdRng) -> String {
    (*TEXTS.choose(rng).expect("some")).to_owned()
}

fn uuid(rng: &mut StdRng) -> Uuid {
    Uuid::ADMIN.derive(&rng.random::<u64>().to_string())
}

/// `Some` three times out of four.
fn maybe<T>(rng: &mut StdRng, make: impl FnOnce(&mut StdRng) -> T) -> Option<T> {
    rng.random_bool(0.75).then(|| make(rng))
}

impl Rows {
    fn random(rng: &mut StdRng) -> Self {
        let mut rows = Self {
            halls: vec![],
            museums: vec![],
            shelves: vec![],
            books: vec![],
            themes: vec![],
            owners: vec![],
            tags: vec![],
            tenant: uuid(rng),
        };
        for _ in 0..4 {
            let kind = if rng.random_bool(0.5) { "museum" } else { "plain" };
            let hall = Hall { uuid: uuid(rng), name: text(rng), kind: kind.into(), floor: rng.random_range(0..3) };
            if kind == "museum" {
                rows.museums.push(Museum { uuid: hall.uuid, guards: rng.random_range(0..3) });
            }
            rows.halls.push(hall);
        }
        for _ in 0..10 {
            let hall = rows.halls.choose(rng).expect("some").uuid;
            let shelf = Shelf {
                uuid: uuid(rng),
                hall_uuid: maybe(rng, |_| hall),
                name: text(rng),
                height: rng.random_range(0..4),
                width: maybe(rng, |rng| rng.random_range(0..3)),
                open: rng.random(),
                note: maybe(rng, text),
                address: maybe(rng, |rng| format!("10.{}.0.{}", rng.random_range(0..12), rng.random_range(0..12))),
                create_date: Timestamp(rng.random_range(0..4) * 1000),
            };
            rows.own(rng, shelf.uuid);
            rows.shelves.push(shelf);
        }
        for _ in 0..20 {
            let book = Book {
                uuid: uuid(rng),
                shelf_uuid: rows.shelves.choose(rng).expect("some").uuid,
                title: text(rng),
                pages: rng.random_range(0..5),
                lent: maybe(rng, |rng| Timestamp(rng.random_range(0..3) * 1000)),
            };
            rows.own(rng, book.uuid);
            for theme in TEXTS {
                if rng.random_bool(0.25) {
                    rows.themes.push(BookTheme { book_uuid: book.uuid, theme: theme.to_owned() });
                }
            }
            rows.books.push(book);
        }
        rows
    }

    fn own(&mut self, rng: &mut StdRng, uuid: Uuid) {
        self.owners.push((uuid, if rng.random_bool(0.5) { self.tenant } else { Uuid::ADMIN }));
        if rng.random_bool(0.3) {
            self.tags.push((uuid, text(rng)));
        }
    }
}

impl Library {
    /// A random library.
    pub(crate) async fn random(rng: &mut StdRng) -> Self {
        let database = TestDatabase::new().await;
        let key = database.path().join("key");
        let mut setup = Setup::new(database.open().await, Uuid::ADMIN.derive("node"), &key).expect("opens");
        let known = [system::RESOURCES, &RESOURCES].concat();
        let sql: String = RESOURCES.iter().map(|meta| ddl::create_table(meta, &known)).collect();
        setup.resources(&RESOURCES).migrations(&[Migration { name: "20261121_0001_library", sql: sql.leak() }]);
        let kernel = setup.start("").await.expect("starts");
        let rows = Rows::random(rng);
        write(&kernel, &rows).await;
        Self { kernel, rows, _database: database }
    }

    /// Lets go of the database.
    pub(crate) async fn close(self) {
        self.kernel.stop().await;
    }
}

async fn write(kernel: &Kernel, rows: &Rows) {
    let mut batch = kernel.db().batch();
    for row in &rows.halls {
        batch.insert(row);
    }
    for row in &rows.museums {
        batch.insert(row);
    }
    for row in &rows.shelves {
        batch.insert(row);
    }
    for row in &rows.books {
        batch.insert(row);
    }
    for row in &rows.themes {
        batch.insert(row);
    }
    let owner = |uuid: Uuid| rows.owners.iter().find(|(owned, _)| *owned == uuid).map_or(Uuid::ADMIN, |(_, who)| *who);
    for shelf in &rows.shelves {
        ownership::created::<Shelf>(&mut batch, shelf.uuid, owner(shelf.uuid), &NewTags::default());
    }
    for book in &rows.books {
        ownership::created::<Book>(&mut batch, book.uuid, owner(book.uuid), &NewTags::default());
    }
    for (uuid, tag) in &rows.tags {
        batch.insert(&ownership::user_tag("AnyVO", *uuid, tag));
    }
    kernel.db().commit(batch).await.expect("written");
}
