//! Tags that come with a new resource, written in the batch that makes it.

use std::collections::BTreeSet;

use cumulo_schema::{ErrorCode, Uuid, codes, system::TagPattern};
use serde::{Deserialize, Serialize};

use super::TagDefs;
use crate::db::Db;

/// Tags to be created together with a resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewTags {
    /// Tags the system understands.
    pub system: Vec<String>,
    /// Tags that mean something to people.
    pub user: Vec<String>,
    /// Tag patterns that it carries.
    #[serde(default)]
    pub patterns: Vec<Patterned>,
}

/// A user tag made from a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patterned {
    /// The pattern.
    pub pattern: Uuid,
    /// The tag's text.
    pub tag: String,
}

impl NewTags {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.system.is_empty() && self.user.is_empty() && self.patterns.is_empty()
    }

    /// Adds what the patterns called `uuids` say. Those that are gone, or need tokens that nobody gave, are refused.
    pub(crate) async fn add_patterns(&mut self, db: &Db, uuids: &[Uuid]) -> Result<(), ErrorCode> {
        for uuid in uuids {
            let pattern = db.find(TagPattern::UUID, uuid).await?;
            let pattern = pattern.ok_or_else(|| ErrorCode::not_found("TagPattern", uuid))?;
            if pattern.value.contains('{') {
                return Err(ErrorCode::invalid(format!(
                    "the tag pattern {}[uuid:{uuid}] has tokens; attach it after the resource is made",
                    pattern.name
                )));
            }
            self.patterns.push(Patterned { pattern: *uuid, tag: pattern.value });
        }
        Ok(())
    }

    /// Checks tags of a new resource of the kind `vo`, and drops those that only steer the call.
    pub(crate) fn settle(&mut self, defs: &TagDefs, vo: &str) -> Result<(), ErrorCode> {
        self.system.iter().try_for_each(|tag| defs.check(vo, tag))?;
        self.system.retain(|tag| !defs.is_ephemeral(tag));
        if self.user.iter().any(String::is_empty) {
            return Err(ErrorCode::invalid("a user tag must not be empty"));
        }
        let user = self.user.iter().chain(self.patterns.iter().map(|patterned| &patterned.tag));
        for tags in [self.system.iter().collect::<Vec<_>>(), user.collect()] {
            let mut seen = BTreeSet::new();
            if let Some(twice) = tags.into_iter().find(|tag| !seen.insert(*tag)) {
                return Err(ErrorCode::new(codes::DUPLICATED_TAG, format!("the tag '{twice}' is given twice")));
            }
        }
        Ok(())
    }
}
