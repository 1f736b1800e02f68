//! Pages that go on after a row meet every row once, in whatever order, for whoever asks.

use cumulo_kernel::{
    bus::Caller,
    query::{Found, parse_request},
};
use cumulo_schema::{ErrorCode, Resource, Uuid, codes};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use super::library::{BookTheme, Library, Shelf};

async fn ask(library: &Library, account: Uuid, query: &[(&str, &str)]) -> Result<Found, ErrorCode> {
    let pairs: Vec<(String, String)> = query.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let select = parse_request(Shelf::META, &pairs, None).expect("well formed");
    library.kernel.query().run(&Caller { account, session: None }, &select).await
}

fn ids(found: Result<Found, ErrorCode>) -> Vec<String> {
    let rows = found.expect("answered").inventories.expect("rows");
    rows.iter().map(|row| row["uuid"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test]
async fn pages_after_a_row_meet_every_row_once() {
    let seed: u64 = rand::rng().random();
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let library = Library::random(&mut rng).await;
    for _ in 0..40 {
        let account = if rng.random() { library.rows.tenant } else { Uuid::ADMIN };
        let keys =
            ["height", "-height", "width", "-width", "name", "-note", "open", "-createDate", "-uuid", "+hallUuid"];
        let sort: Vec<&str> = keys.choose_multiple(&mut rng, 2).copied().collect();
        let sort = if rng.random_bool(0.2) { String::new() } else { sort.join(",") };
        let all = ids(ask(&library, account, &[("sort", &sort)]).await);
        let mut met: Vec<String> = Vec::new();
        loop {
            let after = met.last().cloned().unwrap_or_default();
            let page = ids(ask(&library, account, &[("sort", &sort), ("limit", "3"), ("after", &after)]).await);
            if page.is_empty() {
                break;
            }
            met.extend(page);
        }
        assert_eq!(met, all, "seed {seed}, account {account}, sort {sort}");
    }
    library.close().await;
}

#[tokio::test]
async fn after_a_row_that_is_not_there() {
    let mut rng = StdRng::seed_from_u64(1);
    let library = Library::random(&mut rng).await;
    let all = ids(ask(&library, Uuid::ADMIN, &[]).await);
    let from_nowhere = ids(ask(&library, Uuid::ADMIN, &[("after", "0")]).await);
    assert_eq!(from_nowhere, all, "by id alone, the row itself need not be there any more");
    let error = ask(&library, Uuid::ADMIN, &[("after", "0"), ("sort", "name")]).await.expect_err("it has no name");
    assert!(error.is(codes::RESOURCE_NOT_FOUND), "{error}");
    let others = library
        .rows
        .owners
        .iter()
        .find(|(uuid, who)| *who == Uuid::ADMIN && library.rows.shelves.iter().any(|shelf| shelf.uuid == *uuid));
    let (other, _) = others.expect("the admin owns a shelf");
    let query = [("after", other.to_string()), ("sort", "name".to_owned())];
    let query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let error = ask(&library, library.rows.tenant, &query).await.expect_err("it is another's");
    assert!(error.is(codes::RESOURCE_NOT_FOUND), "{error}");
    let pairs = [("after".to_owned(), "0".to_owned())];
    let select = parse_request(BookTheme::META, &pairs, None).expect("well formed");
    let error = library.kernel.query().run(&Caller::SYSTEM, &select).await.expect_err("rows without id");
    assert!(error.details.contains("no id"), "{error}");
    library.close().await;
}
