//! Migrations are written once, in SQL that SQLite reads as it stands; this is how MariaDB reads it.
//!
//! Names stay in double quotes (our sessions have `ANSI_QUOTES`). What differs:
//!
//! - `TEXT` ends at 64 KiB there and nowhere here: it becomes `LONGTEXT`.
//! - Tables get their engine, character set and collation, whatever the server's or the database's defaults are.
//! - A key over an unbounded text needs a length: an index covers its first 255 characters. Looking up by equality or by a
//!   beginning (`LIKE 'hostname::%'`, what tags are asked for) uses it, which an index over a hash would not do for the
//!   latter. A unique key is left alone: MariaDB makes that one by hash over the whole text.
//!
//! What cannot be said in the common subset is said twice, each time after a line `-- on mariadb` or `-- on sqlite`.

use std::collections::HashSet;

use super::Dialect;

/// Characters of an unbounded text that an index covers: three of them still fit InnoDB's 3,072 bytes.
const PREFIX: usize = 255;

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

    /// The statement as this dialect reads it; `None` when it is for the other one.
    pub(super) fn render(&mut self, statement: &str) -> Option<String> {
        let only = statement.lines().find_map(|line| line.trim().strip_prefix("-- on "));
        match (only.map(str::trim), self.dialect) {
            (Some("sqlite"), Dialect::MySql) | (Some("mariadb"), Dialect::Sqlite) => return None,
            _ => {}
        }
        let sql: Vec<&str> = statement.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
        let sql = sql.join("\n").trim().to_owned();
        if sql.is_empty() {
            return None;
        }
        Some(match self.dialect {
            Dialect::Sqlite => sql,
            Dialect::MySql => self.for_mariadb(&sql),
        })
    }

    fn for_mariadb(&mut self, sql: &str) -> String {
        let tokens = tokens(sql);
        let words: Vec<String> = tokens.iter().filter(|t| t.is_word()).map(|t| t.0.to_ascii_uppercase()).collect();
        let starts = |with: &[&str]| words.len() >= with.len() && words.iter().zip(with).all(|(word, w)| word == w);
        let mut names = tokens.iter().filter_map(Token::name);
        if starts(&["CREATE", "TABLE"]) || starts(&["ALTER", "TABLE"]) {
            let table = names.next().unwrap_or_default().to_owned();
            let mut rendered = self.with_long_texts(&tokens, &table);
            if starts(&["CREATE"]) {
                let collation = self.collation;
                rendered.push_str(" ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=");
                rendered.push_str(collation);
            }
            rendered
        } else if starts(&["CREATE", "INDEX"]) {
            let table = names.nth(1).unwrap_or_default().to_owned();
            self.with_prefixes(&tokens, &table)
        } else {
            sql.to_owned()
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
                rendered.push_str(token.0);
            }
            last_name = token.name().or(last_name);
        }
        rendered
    }

    fn with_prefixes(&self, tokens: &[Token<'_>], table: &str) -> String {
        let mut rendered = String::new();
        for (at, token) in tokens.iter().enumerate() {
            rendered.push_str(token.0);
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
        let mut renderer = Renderer::new(Dialect::MySql, "utf8mb4_nopad_bin");
        statements.iter().filter_map(|statement| renderer.render(statement)).collect()
    }

    #[test]
    fn tables_and_their_indexes_become_mariadbs() {
        let sql = rendered(&[
            "CREATE TABLE \"note\" (\n    \"uuid\" CHAR(32) NOT NULL,\n    \"text\" TEXT DEFAULT 'TEXT \"x\" TEXT'\n)",
            "CREATE INDEX \"ix_note_text\" ON \"note\" (\"uuid\", \"text\")",
            "CREATE INDEX \"text\" ON \"note\" (\"uuid\")",
            "ALTER TABLE \"note\" ADD COLUMN \"more\" text NULL",
            "CREATE INDEX \"ix_note_more\" ON \"note\" (\"more\")",
            "UPDATE \"note\" SET \"more\" = 'TEXT'",
        ]);
        assert_eq!(
            sql,
            [
                "CREATE TABLE \"note\" (\n    \"uuid\" CHAR(32) NOT NULL,\n    \"text\" LONGTEXT DEFAULT 'TEXT \"x\" TEXT'\n) \
                 ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin",
                "CREATE INDEX \"ix_note_text\" ON \"note\" (\"uuid\", \"text\"(255))",
                "CREATE INDEX \"text\" ON \"note\" (\"uuid\")",
                "ALTER TABLE \"note\" ADD COLUMN \"more\" LONGTEXT NULL",
                "CREATE INDEX \"ix_note_more\" ON \"note\" (\"more\"(255))",
                "UPDATE \"note\" SET \"more\" = 'TEXT'",
            ]
        );
    }

    #[test]
    fn a_statement_for_one_dialect_is_left_out_of_the_other() {
        let both = ["-- why\n-- on mariadb\nDROP INDEX x ON y", "-- on sqlite\nDROP INDEX x", "-- nothing"];
        assert_eq!(rendered(&both), ["DROP INDEX x ON y"]);
        let mut sqlite = Renderer::new(Dialect::Sqlite, "");
        assert_eq!(both.iter().filter_map(|sql| sqlite.render(sql)).collect::<Vec<_>>(), ["DROP INDEX x"]);
    }
}
