//! System tags: declared patterns like `reservedMemory::{capacity}`, so that a tag with a typing error is refused instead of
//! meaning nothing.

use std::collections::HashMap;

use cumulo_schema::{ErrorCode, Uuid, system::SystemTag};

use crate::db::Db;

/// A declared system tag.
#[derive(Debug, Clone, Copy)]
pub struct TagDef {
    /// The VO of the resource it is for.
    pub resource: &'static str,
    /// `qemu-img::version::{version}`, or a plain text.
    pub pattern: &'static str,
    /// What it does.
    pub doc: &'static str,
    /// Refuses a token's wrong value with what would be right.
    pub check: fn(&HashMap<String, String>) -> Result<(), String>,
}

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
        let mut tokens = HashMap::new();
        let mut rest = tag;
        let mut parts = self.pattern.split("::").peekable();
        while let Some(part) = parts.next() {
            // The last token takes all that is left: values may hold colons themselves.
            let (value, left) = match parts.peek() {
                Some(_) => rest.split_once("::")?,
                None => (rest, ""),
            };
            match part.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                Some(name) => {
                    tokens.insert(name.to_owned(), value.to_owned());
                }
                None if part == value => {}
                None => return None,
            }
            rest = left;
        }
        Some(tokens)
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
}

/// The declared system tags of a node.
#[derive(Debug, Default)]
pub struct TagDefs(Vec<TagDef>);

/// Tags that only steer the call they come with and are never stored.
const EPHEMERAL: [&str; 1] = ["validationOnly"];

impl TagDefs {
    pub(crate) fn new(defs: Vec<TagDef>) -> Self {
        Self(defs)
    }

    /// Checks a system tag that is to be put on a resource of `vo`.
    ///
    /// # Errors
    /// SYS.1007 when no declared pattern fits it, or a token's value is wrong.
    pub fn check(&self, vo: &str, tag: &str) -> Result<(), ErrorCode> {
        if self.is_ephemeral(tag) {
            return Ok(());
        }
        let fits = self.0.iter().filter(|def| def.resource == vo).find_map(|def| Some((def, def.tokens(tag)?)));
        match fits {
            Some((def, tokens)) => (def.check)(&tokens)
                .map_err(|problem| ErrorCode::invalid(format!("the system tag '{tag}' on {vo}: {problem}"))),
            None => Err(ErrorCode::invalid(format!("no system tag like '{tag}' is declared for {vo}"))),
        }
    }

    /// Whether a tag only steers its call.
    #[must_use]
    pub fn is_ephemeral(&self, tag: &str) -> bool {
        EPHEMERAL.contains(&tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSION: TagDef =
        TagDef { resource: "HostVO", pattern: "qemu-img::version::{version}", doc: "", check: any_tokens };

    #[test]
    fn tokens_are_read_and_filled_in() {
        let tokens = VERSION.tokens("qemu-img::version::7.2::deb").expect("fits");
        assert_eq!(tokens["version"], "7.2::deb");
        assert_eq!(VERSION.instantiate(&[("version", "7.2")]), "qemu-img::version::7.2");
        for other in ["qemu-img::version", "qemu::version::1", "", "qemu-img"] {
            assert_eq!(VERSION.tokens(other), None, "{other}");
        }
    }

    #[test]
    fn an_undeclared_tag_is_refused() {
        let defs = TagDefs::new(vec![VERSION]);
        assert!(defs.check("HostVO", "qemu-img::version::1").is_ok());
        assert!(defs.check("VmInstanceVO", "qemu-img::version::1").is_err());
        assert!(defs.check("HostVO", "qemu-img::versoin::1").is_err());
    }
}
