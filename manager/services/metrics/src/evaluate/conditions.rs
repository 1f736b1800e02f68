//! Conditions on labels and on values.

use std::collections::BTreeMap;

use cumulo_kernel::query::{LabelFilter, LabelOp};
use cumulo_schema::ErrorCode;
use regex::{Regex, RegexBuilder};

/// Memory that a regular expression may take, bytes.
const EXPRESSION: usize = 1 << 20;

#[derive(Debug)]
pub(super) struct Labels(Vec<(String, Test)>);

#[derive(Debug)]
struct Test {
    how: How,
    /// What is asked for is the contrary.
    not: bool,
}

#[derive(Debug)]
enum How {
    Equal(String),
    Matches(Regex),
}

impl Labels {
    /// # Errors
    /// SYS.1007 for an expression that is none.
    pub(super) fn new(filters: &[LabelFilter]) -> Result<Self, ErrorCode> {
        let test = |filter: &LabelFilter| {
            let how = match filter.op {
                LabelOp::Equal | LabelOp::NotEqual => How::Equal(filter.value.clone()),
                LabelOp::Matches | LabelOp::MatchesNot => How::Matches(expression(&filter.value)?),
            };
            let not = matches!(filter.op, LabelOp::NotEqual | LabelOp::MatchesNot);
            Ok((filter.name.clone(), Test { how, not }))
        };
        Ok(Self(filters.iter().map(test).collect::<Result<_, ErrorCode>>()?))
    }

    /// Whether what is said of the label `name` allows `value`.
    pub(super) fn allow(&self, name: &str, value: &str) -> bool {
        self.0.iter().filter(|(of, _)| of == name).all(|(_, test)| test.allows(value))
    }

    /// Whether everything that is said holds; a label that is not there is empty.
    pub(super) fn allow_all(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|(name, test)| test.allows(labels.get(name).map_or("", String::as_str)))
    }
}

impl Test {
    fn allows(&self, value: &str) -> bool {
        let holds = match &self.how {
            How::Equal(other) => other == value,
            How::Matches(expression) => expression.is_match(value),
        };
        holds != self.not
    }
}

/// Of the whole label, as Prometheus does it.
fn expression(text: &str) -> Result<Regex, ErrorCode> {
    let whole = RegexBuilder::new(&format!("^(?:{text})$")).size_limit(EXPRESSION).build();
    whole.map_err(|cause| ErrorCode::invalid("a label's regular expression cannot be used").because_of(&cause))
}

/// Conditions on a point's value, all of which have to hold: `>80`.
#[derive(Debug)]
pub(super) struct Values(Vec<(Compare, f64)>);

type Compare = fn(&f64, &f64) -> bool;

const COMPARES: [(&str, Compare); 6] =
    [(">=", f64::ge), ("<=", f64::le), ("!=", f64::ne), (">", f64::gt), ("<", f64::lt), ("=", f64::eq)];

impl Values {
    /// # Errors
    /// SYS.1007 for a condition that is none.
    pub(super) fn new(conditions: &[String]) -> Result<Self, ErrorCode> {
        let read = |text: &String| {
            let text = text.trim();
            let (sign, compare) = COMPARES.iter().find(|(sign, _)| text.starts_with(sign))?;
            let number = text[sign.len()..].trim().parse::<f64>().ok().filter(|number| number.is_finite())?;
            Some((*compare, number))
        };
        let refused = || ErrorCode::invalid("a value condition is one of > >= < <= = != and a number: '>80'");
        let conditions: Option<Vec<_>> = conditions.iter().map(read).collect();
        conditions.map(Self).ok_or_else(refused)
    }

    pub(super) fn allow(&self, value: f64) -> bool {
        self.0.iter().all(|(compare, number)| compare(&value, number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_compared_as_a_whole() {
        let filter = |op, value: &str| LabelFilter { name: "CPUNum".into(), op, value: value.into() };
        for (op, value, one, eleven) in [
            (LabelOp::Equal, "1", true, false),
            (LabelOp::NotEqual, "1", false, true),
            (LabelOp::Matches, "1|2", true, false),
            (LabelOp::Matches, "1.*", true, true),
            (LabelOp::MatchesNot, ".1", true, false),
        ] {
            let labels = Labels::new(&[filter(op, value)]).expect("fine");
            assert_eq!((labels.allow("CPUNum", "1"), labels.allow("CPUNum", "11")), (one, eleven), "{op:?} {value}");
            assert!(labels.allow("VMUuid", "x"), "nothing is said of it");
        }
        assert!(!Labels::new(&[filter(LabelOp::Equal, "1")]).expect("fine").allow_all(&BTreeMap::new()));
        for bad in ["(", "(a{1000}){1000}"] {
            assert!(Labels::new(&[filter(LabelOp::Matches, bad)]).is_err(), "{bad}");
        }
    }

    #[test]
    fn values_are_compared_with_numbers() {
        let allow = |text: &str, value| Values::new(&[text.to_owned()]).map(|values| values.allow(value));
        assert_eq!(allow(">80", 80.5), Ok(true));
        assert_eq!(allow(" <= 80", 80.5), Ok(false));
        assert_eq!(allow("!=1", 1.0), Ok(false));
        for bad in ["80", ">", ">x", ">NaN", "~1"] {
            assert!(allow(bad, 1.0).is_err(), "{bad}");
        }
    }
}
