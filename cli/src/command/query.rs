//! Queries: everything that is not one of a few names is a condition (wire.md calls them `q`).

use super::{Argument, Command, CommandError, Operator, Piece, Variables, value};

/// The names in a query that steer it instead of being a condition, with what they do.
pub const SPECIALS: [(&str, &str); 10] = [
    ("fields", "only these fields, separated by commas"),
    ("sort", "by this field: +name or -name"),
    ("sortBy", "by this field; sort is shorter"),
    ("sortDirection", "asc or desc, with sortBy"),
    ("limit", "at most so many, 1000 unless given"),
    ("start", "leave out the first so many"),
    ("count", "true: only how many there are"),
    ("replyWithCount", "true: also how many there are without the limit"),
    ("groupBy", "accepted for old scripts; changes nothing"),
    ("filterName", "a filter of a plug-in, as type:condition"),
];

/// The query string of a query command, in the order typed.
///
/// # Errors
/// When a name that steers the query is compared or given twice, or a reference stands for nothing.
pub fn parameters(
    api: &'static str,
    command: &Command,
    variables: &Variables,
) -> Result<Vec<(String, String)>, CommandError> {
    let mut parameters: Vec<(String, String)> = Vec::new();
    let (mut sort_by, mut direction) = (None, None);
    for argument in &command.arguments {
        let name = argument.name.as_str();
        let text = value::plain(name, &value::fill(argument, variables)?)?;
        if !SPECIALS.iter().any(|(special, _)| *special == name) {
            parameters.push(("q".into(), condition(argument, &text)));
            continue;
        }
        if argument.operator != Operator::Equal {
            let operator = argument.operator.as_str();
            return Err(CommandError::NotAQuery { api, name: name.to_owned(), operator });
        }
        let twice = match name {
            "sortBy" => sort_by.replace(text).is_some(),
            "sortDirection" => direction.replace(text).is_some(),
            _ => {
                let given = parameters.iter().any(|(known, _)| known == name);
                parameters.push((name.to_owned(), text));
                given
            }
        };
        if twice {
            return Err(CommandError::Twice { name: name.to_owned() });
        }
    }
    if let Some(field) = sort_by {
        let sign = if direction.is_some_and(|text| text.eq_ignore_ascii_case("desc")) { '-' } else { '+' };
        parameters.push(("sort".into(), format!("{sign}{field}")));
    }
    Ok(parameters)
}

/// One condition as the wire spells it. An unquoted `null` is no value but its absence.
fn condition(argument: &Argument, text: &str) -> String {
    let is_null = text == "null" && argument.value.iter().all(|piece| matches!(piece, Piece::Bare(_)));
    match argument.operator {
        Operator::Equal if is_null => format!("{} is null", argument.name),
        Operator::NotEqual if is_null => format!("{} not null", argument.name),
        operator => format!("{}{}{text}", argument.name, operator.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters_of(line: &str) -> Result<Vec<(String, String)>, CommandError> {
        let command = Command::read(line).expect("readable").expect("a command");
        parameters("QueryVmNic", &command, &Variables::default())
    }

    fn pairs(line: &str) -> Vec<String> {
        let found = parameters_of(line).expect("a query");
        found.into_iter().map(|(name, value)| format!("{name}: {value}")).collect()
    }

    #[test]
    fn conditions_and_steering_names_are_told_apart() {
        assert_eq!(
            pairs("QueryVmNic fields=ip vmInstance.name=VM1 l3Network.name!~='F L%' limit=5"),
            ["fields: ip", "q: vmInstance.name=VM1", "q: l3Network.name!~=F L%", "limit: 5"]
        );
    }

    #[test]
    fn null_is_an_absence_unless_quoted() {
        assert_eq!(
            pairs("QueryVmNic ip=null mac!=null name='null' x?=null"),
            ["q: ip is null", "q: mac not null", "q: name=null", "q: x?=null"]
        );
    }

    #[test]
    fn both_ways_of_sorting_become_one() {
        assert_eq!(pairs("QueryVmNic sort=-ip"), ["sort: -ip"]);
        assert_eq!(pairs("QueryVmNic sortBy=ip sortDirection=desc"), ["sort: -ip"]);
        assert_eq!(pairs("QueryVmNic sortBy=ip"), ["sort: +ip"]);
    }

    #[test]
    fn a_steering_name_is_given_once_and_with_an_equals_sign() {
        assert!(matches!(parameters_of("QueryVmNic limit=1 limit=2"), Err(CommandError::Twice { .. })));
        assert!(matches!(parameters_of("QueryVmNic limit>1"), Err(CommandError::NotAQuery { .. })));
        assert_eq!(pairs("QueryVmNic ip=a ip=b").len(), 2, "a condition may repeat");
    }
}
