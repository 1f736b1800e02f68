//! System tags: declared patterns like `reservedMemory::{capacity}`, so that a tag with a typing error is refused instead of
//! meaning nothing.

mod new;
mod pattern;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use cumulo_schema::{ErrorCode, Uuid, system::SystemTag};

pub use new::NewTags;

use crate::{Kernel, db::Db, ownership};

/// A declared system tag.
#[derive(Debug, Clone, Copy)]
pub struct TagDef {
    /// The VO of the resource it is for; [`ANY`] for every resource.
    pub resource: &'static str,
    /// `qemu-img::version::{version}`, or a plain text.
    pub pattern: &'static str,
    /// What it does.
    pub doc: &'static str,
    /// Refuses a token's wrong value with what would be right.
    pub check: fn(&HashMap<String, String>) -> Result<(), String>,
}

/// The `resource` of tags that any resource may have.
pub const ANY: &str = "ResourceVO";

/// Accepts any tokens.
///
/// # Errors
/// Never.
pub fn any_tokens(_: &HashMap<String, String>) -> Result<(), String> {
    Ok(())
}

impl TagDef {
    /// The tokens of `tag`, if it is of this pattern.
    #[must_use]
    pub fn tokens(&self, tag: &str) -> Option<HashMap<String, String>> {
        pattern::tokens(self.pattern, tag)
    }

    /// A tag of this pattern with `tokens` filled in.
    #[must_use]
    pub fn instantiate(&self, tokens: &[(&str, &str)]) -> String {
        tokens.iter().fold(self.pattern.to_owned(), |tag, (name, value)| tag.replace(&format!("{{{name}}}"), value))
    }

    /// This tag's tokens on `resource`, if it has one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn on(&self, db: &Db, resource: Uuid) -> Result<Option<HashMap<String, String>>, ErrorCode> {
        let tags = db.select::<SystemTag>().eq(SystemTag::RESOURCE_UUID, &resource).all().await?;
        Ok(tags.iter().find_map(|tag| self.tokens(&tag.tag)))
    }

    /// Puts `tag`, which is of this pattern, on `resource` in place of those of the pattern that it has; `None` only takes
    /// those off.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set(&self, kernel: &Kernel, resource: Uuid, tag: Option<&str>) -> Result<(), ErrorCode> {
        let set = async {
            let db = kernel.db();
            let rows = db.select::<SystemTag>().eq(SystemTag::RESOURCE_UUID, &resource).all().await?;
            let before = rows.iter().filter(|row| self.tokens(&row.tag).is_some());
            let before: Vec<Uuid> = before.map(|row| row.uuid).collect();
            let mut batch = db.batch();
            if !before.is_empty() {
                batch.delete::<SystemTag>().one_of(SystemTag::UUID, &before).any();
            }
            if let Some(tag) = tag {
                batch.insert(&ownership::system_tag(self.resource, resource, tag, false));
            }
            Ok(db.commit(batch).await.map(drop)?)
        };
        // Two calls at once would both find the tag of before, and leave one each.
        kernel.queues().run(&format!("set-tag:{resource}"), 1, set).await
    }

    fn is_for(&self, vo: &str) -> bool {
        self.resource == vo || self.resource == ANY
    }
}

/// The declared system tags of a node.
#[derive(Debug, Default)]
pub struct TagDefs(Vec<TagDef>);

/// Tags that only steer the call they come with and are never stored.
const EPHEMERAL: [&str; 1] = ["validationOnly"];
/// The same, by how they begin: what a client's own library leaves for itself.
const EPHEMERAL_PREFIXES: [&str; 1] = ["encryptionParam::"];

impl TagDefs {
    pub(crate) fn new(defs: Vec<TagDef>) -> Self {
        Self(defs)
    }

    /// Every declared tag.
    #[must_use]
    pub fn all(&self) -> &[TagDef] {
        &self.0
    }

    /// Checks a system tag that is to be put on a resource of `vo`. Of several patterns that fit in form the one counts
    /// whose tokens have right values.
    ///
    /// # Errors
    /// SYS.1007 when no declared pattern fits it, a token's value is wrong, or two patterns claim it.
    pub fn check(&self, vo: &str, tag: &str) -> Result<(), ErrorCode> {
        if self.is_ephemeral(tag) {
            return Ok(());
        }
        let fitting: Vec<(&TagDef, Result<(), String>)> = self
            .0
            .iter()
            .filter(|def| def.is_for(vo))
            .filter_map(|def| def.tokens(tag).map(|tokens| (def, (def.check)(&tokens))))
            .collect();
        let right: Vec<&TagDef> = fitting.iter().filter(|(_, checked)| checked.is_ok()).map(|(def, _)| *def).collect();
        match (right.as_slice(), fitting.first()) {
            ([_], _) => Ok(()),
            ([one, other, ..], _) => Err(ErrorCode::invalid(format!(
                "the system tag '{tag}' on {vo} is of two patterns, '{}' and '{}'; say which is meant by another tag",
                one.pattern, other.pattern
            ))),
            ([], Some((_, Err(problem)))) => {
                Err(ErrorCode::invalid(format!("the system tag '{tag}' on {vo}: {problem}")))
            }
            ([], _) => Err(ErrorCode::invalid(format!("no system tag like '{tag}' is declared for {vo}"))),
        }
    }

    /// Whether a tag only steers its call.
    #[must_use]
    pub fn is_ephemeral(&self, tag: &str) -> bool {
        EPHEMERAL.contains(&tag) || EPHEMERAL_PREFIXES.iter().any(|prefix| tag.starts_with(prefix))
    }
}
