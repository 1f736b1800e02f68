//! Migrations are written once, in SQL that SQLite reads as it stands; this is how MariaDB reads it.
//!
//! Names stay in double quotes (our sessions have `ANSI_QUOTES`). What differs:
//!
//! - `TEXT` ends at 64 KiB there and nowhere here: it becomes `LONGTEXT`.
//! - Tables get their engine, character set and collation, whatever the server's or the database's defaults are.
//! - A key over an unbounded text needs a length: an index covers its first 255 characters. Looking up by equality or by a
//!   beginning (`LIKE 'hostname::%'`, what tags are asked for) uses it, which an index over a hash would not do for the
//!   latter. A unique key is left alone: MariaDB makes that one by hash over the whole text.
//! - A name has 64 characters at most: the end of a longer one (of an index, since those hold their table's and column's)
//!   gives way to a hash of the whole.
//!
//! What cannot be said in the common subset is said twice, each time after a line `-- on mariadb` or `-- on sqlite`.

use std::{borrow::Cow, collections::HashSet};

use super::Dialect;

/// Characters of an unbounded text that an index covers: three of them still fit InnoDB's 3,072 bytes.
const PREFIX: usize = 255;
/// Characters of a name, and how many of them are the hash's where it was too long.
const NAME: usize = 64;
const NAME_HASH: usize = 8;

/// Renders statements in their order; remembers which columns are unbounded.
#[derive(Debug)]
pub(super) struct Renderer<'c> {
    dialect: Dialect,
    collation: &'c str,
    unbounded: HashSet<(String, String)>,
}

impl<'c> Renderer<'c> {
    pub(super) fn new(dialect: Dialect, collation: &'c str) -> Self {
        Self { dialect, collation, unbounded: HashSet::new() }
    }

    /// The statements of a migration as this dialect reads them, without those for the other one.
    pub(super) fn migration(&mut self, sql: &str) -> Vec<String> {
        let statements = sql.split(";\n").map(|sql| sql.trim().trim_end_matches(';')).filter_map(|sql| self.ours(sql));
        let statements: Vec<String> = statements.collect();
        match self.dialect {
            Dialect::Sqlite => statements,
            Dialect::MySql => self.for_mariadb(&statements),
        }
    }

    fn ours(&self, statement: &str) -> Option<String> {
        let only = statement.lines().find_map(|line| line.trim().strip_prefix("-- on "));
        match (only.map(str::trim), self.dialect) {
            (Some("sqlite"), Dialect::MySql) | (Some("mariadb"), Dialect::Sqlite) => return None,
            _ => {}
        }
        let sql: Vec<&str> = statement.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
        Some(sql.join("\n").trim().to_owned()).filter(|sql| !sql.is_empty())
    }

    fn for_mariadb(&mut self, statements: &[String]) -> Vec<String> {
        let mut rendered: Vec<Rendered> = Vec::new();
        for sql in statements {
            let next = self.statement(sql);
            // An index of a table that is made here becomes a part of making it: one rebuild less each.
            if let Rendered::Index { table, key, .. } = &next
                && let Some(Rendered::Table { keys, .. }) =
                    rendered.iter_mut().rev().find(|before| before.concerns(table))
            {
                keys.push(key.clone());
            } else {
                rendered.push(next);
            }
        }
        rendered.into_iter().map(|statement| statement.sql(self.collation)).collect()
    }

    fn statement(&mut self, sql: &str) -> Rendered {
        let tokens = tokens(sql);
        let words: Vec<String> = tokens.iter().filter(|t| t.is_word()).map(|t| t.0.to_ascii_uppercase()).collect();
        let starts = |with: &[&str]| words.len() >= with.len() && words.iter().zip(with).all(|(word, w)| word == w);
        let mut names = tokens.iter().filter_map(Token::name);
        if starts(&["CREATE", "TABLE"]) {
            let table = names.next().unwrap_or_default().to_owned();
            let sql = self.with_long_texts(&tokens, &table);
            Rendered::Table { table, sql, keys: Vec::new() }
        } else if starts(&["ALTER", "TABLE"]) {
            let table = names.next().unwrap_or_default().to_owned();
            Rendered::Other(self.with_long_texts(&tokens, &table))
        } else if starts(&["CREATE", "INDEX"]) {
            let table = names.nth(1).unwrap_or_default().to_owned();
            let sql = self.with_prefixes(&tokens, &table);
            let name = tokens.iter().find(|token| token.name().is_some()).map(Token::short).unwrap_or_default();
            let columns = sql.find('(').map_or("", |at| &sql[at..]);
            let key = format!("INDEX {name} {columns}");
            Rendered::Index { table, sql, key }
        } else {
            Rendered::Other(tokens.iter().map(Token::short).collect())
        }
    }

