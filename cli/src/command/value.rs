//! Arguments of commands as values of their parameters' declared types.

use cumulo_schema::{ApiMeta, ParamKind, ParamMeta};
use serde_json::{Map, Value};

use super::{Argument, Command, CommandError, Operator, Piece, Variables};
use crate::{
    catalog::nearest,
    literal::{self, Unit},
};

/// The parameters that `command` gives to `api`, typed. Rules are not checked here.
///
/// # Errors
/// When a name is not declared or given twice, or a value is not of its parameter's type.
pub fn arguments(
    api: &'static ApiMeta,
    command: &Command,
    variables: &Variables,
) -> Result<Map<String, Value>, CommandError> {
    let mut typed = Map::new();
    for argument in &command.arguments {
        let param = api.param(&argument.name).ok_or_else(|| CommandError::UnknownParameter {
            api: api.name,
            name: argument.name.clone(),
            similar: nearest(&argument.name, api.params.iter().map(|param| param.name)).map(str::to_owned),
        })?;
        if argument.operator != Operator::Equal {
            let operator = argument.operator.as_str();
            return Err(CommandError::NotAQuery { api: api.name, name: argument.name.clone(), operator });
        }
        let value = value(param, &fill(argument, variables)?)?;
        if typed.insert(param.name.to_owned(), value).is_some() {
            return Err(CommandError::Twice { name: argument.name.clone() });
        }
    }
    Ok(typed)
}

/// The value of `argument` with its references filled in.
///
/// # Errors
/// When a reference stands for nothing.
pub(super) fn fill(argument: &Argument, variables: &Variables) -> Result<Vec<Unit>, CommandError> {
    let unit = |piece: &Piece| match piece {
        Piece::Bare(c) | Piece::Quoted(c) => Ok(Unit::Char(*c)),
        Piece::Variable(reference) => variables.resolve(reference).map(Unit::Filled),
    };
    argument.value.iter().map(unit).collect()
}

/// `units` as plain text.
///
/// # Errors
/// When a list or map was filled in.
pub(super) fn plain(name: &str, units: &[Unit]) -> Result<String, CommandError> {
    literal::text(units).map_err(|cause| CommandError::Literal { name: name.to_owned(), cause })
}

/// `units` as a value of `param`'s type.
fn value(param: &ParamMeta, units: &[Unit]) -> Result<Value, CommandError> {
    let refuse = |problem: String| CommandError::Value { name: param.name.to_owned(), problem };
    let shown = |text: &str| if param.sensitive { String::new() } else { format!(", not '{text}'") };
    let text = || plain(param.name, units);
    match param.kind {
        ParamKind::String => text().map(Value::String),
        ParamKind::Integer => {
            let text = text()?;
            let number = text.parse::<i32>();
            number.map(Value::from).map_err(|_| refuse(format!("must be a whole number of 32 bits{}", shown(&text))))
        }
        ParamKind::Long => {
            let text = text()?;
            let number = quantity(&text);
            number.map(Value::from).ok_or_else(|| {
                refuse(format!("must be a whole number, or one with K, M, G or T for powers of 1024{}", shown(&text)))
            })
        }
        ParamKind::Boolean => {
            let text = text()?;
            let flag = text.to_ascii_lowercase().parse::<bool>();
            flag.map(Value::from).map_err(|_| refuse(format!("must be true or false{}", shown(&text))))
        }
        ParamKind::StringList => list(param, units, |text| Ok(Value::String(text))),
        ParamKind::LongList => list(param, units, |text| {
            quantity(&text).map(Value::from).ok_or_else(|| refuse(format!("must hold whole numbers{}", shown(&text))))
        }),
        ParamKind::StringMap | ParamKind::StringListMap => match structure(param, units)? {
            map @ Value::Object(_) => Ok(map),
            _ => Err(refuse("must be a map such as {'key': 'value'}".into())),
        },
        ParamKind::Json(_) if begins_with(units, &['{', '[']) || is_structure(units) => structure(param, units),
        ParamKind::Json(_) => text().map(Value::String),
    }
}

/// A number with an optional binary unit: `4`, `512M`, `8G`.
fn quantity(text: &str) -> Option<i64> {
    let text = text.trim();
    let power = match text.chars().last()?.to_ascii_uppercase() {
        'K' => 1,
        'M' => 2,
        'G' => 3,
        'T' => 4,
        _ => return text.parse().ok(),
    };
    text[..text.len() - 1].parse::<i64>().ok()?.checked_mul(1 << (10 * power))
}

