//! `$name`: what earlier answers held, and paths into it.

use std::{collections::BTreeMap, fmt};

use serde_json::Value;

use super::CommandError;
use crate::catalog::nearest;

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// `.member`
    Member(String),
    /// `[index]`
    Index(usize),
}

/// `$name.member[0].member`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// What was remembered under this name ...
    pub name: String,
    /// ... and the way into it.
    pub path: Vec<Step>,
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.path.iter().try_for_each(|step| match step {
            Step::Member(name) => write!(f, ".{name}"),
            Step::Index(index) => write!(f, "[{index}]"),
        })
    }
}

/// Whether `text` can follow `->` and `$`.
#[must_use]
pub fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

impl Reference {
    /// Reads a reference at the start of `chars`, `$` first, and says how many characters it takes. `None` when no name
    /// follows the `$`. Without braces the path ends before a `.` or `[` that does not continue it, so that a sentence
    /// may end after `$vm`.
    #[must_use]
    pub fn read(chars: &[char]) -> Option<(Self, usize)> {
        if chars.first() != Some(&'$') {
            return None;
        }
        let braced = chars.get(1) == Some(&'{');
        let start = if braced { 2 } else { 1 };
        let name = identifier(&chars[start..])?;
        let mut at = start + name.len();
        let mut path = Vec::new();
        while let Some((step, length)) = Self::step(&chars[at..]) {
            path.push(step);
            at += length;
        }
        if braced {
            if chars.get(at) != Some(&'}') {
                return None;
            }
            at += 1;
        }
        Some((Self { name, path }, at))
    }

    fn step(chars: &[char]) -> Option<(Step, usize)> {
        match chars.first()? {
            '.' => {
                identifier(&chars[1..]).map(|name| (name.len() + 1, name)).map(|(len, name)| (Step::Member(name), len))
            }
            '[' => {
                let digits: String = chars[1..].iter().take_while(|c| c.is_ascii_digit()).collect();
                (chars.get(1 + digits.len()) == Some(&']'))
                    .then(|| digits.parse().ok())
                    .flatten()
                    .map(|index| (Step::Index(index), digits.len() + 2))
            }
            _ => None,
        }
    }
}

/// The ASCII identifier at the start of `chars`.
fn identifier(chars: &[char]) -> Option<String> {
    let text: String = chars.iter().take_while(|c| c.is_ascii_alphanumeric() || **c == '_').collect();
    is_name(&text).then_some(text)
}

/// Remembered values by name. Not `Debug`: given values may be passwords.
#[derive(Default)]
pub struct Variables {
    remembered: BTreeMap<String, Value>,
    given: BTreeMap<String, String>,
}

impl Variables {
    /// Sets `name` to a text that came from outside; it is used like any other but never reported.
    pub fn give(&mut self, name: impl Into<String>, text: impl Into<String>) {
        self.given.insert(name.into(), text.into());
    }

    /// Keeps what `answer` is about under `name`: its inventory, the first of its inventories, else all of it.
    ///
    /// # Errors
    /// When a query found nothing to keep.
    pub fn remember(&mut self, name: &str, answer: &Value) -> Result<(), CommandError> {
        let kept = match (answer.get("inventory"), answer.get("inventories")) {
            (Some(inventory), _) => inventory,
            (None, Some(Value::Array(inventories))) => {
                inventories.first().ok_or_else(|| CommandError::NothingToKeep { name: name.to_owned() })?
            }
            (None, _) => answer,
        };
        self.remembered.insert(name.to_owned(), kept.clone());
        Ok(())
    }

    /// What was remembered, without what was given.
    #[must_use]
    pub fn remembered(&self) -> &BTreeMap<String, Value> {
        &self.remembered
    }