    fn with_long_texts(&mut self, tokens: &[Token<'_>], table: &str) -> String {
        let mut rendered = String::new();
        let mut last_name = None;
        for token in tokens {
            if token.is_word() && token.0.eq_ignore_ascii_case("TEXT") {
                if let Some(column) = last_name {
                    self.unbounded.insert((table.to_owned(), str::to_owned(column)));
                }
                rendered.push_str("LONGTEXT");
            } else {
                rendered.push_str(&token.short());
            }
            last_name = token.name().or(last_name);
        }
        rendered
    }

    fn with_prefixes(&self, tokens: &[Token<'_>], table: &str) -> String {
        let mut rendered = String::new();
        for (at, token) in tokens.iter().enumerate() {
            rendered.push_str(&token.short());
            let in_list = tokens[..at].iter().any(|token| token.0 == "(");
            if in_list
                && token.name().is_some_and(|column| self.unbounded.contains(&(table.to_owned(), column.to_owned())))
            {
                rendered.push_str(&format!("({PREFIX})"));
            }
        }
        rendered
    }
}

/// A statement for MariaDB, as far as it matters what it is.
#[derive(Debug)]
enum Rendered {
    Table { table: String, sql: String, keys: Vec<String> },
    Index { table: String, sql: String, key: String },
    Other(String),
}

impl Rendered {
    /// Whether it may do something with `table`; anything we do not understand may.
    fn concerns(&self, name: &str) -> bool {
        match self {
            Self::Table { table, .. } | Self::Index { table, .. } => table == name,
            Self::Other(_) => true,
        }
    }

    fn sql(self, collation: &str) -> String {
        match self {
            Self::Table { mut sql, keys, .. } => {
                if let Some(end) = sql.rfind(')') {
                    sql.truncate(end);
                    sql.truncate(sql.trim_end().len());
                    for key in keys {
                        sql.push_str(",\n    ");
                        sql.push_str(&key);
                    }
                    sql.push_str("\n)");
                }
                sql.push_str(" ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=");
                sql.push_str(collation);
                sql
            }
            Self::Index { sql, .. } | Self::Other(sql) => sql,
        }
    }
}

/// A name, a literal, a word, or what stands between them.
#[derive(Debug, Clone, Copy)]
struct Token<'s>(&'s str);

impl<'s> Token<'s> {
    fn is_word(&self) -> bool {
        self.0.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
    }

    fn name(&self) -> Option<&'s str> {
        self.0.strip_prefix('"').and_then(|name| name.strip_suffix('"'))
    }

    /// Itself, or a name made short enough. Our names are ASCII.
    fn short(&self) -> Cow<'s, str> {
        match self.name() {
            Some(name) if name.len() > NAME => {
                let hash = &super::migrate::hash(name)[..NAME_HASH];
                let beginning: String = name.chars().take(NAME - NAME_HASH - 1).collect();
                Cow::Owned(format!("\"{beginning}_{hash}\""))
            }
            _ => Cow::Borrowed(self.0),
        }
    }
}

fn tokens(sql: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' | '\'' => rest[1..].find(first).map_or(rest.len(), |end| end + 2),
            _ if first.is_ascii_alphanumeric() || first == '_' => {
                rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len())
            }
            _ => first.len_utf8(),
        };
        tokens.push(Token(&rest[..length]));
        rest = &rest[length..];
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(statements: &[&str]) -> Vec<String> {
        let sql: String = statements.iter().map(|statement| format!("{statement};\n")).collect();
        Renderer::new(Dialect::MySql, "utf8mb4_nopad_bin").migration(&sql)
    }

    #[test]
    fn tables_and_their_indexes_become_mariadbs() {
        let sql = rendered(&[
            "CREATE TABLE \"note\" (\n    \"uuid\" CHAR(32) NOT NULL,\n    \"text\" TEXT DEFAULT 'TEXT \"x\" TEXT'\n)",
            "CREATE TABLE \"other\" (\"uuid\" CHAR(32))",
            "CREATE INDEX \"ix_note_text\" ON \"note\" (\"uuid\", \"text\")",
            "CREATE INDEX \"text\" ON \"note\" (\"uuid\")",
            "ALTER TABLE \"note\" ADD COLUMN \"more\" text NULL",
            "CREATE INDEX \"ix_note_more\" ON \"note\" (\"more\")",
            "UPDATE \"note\" SET \"more\" = 'TEXT'",
        ]);
        let options = "ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin";
        let note = "CREATE TABLE \"note\" (\n    \"uuid\" CHAR(32) NOT NULL,\n    \"text\" LONGTEXT DEFAULT 'TEXT \"x\" TEXT',\n    \
             INDEX \"ix_note_text\" (\"uuid\", \"text\"(255)),\n    INDEX \"text\" (\"uuid\")\n)";
        assert_eq!(
            sql,
            [
                &format!("{note} {options}"),
                &format!("CREATE TABLE \"other\" (\"uuid\" CHAR(32)\n) {options}"),
                "ALTER TABLE \"note\" ADD COLUMN \"more\" LONGTEXT NULL",
                "CREATE INDEX \"ix_note_more\" ON \"note\" (\"more\"(255))",
                "UPDATE \"note\" SET \"more\" = 'TEXT'",
            ]
        );
    }

    #[test]
    fn a_name_that_is_too_long_is_shortened_everywhere_alike() {
        let long = format!("ix_{}", "n".repeat(70));
        let made = rendered(&[&format!("CREATE INDEX \"{long}\" ON \"t\" (\"c\")")]).remove(0);
        let dropped = rendered(&[&format!("DROP INDEX \"{long}\" ON \"t\"")]).remove(0);
        let name = |sql: &str| sql.split('"').nth(1).map(str::to_owned);
        assert_eq!(name(&made), name(&dropped));
        assert_eq!(name(&made).map(|name| name.len()), Some(64));
        let other = rendered(&[&format!("DROP INDEX \"{long}x\" ON \"t\"")]).remove(0);
        assert_ne!(name(&dropped), name(&other));
    }

    #[test]
    fn a_statement_for_one_dialect_is_left_out_of_the_other() {
        let both = ["-- why\n-- on mariadb\nDROP INDEX x ON y", "-- on sqlite\nDROP INDEX x", "-- nothing"];
        assert_eq!(rendered(&both), ["DROP INDEX x ON y"]);
        let sqlite = Renderer::new(Dialect::Sqlite, "").migration(&both.join(";\n"));
        assert_eq!(sqlite, ["DROP INDEX x"]);
    }
}
