//! What a person or a program gets to see: answers as JSON or tables, errors as sentences, jobs as a spinner.

mod error;
mod plan;
mod spinner;
mod table;

use std::io::{self, Write};

use cumulo_schema::ApiKind;

pub use error::{report, sentence};
pub use spinner::Spinner;

use crate::{Catalog, console::Answer};

/// How answers are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// As they come, indented.
    Json,
    /// As rows and columns.
    Table,
}

/// Writes answers.
pub struct Printer<W> {
    catalog: Catalog,
    out: W,
    format: Option<Format>,
    interactive: bool,
    width: usize,
}

impl<W: Write> Printer<W> {
    /// Writes to `out` in `format`; without one, JSON, and for a person's queries and plans a table. Tables are at most `width`
    /// columns wide.
    pub fn new(catalog: Catalog, out: W, format: Option<Format>, interactive: bool, width: usize) -> Self {
        Self { catalog, out, format, interactive, width }
    }

    /// Writes `answer`.
    ///
    /// # Errors
    /// When `out` does not take it.
    pub fn answer(&mut self, answer: &Answer) -> io::Result<()> {
        let is_query = matches!(answer.api.kind, ApiKind::Query(_));
        let planned = answer.body.get("plan");
        let for_people = self.interactive && (is_query || planned.is_some());
        let usual = if for_people { Format::Table } else { Format::Json };
        let table = match (self.format.unwrap_or(usual), planned) {
            (Format::Table, Some(plan)) => Some(plan::of(plan)),
            (Format::Table, None) => table::of(self.catalog, answer, self.width),
            (Format::Json, _) => None,
        };
        match table {
            Some(table) => writeln!(self.out, "{table}")?,
            None => {
                serde_json::to_writer_pretty(&mut self.out, &answer.body)?;
                writeln!(self.out)?;
            }
        }
        self.out.flush()
    }

    /// Writes a line of text.
    ///
    /// # Errors
    /// When `out` does not take it.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")?;
        self.out.flush()
    }
}

/// `text` with control characters spelled out: names are other people's, and a terminal obeys what it is sent.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}

/// As [`printable`], with line breaks kept.
#[must_use]
pub fn printable_lines(text: &str) -> String {
    text.lines().map(printable).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::catalog;

    fn shown(verb: &str, format: Option<Format>, interactive: bool) -> String {
        let api = catalog().api(verb).expect("declared");
        let body = json!({"inventories": [{"uuid": "u", "name": "z"}]});
        let mut out = Vec::new();
        let mut printer = Printer::new(catalog(), &mut out, format, interactive, 80);
        printer.answer(&Answer { api, body, fields: Vec::new() }).expect("memory takes it");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_person_sees_queries_as_tables_and_a_program_sees_json() {
        assert!(shown("QueryZone", None, true).contains("name"));
        assert!(!shown("QueryZone", None, true).contains('{'));
        for (verb, format, interactive) in
            [("QueryZone", None, false), ("GetFreeIp", None, true), ("QueryZone", Some(Format::Json), true)]
        {
            let read: serde_json::Value = serde_json::from_str(&shown(verb, format, interactive)).expect("JSON");
            assert_eq!(read["inventories"][0]["name"], "z");
        }
        assert!(!shown("QueryZone", Some(Format::Table), false).contains('{'));
    }

    #[test]
    fn a_terminal_is_told_nothing_by_a_name() {
        assert_eq!(printable("a\u{1b}[2Jb\u{9b}é\n"), "a\\u{1b}[2Jb\\u{9b}é\\n");
        assert_eq!(printable_lines("a\nb\r"), "a\nb\\r");
    }
}
