//! Tag patterns: made once, attached to many.

use async_trait::async_trait;
use cumulo_contracts::api::tag::{CreateTag, UpdateTag};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    db::DbError,
};
use cumulo_schema::{
    ErrorCode, Inventory, codes,
    system::{TagPattern, TagPatternType},
};

use super::Tags;

#[async_trait]
impl HandleApi<CreateTag> for Tags {
    async fn handle(&self, cx: &ApiCx, api: CreateTag) -> Result<Inventory<TagPattern>, ErrorCode> {
        let kind = if api.r#type == "withToken" { TagPatternType::WithToken } else { TagPatternType::Simple };
        check_value(&api.value, kind)?;
        let now = cx.now();
        let pattern = TagPattern {
            uuid: cx.resource_uuid,
            name: api.name,
            value: api.value,
            description: api.description,
            color: api.color,
            r#type: kind,
            create_date: now,
            last_op_date: now,
        };
        match self.store.insert_pattern(cx, &pattern).await {
            // This very call made it before a crash, or the id is taken.
            Err(DbError::Conflict { .. }) => {
                let there = self.store.pattern(pattern.uuid).await?;
                if there.is_none_or(|there| there.name != pattern.name || there.value != pattern.value) {
                    let details = format!("the id {} is taken; choose another resourceUuid", pattern.uuid);
                    return Err(ErrorCode::new(codes::CREATE_RESOURCE, details));
                }
            }
            inserted => inserted?,
        }
        cx.inventory::<TagPattern>(&pattern.uuid).await
    }
}

#[async_trait]
impl HandleApi<UpdateTag> for Tags {
    async fn handle(&self, cx: &ApiCx, api: UpdateTag) -> Result<Inventory<TagPattern>, ErrorCode> {
        self.store.update_pattern(&api).await?;
        cx.inventory::<TagPattern>(&api.uuid).await
    }
}

/// Tokens stand between `::`, each whole and in braces, and only a pattern with tokens has them.
fn check_value(value: &str, kind: TagPatternType) -> Result<(), ErrorCode> {
    let is_token = |part: &str| {
        let name = part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        name.is_some_and(|name| {
            !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        })
    };
    let parts: Vec<&str> = value.split("::").collect();
    let broken = parts.iter().any(|part| !is_token(part) && part.contains(['{', '}']));
    let tokens = parts.iter().filter(|part| is_token(part)).count();
    match kind {
        _ if broken => Err(ErrorCode::invalid(format!(
            "field[value] '{value}' is no pattern: a token is a word in braces, alone between '::'"
        ))),
        TagPatternType::Simple if tokens > 0 => {
            Err(ErrorCode::invalid("field[value] of a simple tag has no tokens; choose the type withToken"))
        }
        TagPatternType::WithToken if tokens == 0 => {
            Err(ErrorCode::invalid("field[value] of a tag withToken needs a token, as in room::{number}"))
        }
        TagPatternType::Simple | TagPatternType::WithToken => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_texts_or_patterns_with_whole_tokens() {
        use TagPatternType::{Simple, WithToken};
        for (value, kind, good) in [
            ("gold", Simple, true),
            ("room::7", Simple, true),
            ("room::{number}", Simple, false),
            ("room::{number}", WithToken, true),
            ("{a}::{b}", WithToken, true),
            ("room", WithToken, false),
            ("room::x{number}", WithToken, false),
            ("room::{}", WithToken, false),
            ("room::{a b}", WithToken, false),
        ] {
            assert_eq!(check_value(value, kind).is_ok(), good, "{value} {kind}");
        }
    }
}
