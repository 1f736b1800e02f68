//! What a run leaves for programs: per line, when it began and ended, and what was remembered.

use std::{collections::BTreeMap, path::Path};

use serde::Serialize;
use serde_json::Value;

use crate::CliError;

/// The outcome of a scenario. Secrets in lines are starred out, and given values are not in it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The scenario's name.
    pub scenario: String,
    /// Whether every line did what it should.
    pub passed: bool,
    /// All of it, in seconds.
    pub seconds: f64,
    /// The lines that were run, the failed one last.
    pub lines: Vec<LineReport>,
    /// What is remembered, by name: inventories as they were answered.
    pub values: BTreeMap<String, Value>,
}

/// One line that was run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LineReport {
    /// Where it begins in the file, counted from 1.
    pub line: usize,
    /// As typed, without secrets.
    pub text: String,
    /// `CreateVmInstance`; absent for a shell command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verb: Option<String>,
    /// When it began, in seconds from the start of the scenario.
    pub began: f64,
    /// When it ended, likewise.
    pub ended: f64,
    /// How often a shell command was tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tries: Option<u32>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl Report {
    /// Writes it as JSON.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), CliError> {
        let text = serde_json::to_string_pretty(self).map_err(std::io::Error::from);
        let written = text.and_then(|text| std::fs::write(path, text + "\n"));
        written.map_err(|cause| CliError::Write { what: path.display().to_string(), cause })
    }
}
