//! From the query string of a Query API to a question (wire.md §4).

use cumulo_schema::{ErrorCode, ResourceMeta};

use super::{Answer, Filter, Name, RowFilterCall, Select, Sort, SortKey, parse_condition, sql::MAX_COMPARISONS};

/// Why a query string is no question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestError {
    /// Answered with 400 and this text.
    Malformed(String),
    /// Answered inside the error envelope.
    Refused(ErrorCode),
}

/// Reads the pairs of a query string. Parameters that Query APIs do not know are ignored.
///
/// # Errors
/// When a condition has no operator, or a number or flag is none.
pub fn parse_request(
    target: &'static ResourceMeta,
    pairs: &[(String, String)],
    uuid: Option<&str>,
) -> Result<Select, RequestError> {
    let mut select = Select::of(target);
    if let Some(uuid) = uuid {
        select.filter = Filter::equals(target.key().wire, uuid);
        return Ok(select);
    }
    let mut conditions: Vec<Filter> = Vec::new();
    for (name, value) in pairs {
        match name.as_str() {
            "q" => {
                let condition = parse_condition(value).ok_or_else(|| {
                    RequestError::Malformed(format!("invalid query condition '{}': no operator found", cut(value)))
                })?;
                if !conditions.contains(&condition) {
                    conditions.push(condition);
                }
                if conditions.len() > MAX_COMPARISONS {
                    let text =
                        format!("a question may hold at most {MAX_COMPARISONS} conditions; use '?=' with a list");
                    return Err(RequestError::Refused(ErrorCode::invalid(text)));
                }
            }
            "limit" => select.limit = number(name, value)?,
            "start" => select.start = number(name, value)?,
            "after" if !value.trim().is_empty() => select.after = Some(value.trim().to_owned()),
            "count" if flag(name, value)? => select.answer = Answer::Count,
            "replyWithCount" if flag(name, value)? => select.with_total = true,
            "sort" => select.sort.extend(value.split(',').filter_map(sort_key)),
            "fields" => {
                let names = value.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
                select.fields.get_or_insert_default().extend(names);
            }
            "filterName" => {
                let (name, condition) = value.split_once(':').ok_or_else(|| {
                    let text = format!("filterName must be 'type:condition', not '{}'", cut(value));
                    RequestError::Refused(ErrorCode::invalid(text))
                })?;
                let (name, condition) = (name.trim().to_owned(), condition.to_owned());
                select.filters.push(RowFilterCall { name, condition });
            }
            _ => {}
        }
    }
    select.filter = Filter::All(conditions);
    Ok(select)
}

/// `+name`, `-name` or `name`; an unescaped `+` arrives as a space.
fn sort_key(text: &str) -> Option<Sort> {
    let text = text.trim();
    let (field, descending) = match text.strip_prefix('-') {
        Some(field) => (field, true),
        None => (text.strip_prefix('+').unwrap_or(text), false),
    };
    let field = field.trim();
    (!field.is_empty()).then(|| Sort { key: SortKey::Field(Name::new(field)), descending })
}

fn number(name: &str, value: &str) -> Result<u64, RequestError> {
    let parsed = value.trim().parse::<u64>().ok().filter(|number| i64::try_from(*number).is_ok());
    parsed.ok_or_else(|| RequestError::Malformed(format!("{name} must be a whole number, not '{}'", cut(value))))
}

fn flag(name: &str, value: &str) -> Result<bool, RequestError> {
    match value.trim().to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" | "" => Ok(false),
        _ => Err(RequestError::Malformed(format!("{name} must be true or false, not '{}'", cut(value)))),
    }
}

fn cut(text: &str) -> String {
    text.chars().take(200).collect()
}