    /// Every name that may follow a `$`.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.remembered.keys().chain(self.given.keys()).map(String::as_str)
    }

    /// Whether `name` stands for something.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        self.remembered.contains_key(name) || self.given.contains_key(name)
    }

    /// What `reference` stands for; a whole inventory stands for its uuid.
    ///
    /// # Errors
    /// When nothing has that name, the path leads nowhere, or an inventory has no uuid.
    pub fn resolve(&self, reference: &Reference) -> Result<Value, CommandError> {
        let given = self.given.get(&reference.name).map(|text| Value::String(text.clone()));
        let root =
            self.remembered.get(&reference.name).cloned().or(given).ok_or_else(|| CommandError::UnknownVariable {
                name: reference.name.clone(),
                similar: nearest(&reference.name, self.names()).map(str::to_owned),
            })?;
        let nowhere = |problem: String| CommandError::NoSuchPath { reference: reference.to_string(), problem };
        let no = |member: &str| nowhere(format!("there is no {member}"));
        let mut value = &root;
        for step in &reference.path {
            value = match step {
                Step::Member(name) => value.get(name).ok_or_else(|| no(name))?,
                Step::Index(index) => value.get(index).ok_or_else(|| no(&format!("[{index}]")))?,
            };
        }
        match value {
            Value::Object(members) => members.get("uuid").cloned().ok_or_else(|| no("uuid")),
            Value::Null => Err(nowhere("it is null".into())),
            other => Ok(other.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Option<(String, usize)> {
        let chars: Vec<char> = text.chars().collect();
        Reference::read(&chars).map(|(reference, length)| (reference.to_string(), length))
    }

    #[test]
    fn a_path_ends_where_it_stops_making_sense() {
        assert_eq!(read("$vm.vmNics[0].uuid,x"), Some(("vm.vmNics[0].uuid".into(), 18)));
        assert_eq!(read("$vm. Then"), Some(("vm".into(), 3)));
        assert_eq!(read("$vm[x]"), Some(("vm".into(), 3)));
        assert_eq!(read("${vm}.x"), Some(("vm".into(), 5)));
        for none in ["$", "$1", "$(x)", "${", "${vm", "${vm.}", "vm"] {
            assert_eq!(read(none), None, "{none}");
        }
    }

    #[test]
    fn an_inventory_stands_for_its_uuid_and_paths_lead_into_it() {
        let mut variables = Variables::default();
        let vm = json!({"inventory": {"uuid": "u1", "cpuNum": 2, "vmNics": [{"uuid": "n1"}], "hostUuid": null}});
        variables.remember("vm", &vm).expect("an inventory");
        variables.remember("l3", &json!({"inventories": [{"uuid": "l"}, {"uuid": "m"}]})).expect("inventories");
        variables.give("HOST_IP", "10.0.0.1");
        let value = |text: &str| {
            let chars: Vec<char> = text.chars().collect();
            variables.resolve(&Reference::read(&chars).expect("a reference").0)
        };
        assert_eq!(value("$vm").ok(), Some(json!("u1")));
        assert_eq!(value("$vm.cpuNum").ok(), Some(json!(2)));
        assert_eq!(value("$vm.vmNics[0]").ok(), Some(json!("n1")));
        assert_eq!(value("$l3").ok(), Some(json!("l")));
        assert_eq!(value("$HOST_IP").ok(), Some(json!("10.0.0.1")));
        let problem = |text: &str| value(text).expect_err(text).to_string();
        assert_eq!(problem("$mv"), "nothing was remembered as $mv");
        assert_eq!(problem("$HOST_PI"), "nothing was remembered as $HOST_PI; did you mean $HOST_IP?");
        assert_eq!(problem("$vm.vmNics[1].uuid"), "$vm.vmNics[1].uuid leads nowhere: there is no [1]");
        assert_eq!(problem("$vm.hostUuid"), "$vm.hostUuid leads nowhere: it is null");
    }

    #[test]
    fn an_empty_query_leaves_nothing_to_keep() {
        let problem = Variables::default().remember("flat", &json!({"inventories": []})).expect_err("empty");
        assert_eq!(problem.to_string(), "the query found nothing to remember as $flat");
    }
}
