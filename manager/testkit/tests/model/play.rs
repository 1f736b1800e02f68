//! Playing a scenario against a fresh node, by the code that plays them for operators.

use std::{sync::LazyLock, time::Duration};

use cumulo_cli::{
    Catalog,
    command::{Checks, Command},
    console::{Console, NobodyToAsk},
    http::{Client, Silent, Trust},
    scenario::{self, Action, Line, Scenario},
    session::Keeper,
};
use cumulo_schema::ResourceMeta;
use cumulo_testkit::World;

use crate::{inside, script::EVERYTHING};

static RESOURCES: LazyLock<&'static [&'static ResourceMeta]> = LazyLock::new(|| cumulo_contracts::resources().leak());

/// Where a scenario failed.
#[derive(Debug)]
pub(crate) struct Failure {
    /// As a line of the text.
    pub(crate) line: usize,
    /// What was asked for there; of two failures that are alike it is the same.
    pub(crate) verb: String,
    /// What was wrong.
    pub(crate) why: String,
}

/// Plays `text` on a fresh node; what failed, if anything did. Wherever the text has looked at everything the node is
/// looked into.
pub(crate) async fn play(text: &str) -> Option<Failure> {
    let mut world = World::new().await;
    let endpoint = format!("http://{}", world.address()).parse().expect("an endpoint");
    let catalog = Catalog::new(cumulo_contracts::apis(), *RESOURCES);
    let client = Client::new(endpoint, &Trust::System).expect("a client");
    let mut console = Console::new(catalog, client, Keeper::in_memory(None), Box::new(Silent), Box::new(NobodyToAsk));
    let mut lines = scenario::parse("model", text).expect("what is written can be read").into_iter().peekable();
    let mut failure = None;
    let looks = text.lines().zip(1..).filter(|(line, _)| *line == EVERYTHING).map(|(_, number)| number);
    for look in looks {
        let part: Vec<Line> = std::iter::from_fn(|| lines.next_if(|line| line.number < look)).collect();
        failure = play_part(&mut console, part).await;
        if failure.is_none() {
            let wrong = inside::wrong(world.kernel()).await;
            failure = wrong.map(|why| Failure { line: look, verb: "the inside".to_owned(), why });
        }
        if failure.is_some() {
            break;
        }
    }
    world.stop().await;
    failure
}

async fn play_part(console: &mut Console, lines: Vec<Line>) -> Option<Failure> {
    let part = Scenario { name: "model".to_owned(), lines, host_exec: None, host_limit: Duration::ZERO };
    let report = scenario::run(&part, console, &mut Vec::new()).await.expect("memory takes the log");
    let failed = report.lines.into_iter().find(|line| line.failure.is_some())?;
    let asked = part.lines.iter().find(|line| line.number == failed.line).map(|line| &line.action);
    let found = match asked {
        Some(Action::Count { query, .. }) => found(console, query).await,
        _ => String::new(),
    };
    let why = format!("{}: {}{found}", failed.text, failed.failure.unwrap_or_default());
    Some(Failure { line: failed.line, verb: failed.verb.unwrap_or_default(), why })
}

/// What there is where a query did not find what it should: by its first condition alone.
async fn found(console: &mut Console, query: &Command) -> String {
    let mut wider = query.clone();
    wider.arguments.truncate(1);
    match console.run(&wider, Checks::Here).await {
        Ok(answer) => format!("; there is {}", answer.body["inventories"]),
        Err(error) => format!("; {error}"),
    }
}