/// `[…]`, a filled-in list, or texts between commas; nothing at all is the empty list.
fn list(
    param: &ParamMeta,
    units: &[Unit],
    item: impl Fn(String) -> Result<Value, CommandError>,
) -> Result<Value, CommandError> {
    if begins_with(units, &['[']) || is_structure(units) {
        let Value::Array(items) = structure(param, units)? else {
            return Err(CommandError::Value { name: param.name.to_owned(), problem: "must be a list".into() });
        };
        let text = |item: Value| match item {
            Value::String(text) => Ok(text),
            Value::Number(_) | Value::Bool(_) => Ok(item.to_string()),
            _ => Err(CommandError::Value { name: param.name.to_owned(), problem: "must be a flat list".into() }),
        };
        return items.into_iter().map(|value| text(value).and_then(&item)).collect();
    }
    if units.is_empty() {
        return Ok(Value::Array(Vec::new()));
    }
    // Only typed commas separate: one inside a filled-in value is part of it.
    let parts = units.split(|unit| *unit == Unit::Char(','));
    parts.map(|part| item(plain(param.name, part)?.trim().to_owned())).collect()
}

fn structure(param: &ParamMeta, units: &[Unit]) -> Result<Value, CommandError> {
    literal::parse(units).map_err(|cause| CommandError::Literal { name: param.name.to_owned(), cause })
}

/// Whether `units` is one filled-in list or map.
fn is_structure(units: &[Unit]) -> bool {
    matches!(units, [Unit::Filled(Value::Array(_) | Value::Object(_))])
}

fn begins_with(units: &[Unit], brackets: &[char]) -> bool {
    let first = units.iter().find(|unit| !matches!(unit, Unit::Char(c) if c.is_whitespace()));
    matches!(first, Some(Unit::Char(c)) if brackets.contains(c))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::catalog;

    fn typed(line: &str) -> Result<Value, String> {
        let command = Command::read(line).expect("readable").expect("a command");
        let api = catalog().api(&command.verb).expect("declared");
        let mut variables = Variables::default();
        variables.remember("flat", &json!({"inventory": {"uuid": "f,1", "all": ["a,b", "c"]}})).expect("kept");
        arguments(api, &command, &variables).map(Value::Object).map_err(|problem| problem.to_string())
    }

    #[test]
    fn values_take_their_declared_types() {
        assert_eq!(
            typed("CreateInstanceOffering name=small cpuNum=1 memorySize=128M"),
            Ok(json!({"name": "small", "cpuNum": 1, "memorySize": 134_217_728}))
        );
        assert_eq!(typed("CreateL3Network system=True"), Ok(json!({"system": true})));
        assert_eq!(typed("AddImage backupStorageUuids=a, format=qcow2").err().as_deref(), None);
        assert_eq!(typed("AddImage backupStorageUuids='a, b'"), Ok(json!({"backupStorageUuids": ["a", "b"]})));
        assert_eq!(typed("AddImage backupStorageUuids=['a,b', c]"), Ok(json!({"backupStorageUuids": ["a,b", "c"]})));
        assert_eq!(typed("AddImage backupStorageUuids="), Ok(json!({"backupStorageUuids": []})));
    }

    #[test]
    fn the_map_of_the_tutorial_is_read_with_and_without_outer_quotes() {
        let expected = Ok(json!({"networkServices": {"f,1": ["Userdata", "DHCP"]}}));
        for form in [r#""{'$flat':['Userdata','DHCP']}""#, "{'$flat':['Userdata', 'DHCP']}", "{$flat:[Userdata,DHCP]}"]
        {
            assert_eq!(typed(&format!("AttachNetworkServiceToL3Network networkServices={form}")), expected, "{form}");
        }
    }

    #[test]
    fn a_filled_in_value_is_never_split() {
        assert_eq!(typed("AddImage backupStorageUuids=$flat,x"), Ok(json!({"backupStorageUuids": ["f,1", "x"]})));
        assert_eq!(typed("AddImage backupStorageUuids=$flat.all"), Ok(json!({"backupStorageUuids": ["a,b", "c"]})));
        assert!(typed("AddImage name=$flat.all").is_err(), "a list is no text");
    }

    #[test]
    fn problems_name_the_parameter_and_what_to_type() {
        assert_eq!(
            typed("CreateInstanceOffering cpuNum=two").expect_err("no number"),
            "cpuNum must be a whole number of 32 bits, not 'two'"
        );
        assert_eq!(
            typed("CreateZone nmae=x").expect_err("no such"),
            "CreateZone has no parameter nmae; did you mean name?"
        );
        assert_eq!(typed("CreateZone name=a name=b").expect_err("twice"), "name is given twice");
        assert_eq!(
            typed("CreateZone name~=a").expect_err("no query"),
            "CreateZone takes name=…; only queries compare with '~='"
        );
        assert!(typed("CreateInstanceOffering memorySize=9999999999G").is_err(), "overflow is refused");
    }
}
