//! A library of shelves and books: the smallest cloud there is.

#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test program uses its part of it")]

pub mod http;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use cumulo_derive::{api, resource};
use cumulo_kernel::{
    Kernel, Setup,
    api::{ApiCx, Authenticator, Credential, HandleApi},
    bus::Caller,
    db::Migration,
    flow::{Flow, FlowReply, Step, StepCx},
};
use cumulo_schema::{Api, ErrorCode, Inventories, Inventory, Resource, Timestamp, Uuid, codes, ddl, system};
use cumulo_testdb::TestDatabase;
use serde::{Deserialize, Serialize};

/// A shelf.
#[resource(table = "shelf", java = "org.example.ShelfInventory", vo = "ShelfVO", owned, shareable,
           nested(books: Book, uuid = shelfUuid),
           expand(book: Book, uuid = shelfUuid))]
pub struct Shelf {
    #[field(unique)]
    pub uuid: Uuid,
    pub name: String,
    pub height: i32,
    pub open: bool,
    pub note: Option<String>,
    #[field(hidden)]
    pub secret: Option<String>,
    pub create_date: Timestamp,
    pub last_op_date: Timestamp,
}

/// A book.
#[resource(table = "book", java = "org.example.BookInventory", vo = "BookVO", seen_by(user = shelfUuid),
           expand(shelf: Shelf, shelfUuid = uuid))]
pub struct Book {
    #[field(unique)]
    pub uuid: Uuid,
    #[field(indexed, references = "Shelf")]
    pub shelf_uuid: Uuid,
    #[field(indexed)]
    pub title: String,
    pub pages: i64,
}

/// Puts up a shelf.
#[api(post "/shelves", group = "shelf", service = "shelf", package = "org.example", job, create, reply = Inventory<Shelf>)]
pub struct CreateShelf {
    #[param(max_length = 10)]
    pub name: String,
    #[param(range(1, 300), default = "200")]
    pub height: i32,
    #[param(sensitive)]
    pub secret: Option<String>,
}

/// Finds shelves.
#[api(query "/shelves", group = "shelf", service = "shelf", package = "org.example", reply = Inventories<Shelf>)]
pub struct QueryShelf;

/// Renames a shelf, at once.
#[api(put "/shelves/{uuid}/actions", group = "shelf", service = "shelf", package = "org.example", reply = Inventory<Shelf>)]
pub struct RenameShelf {
    #[param(resource = "ShelfVO", operation_target)]
    pub uuid: Uuid,
    pub name: String,
}

/// The context of putting up a shelf.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PutUp {
    pub shelf: Uuid,
    pub name: String,
    pub height: i32,
    pub owner: Uuid,
    pub nails: Option<u32>,
}

impl Flow for PutUp {
    const NAME: &'static str = "put-up";
    fn resource(&self) -> Uuid {
        self.shelf
    }
    fn reply(&self) -> FlowReply {
        FlowReply::Inventory("Shelf", self.shelf)
    }
}

/// The world outside the database: which walls have holes, and everything that was ever done there.
#[derive(Debug, Default)]
pub struct Wall {
    pub holes: Mutex<BTreeSet<Uuid>>,
    pub done: Mutex<Vec<String>>,
    pub undo_fails: Mutex<u32>,
    /// While it has a receiver, nobody gets beyond the second step.
    pub held: tokio::sync::watch::Sender<()>,
}

impl Wall {
    pub fn log(&self, what: &str) {
        self.done.lock().expect("not poisoned").push(what.to_owned());
    }
    /// Holds everybody up before the last step, until the answer is dropped.
    pub fn hold(&self) -> tokio::sync::watch::Receiver<()> {
        self.held.subscribe()
    }
    fn refuses_to_be_filled(&self) -> bool {
        let mut fails = self.undo_fails.lock().expect("not poisoned");
        let refuses = *fails > 0;
        *fails = fails.saturating_sub(1);
        refuses
    }
    pub fn is_whole(&self) -> bool {
        self.holes.lock().expect("not poisoned").is_empty()
    }
}

/// Changes something outside of the database, so it settles first.
pub struct Drill(pub Arc<Wall>, pub Kernel);

#[async_trait]
impl Step<PutUp> for Drill {
    fn name(&self) -> &'static str {
        "drill"
    }
    async fn run(&self, cx: &mut StepCx<PutUp>) -> Result<(), ErrorCode> {
        self.1.db().settle().await?;
        self.0.log("drill");
        self.0.holes.lock().expect("not poisoned").insert(cx.shelf);
        cx.nails = Some(4);
        Ok(())
    }
    async fn undo(&self, cx: &mut StepCx<PutUp>) -> Result<(), ErrorCode> {
        if self.0.refuses_to_be_filled() {
            return Err(ErrorCode::operation("the plaster is not dry"));
        }
        self.1.db().settle().await?;
        self.0.log("fill");
        self.0.holes.lock().expect("not poisoned").remove(&cx.shelf);
        Ok(())
    }
}

/// Waits while the wall is held, but not beyond its deadline.
pub struct Hold(pub Arc<Wall>);

