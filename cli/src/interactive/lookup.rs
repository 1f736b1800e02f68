//! Which resources there are, for completing their uuids.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use cumulo_schema::ApiMeta;
use serde_json::Value;
use tokio::runtime::Handle;

use super::complete::{Known, Lookup};
use crate::{
    Catalog,
    command::Request,
    http::{Client, Silent},
};

/// A person waits no longer for a menu.
const PATIENCE: Duration = Duration::from_secs(1);
/// While a menu is open, every key asks again.
const FRESH: Duration = Duration::from_secs(5);
/// More would not be looked through.
const MOST: &str = "200";

/// Asks the node, and remembers its answers for a few seconds.
pub(super) struct NodeLookup {
    runtime: Handle,
    client: Client,
    catalog: Catalog,
    known: Arc<Mutex<Known>>,
    answers: HashMap<String, (Instant, Vec<(String, String)>)>,
}

impl NodeLookup {
    /// Must not be used from a task of `runtime`, since it blocks.
    pub(super) fn new(runtime: Handle, client: Client, catalog: Catalog, known: Arc<Mutex<Known>>) -> Self {
        Self { runtime, client, catalog, known, answers: HashMap::new() }
    }

    fn ask(&self, api: &'static ApiMeta) -> Vec<(String, String)> {
        // Nobody is logged in; the refusal is known beforehand.
        let Some(session) = self.known.lock().ok().and_then(|known| known.session.clone()) else { return Vec::new() };
        let has_name = self.catalog.queried(api).is_some_and(|resource| resource.field("name").is_some());
        let fields = if has_name { "uuid,name" } else { "uuid" };
        let query = [("fields", fields), ("limit", MOST)].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let request = Request::query(api, query.into());
        let call = self.client.call(&request, Some(&session), &Silent);
        let answer = self.runtime.block_on(async { tokio::time::timeout(PATIENCE, call).await });
        let Ok(Ok(body)) = answer else { return Vec::new() };
        let text = |row: &Value, name: &str| row.get(name).and_then(Value::as_str).map(str::to_owned);
        let rows = body.get("inventories").and_then(Value::as_array).into_iter().flatten();
        rows.filter_map(|row| Some((text(row, "uuid")?, text(row, "name").unwrap_or_default()))).collect()
    }
}

impl Lookup for NodeLookup {
    fn existing(&mut self, vo: &str) -> Vec<(String, String)> {
        if let Some((when, answer)) = self.answers.get(vo)
            && when.elapsed() < FRESH
        {
            return answer.clone();
        }
        let answer = self.catalog.query_of(vo).map(|api| self.ask(api)).unwrap_or_default();
        self.answers.insert(vo.to_owned(), (Instant::now(), answer.clone()));
        answer
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        http::Trust,
        testing::{
            catalog,
            node::{FakeNode, Reply},
        },
    };

    #[test]
    fn the_node_is_asked_once_for_a_menu_and_not_at_all_without_a_session() {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let node = runtime.block_on(FakeNode::start());
        let zones = json!({"inventories": [{"uuid": "u", "name": "z"}, {"uuid": "v"}]});
        node.on("GET /zones", [Reply::Json(200, zones)]);
        let client = Client::new(node.endpoint.parse().expect("an endpoint"), &Trust::System).expect("a client");
        let known = Arc::new(Mutex::new(Known::default()));
        let lookup = || NodeLookup::new(runtime.handle().clone(), client.clone(), catalog(), known.clone());
        assert!(lookup().existing("ZoneVO").is_empty() && node.calls().is_empty());
        known.lock().expect("not poisoned").session = Some("s".into());
        let mut lookup = lookup();
        let expected = vec![("u".to_owned(), "z".to_owned()), ("v".to_owned(), String::new())];
        assert_eq!(lookup.existing("ZoneVO"), expected);
        assert_eq!(lookup.existing("ZoneVO"), expected);
        assert!(lookup.existing("NoSuchVO").is_empty());
        assert_eq!(node.calls().len(), 1);
        assert_eq!(node.calls()[0].query, "fields=uuid%2Cname&limit=200");
    }
}
