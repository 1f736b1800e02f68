//! No byte that a client sends becomes SQL text: as a value it changes nothing, as a name it is refused, as a statement it is
//! refused or becomes SQL of declared names and bound values.

use std::collections::HashSet;

use cumulo_kernel::{
    bus::Caller,
    query::{Filter, Name, Op, Select, parse_request},
};
use cumulo_schema::{Resource, system};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use super::{
    generate::Generator,
    library::{Library, RESOURCES, Shelf},
};

const ROUNDS: usize = 600;

/// What attackers try, to be mixed with noise.
const EVIL: [&str; 14] = [
    "'",
    "\"",
    "`",
    "\\",
    "--",
    "/*",
    ";",
    ")",
    "(",
    "?",
    "%",
    "\0",
    "' OR 1=1 --",
    "UNION SELECT password FROM account",
];

fn noise(rng: &mut impl Rng) -> String {
    let mut text = String::new();
    for _ in 0..rng.random_range(1..12) {
        match rng.random_range(0..3) {
            0 => text.push_str(EVIL.choose(rng).expect("some")),
            1 => text.push(rng.random::<char>()),
            _ => text.push(char::from(rng.random_range(0..=255_u8))),
        }
    }
    text
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Every SQL text that the statements of `zql` become.
async fn sql(library: &Library, zql: &str) -> Option<Vec<String>> {
    let results = library.kernel.query().zql(&Caller::SYSTEM, zql, true).await.ok()?;
    let explained = results.iter().flat_map(|result| result["explain"].as_array().cloned().unwrap_or_default());
    Some(explained.map(|one| one["sql"].as_str().expect("a text").to_owned()).collect())
}

/// Panics unless `sql` consists of declared names in quotes, placeholders, and words and signs of SQL.
fn check(sql: &str, seed: u64, from: &str) {
    const WORDS: &str = "SELECT DISTINCT FROM WHERE INNER LEFT JOIN ON AND OR NOT IN IS NULL LIKE ESCAPE CHAR TRUE ORDER GROUP BY ASC DESC LIMIT \
        OFFSET COUNT SUM MIN MAX AVG AS CAST SIGNED CASE WHEN THEN ELSE END INSTR SUBSTR LOWER UPPER ABS CHAR_LENGTH LENGTH";
    let all = || system::RESOURCES.iter().chain(&RESOURCES);
    let names: HashSet<&str> = all()
        .flat_map(|meta| [meta.table].into_iter().chain(meta.fields.iter().map(|field| field.column)))
        .chain(["different"])
        .collect();
    let quote = if sql.contains('`') { '`' } else { '"' };
    for (index, part) in sql.split(quote).enumerate() {
        if index % 2 == 1 {
            assert!(names.contains(part), "seed {seed}: {from:?} brought the name {part:?} into\n{sql}");
            continue;
        }
        let signs = |c: char| c.is_whitespace() || "(),.=<>!?*+-".contains(c);
        for word in part.split(signs).filter(|word| !word.is_empty()) {
            let known = WORDS.split_whitespace().any(|known| known == word) || ["0", "1", "92"].contains(&word);
            assert!(known, "seed {seed}: {from:?} brought {word:?} into\n{sql}");
        }
        assert!(!part.contains("--"), "seed {seed}: {from:?} brought a comment into\n{sql}");
    }
}

#[tokio::test]
async fn no_byte_of_a_client_becomes_sql() {
    let seed: u64 = rand::rng().random();
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let library = Library::random(&mut rng).await;
    let plain = |value: &str| {
        format!(
            "query shelf.name where name = {value} and note like {value} or books.title in ({value}, 'x') and \
             __userTag__ has ({value}) and hallUuid in (query hall.uuid where name != {value}) \
             restrict by (hall.name = {value}) return with (total)"
        )
    };
    let benign = sql(&library, &plain("'x'")).await.expect("read");
    let mut read = 0;
    for _ in 0..ROUNDS {
        let evil = noise(&mut rng);
        // As a value.
        if let Some(other) = sql(&library, &plain(&quoted(&evil))).await {
            assert_eq!(other, benign, "seed {seed}: the value {evil:?} changed the SQL");
            read += 1;
        }
        let pairs = [("q".to_owned(), format!("name={evil}")), ("q".to_owned(), format!("books.title?={evil}"))];
        let select = parse_request(Shelf::META, &pairs, None).expect("values are anything");
        for one in library.kernel.query().explain(&Caller::SYSTEM, &select).await.expect("planned") {
            check(&one.sql, seed, &evil);
        }
        // As a name.
        let mut select = Select::of(Shelf::META);
        select.filter = Filter::Compare { path: Name::new(&evil), op: Op::Eq, values: vec!["x".into()] };
        assert!(library.kernel.query().explain(&Caller::SYSTEM, &select).await.is_err(), "seed {seed}: {evil:?}");
        for statement in [
            format!("query {evil}"),
            format!("query shelf.{evil}"),
            format!("query shelf where {evil} = 'x'"),
            format!("query shelf order by {evil}"),
            format!("count shelf group by {evil}"),
            format!("query shelf filter by {evil}{{{evil}}}"),
            evil.clone(),
        ] {
            for text in sql(&library, &statement).await.unwrap_or_default() {
                check(&text, seed, &statement);
            }
        }
        // In the middle of a statement.
        let mut generator = Generator { rng: &mut rng, rows: &library.rows };
        let ask = generator.ask();
        let mut statement = generator.text(&ask);
        for text in sql(&library, &statement).await.expect("a statement that was not tampered with is read") {
            check(&text, seed, &statement);
        }
        let places: Vec<usize> = statement.char_indices().map(|(at, _)| at).collect();
        statement.insert_str(*places.choose(&mut rng).expect("not empty"), &evil);
        for text in sql(&library, &statement).await.unwrap_or_default() {
            check(&text, seed, &statement);
        }
    }
    assert!(read > ROUNDS * 9 / 10, "seed {seed}: values are read, not refused: {read}");
    library.close().await;
}