#[async_trait]
impl Step<PutUp> for Hold {
    fn name(&self) -> &'static str {
        "hold"
    }
    async fn run(&self, _: &mut StepCx<PutUp>) -> Result<(), ErrorCode> {
        let late = |_| ErrorCode::new(codes::TIMEOUT, "the wall was held for too long");
        let time = cumulo_kernel::bus::CallContext::current().remaining();
        tokio::time::timeout(time, self.0.held.closed()).await.map_err(late)
    }
    async fn undo(&self, _: &mut StepCx<PutUp>) -> Result<(), ErrorCode> {
        Ok(())
    }
}

pub struct Mount(pub Kernel);

#[async_trait]
impl Step<PutUp> for Mount {
    fn name(&self) -> &'static str {
        "mount"
    }
    async fn run(&self, cx: &mut StepCx<PutUp>) -> Result<(), ErrorCode> {
        if cx.nails.is_none() {
            return Err(ErrorCode::internal("mounted before drilled"));
        }
        let now = Timestamp::now();
        let mut batch = self.0.db().batch();
        batch.insert(&Shelf {
            uuid: cx.shelf,
            name: cx.name.clone(),
            height: cx.height,
            open: true,
            note: None,
            secret: Some("behind the books".into()),
            create_date: now,
            last_op_date: now,
        });
        cumulo_kernel::ownership::created::<Shelf>(&mut batch, cx.shelf, cx.owner, &Default::default());
        match self.0.db().commit(batch).await {
            Ok(_) | Err(cumulo_kernel::db::DbError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
    async fn undo(&self, cx: &mut StepCx<PutUp>) -> Result<(), ErrorCode> {
        Ok(self.0.cascade().remove(Shelf::META, &[cx.shelf]).await?)
    }
}

pub struct Library(pub Kernel);

#[async_trait]
impl HandleApi<CreateShelf> for Library {
    async fn handle(&self, cx: &ApiCx, api: CreateShelf) -> Result<Inventory<Shelf>, ErrorCode> {
        let context = PutUp {
            shelf: cx.resource_uuid,
            name: api.name,
            height: api.height,
            owner: cx.caller.account,
            nails: None,
        };
        cx.run_flow("put-up", context).await
    }
}

#[async_trait]
impl HandleApi<RenameShelf> for Library {
    async fn handle(&self, cx: &ApiCx, api: RenameShelf) -> Result<Inventory<Shelf>, ErrorCode> {
        let mut batch = self.0.db().batch();
        batch.update::<Shelf>().set(Shelf::NAME, &api.name).eq(Shelf::UUID, &api.uuid).expect("the shelf is gone");
        self.0.db().commit(batch).await?;
        cx.inventory(&api.uuid).await
    }
}

/// Sessions are account uuids.
struct Anybody;

#[async_trait]
impl Authenticator for Anybody {
    async fn authenticate(&self, credential: &Credential) -> Result<Caller, ErrorCode> {
        let expired = || ErrorCode::new(codes::INVALID_SESSION, "the session is unknown or has ended; log in again");
        match credential {
            Credential::Session(id) => {
                let account = id.parse().map_err(|_| expired())?;
                Ok(Caller { account, session: None })
            }
            Credential::Signed { .. } | Credential::None => Err(expired()),
        }
    }
}

pub const CHAINS: &str = "[put-up]\nput-up = ['drill', 'hold', 'mount']";

/// A kernel over `database`, not started, that works on `wall`.
pub async fn setup(database: &TestDatabase, wall: &Arc<Wall>) -> Setup {
    setup_of(Uuid::ADMIN.derive("node"), database, wall).await
}

/// As [`setup`], of the node `node`.
pub async fn setup_of(node: Uuid, database: &TestDatabase, wall: &Arc<Wall>) -> Setup {
    let mut setup = Setup::new(database.open().await, node, &database.path().join("key")).expect("opens");
    let resources = [system::RESOURCES, &[Shelf::META, Book::META]].concat();
    let sql: String = [Shelf::META, Book::META].iter().map(|meta| ddl::create_table(meta, &resources)).collect();
    let library = Arc::new(Library(setup.kernel().clone()));
    let kernel = setup.kernel().clone();
    setup
        .resources(&resources)
        .migrations(&[Migration { name: "20261121_0001_library", sql: Box::leak(sql.into_boxed_str()) }])
        .authenticator(Arc::new(Anybody))
        .api::<CreateShelf>(library.clone())
        .api::<RenameShelf>(library)
        .query(QueryShelf::META)
        .step(Drill(wall.clone(), kernel.clone()))
        .step(Hold(wall.clone()))
        .step(Mount(kernel));
    setup
}

/// A started kernel over a fresh database.
pub async fn kernel() -> (Kernel, Arc<Wall>, TestDatabase) {
    let (database, wall) = (TestDatabase::new().await, Arc::new(Wall::default()));
    let kernel = setup(&database, &wall).await.start(CHAINS).await.expect("starts");
    (kernel, wall, database)
}

/// Waits until `holds`, at most ten seconds.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while !holds().await {
        assert!(std::time::Instant::now() < deadline, "{what} did not happen in 10 s");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}
