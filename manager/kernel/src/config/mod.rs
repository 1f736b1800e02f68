//! Global configuration: settings of the whole cloud, changed through the API while it runs.
//!
//! Settings are declared by who uses them; the table holds one row for each. Reading one is a look into memory.

mod resource;

use std::{
    collections::HashMap,
    fmt::Display,
    str::FromStr,
    sync::{Arc, OnceLock, PoisonError, RwLock},
    time::Duration,
};

use cumulo_schema::{ErrorCode, system::GlobalConfig};

pub use resource::{Binding, Effective, NewValue, ResourceConfigs};

use crate::db::{Db, DbError};

/// One declared setting.
#[derive(Debug, Clone, Copy)]
pub struct ConfigDef {
    /// The part of the system it belongs to: `vm`.
    pub category: &'static str,
    /// Its name there: `expungeInterval`.
    pub name: &'static str,
    /// What it does, with its unit.
    pub description: &'static str,
    /// What it is unless changed.
    pub default: &'static str,
    /// What it may be.
    pub rule: ConfigRule,
}

/// What values a setting may have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ConfigRule {
    /// Any text.
    Text,
    /// `true` or `false`.
    Boolean,
    /// A whole number between the two, inclusive.
    Integer(i64, i64),
    /// A number between the two, inclusive.
    Number(f64, f64),
    /// One of these.
    OneOf(&'static [&'static str]),
    /// A [`Span`] between the two, inclusive.
    Span {
        /// The shortest.
        least: Duration,
        /// The longest.
        most: Duration,
    },
}

/// A time, as settings hold it: a number of milliseconds, or a number with its unit, `90s`, `30m`, `72h`, `3d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unit_at = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(unit_at);
        let factor = match unit {
            "" | "ms" => Some(1),
            "s" => Some(1000),
            "m" => Some(60 * 1000),
            "h" => Some(3600 * 1000),
            "d" => Some(24 * 3600 * 1000),
            _ => None,
        };
        let millis = factor.and_then(|factor| number.parse::<u64>().ok()?.checked_mul(factor));
        let wrong = || "must be a number of milliseconds, or one with a unit as 90s, 30m, 72h or 3d".to_owned();
        millis.map(|millis| Self(Duration::from_millis(millis))).ok_or_else(wrong)
    }
}

impl Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let millis = self.0.as_millis();
        let units = [(24 * 3600 * 1000, "d"), (3600 * 1000, "h"), (60 * 1000, "m"), (1000, "s")];
        match units.into_iter().find(|(factor, _)| millis >= *factor && millis.is_multiple_of(*factor)) {
            Some((factor, unit)) => write!(f, "{}{unit}", millis / factor),
            None => write!(f, "{millis}"),
        }
    }
}

impl ConfigRule {
    fn check(self, value: &str) -> Result<(), String> {
        let within = |least: &dyn Display, most: &dyn Display| Err(format!("must be between {least} and {most}"));
        match self {
            ConfigRule::Text => Ok(()),
            ConfigRule::Boolean => match value {
                "true" | "false" => Ok(()),
                _ => Err("must be true or false".to_owned()),
            },
            ConfigRule::Integer(least, most) => match value.parse::<i64>() {
                Ok(number) if (least..=most).contains(&number) => Ok(()),
                _ => within(&least, &most),
            },
            ConfigRule::Number(least, most) => match value.parse::<f64>() {
                Ok(number) if (least..=most).contains(&number) => Ok(()),
                _ => within(&least, &most),
            },
            ConfigRule::OneOf(values) if values.contains(&value) => Ok(()),
            ConfigRule::OneOf(values) => Err(format!("must be one of {}", values.join(", "))),
            ConfigRule::Span { least, most } => match value.parse::<Span>()? {
                Span(span) if (least..=most).contains(&span) => Ok(()),
                _ => within(&Span(least), &Span(most)),
            },
        }
    }
}

type Values = HashMap<(&'static str, &'static str), String>;

/// The settings; clones share them.
#[derive(Debug, Clone)]
pub struct GlobalConfigs {
    db: Db,
    defs: Arc<OnceLock<Vec<ConfigDef>>>,
    values: Arc<RwLock<Values>>,
}

impl GlobalConfigs {
    pub(crate) fn new(db: Db) -> Self {
        Self { db, defs: Arc::default(), values: Arc::default() }
    }

    /// Makes a row for each setting that has none, and reads them all.
    pub(crate) async fn open(&self, defs: Vec<ConfigDef>) -> Result<(), ErrorCode> {
        let values = loop {
            match self.complete(&defs).await {
                Ok(values) => break values,
                // Another node starts at the same time and made some of them: look again.
                Err(DbError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        };
        *self.values.write().unwrap_or_else(PoisonError::into_inner) = values;
        let opened = self.defs.set(defs).is_ok();
        debug_assert!(opened, "the configuration opens once");
        Ok(())
    }

    /// Reads what other nodes changed.
    pub(crate) async fn refresh(&self) -> Result<(), ErrorCode> {
        let rows = self.db.select::<GlobalConfig>().all().await?;
        let mut values = self.values.write().unwrap_or_else(PoisonError::into_inner);
        for ((category, name), value) in values.iter_mut() {
            if let Some(row) = rows.iter().find(|row| row.category == *category && row.name == *name) {
                value.clone_from(&row.value);
            }
        }
        Ok(())
    }

    async fn complete(&self, defs: &[ConfigDef]) -> Result<Values, DbError> {
        let rows = self.db.select::<GlobalConfig>().all().await?;
        let mut next = rows.iter().map(|row| row.id).max().unwrap_or(0) + 1;
        let mut batch = self.db.batch();
        let mut values = Values::new();
        for def in defs {
            let row = rows.iter().find(|row| row.category == def.category && row.name == def.name);
            values.insert((def.category, def.name), row.map_or(def.default, |row| &row.value).to_owned());
            if row.is_none() {
                batch.insert(&GlobalConfig {
                    id: next,
                    name: def.name.to_owned(),
                    category: def.category.to_owned(),
                    description: def.description.to_owned(),
                    default_value: def.default.to_owned(),
                    value: def.default.to_owned(),
                });
                next += 1;
            }
        }
        if !batch.is_empty() {
            self.db.commit(batch).await?;
        }
        Ok(values)
    }

    /// The value of a declared setting.
    ///
    /// # Errors
    /// When there is no such setting, or its value is none of `T`: a programming error.
    pub fn get<T: FromStr>(&self, category: &str, name: &str) -> Result<T, ErrorCode> {
        let def = self.def(category, name)?;
        let values = self.values.read().unwrap_or_else(PoisonError::into_inner);
        let text = values.get(&(def.category, def.name)).map_or(def.default, String::as_str);
        text.parse().map_err(|_| ErrorCode::internal(format!("the setting {category}/{name} is unreadable: '{text}'")))
    }

    /// Changes a setting; `None` resets it.
    ///
    /// # Errors
    /// SYS.1003 when there is none, SYS.1007 when it may not have that value.
    pub async fn set(&self, category: &str, name: &str, value: Option<&str>) -> Result<(), ErrorCode> {
        let def = *self.def(category, name)?;
        let value = value.unwrap_or(def.default).to_owned();
        if let Err(problem) = def.rule.check(&value) {
            return Err(ErrorCode::invalid(format!("the setting {category}/{name} {problem}, not '{value}'")));
        }
        let mut batch = self.db.batch();
        batch
            .update::<GlobalConfig>()
            .set(GlobalConfig::VALUE, &value)
            .eq(GlobalConfig::CATEGORY, &def.category.to_owned())
            .eq(GlobalConfig::NAME, &def.name.to_owned())
            .any();
        self.db.commit(batch).await?;
        self.values.write().unwrap_or_else(PoisonError::into_inner).insert((def.category, def.name), value);
        Ok(())
    }

    /// Resets every setting.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn reset(&self) -> Result<(), ErrorCode> {
        for def in self.defs() {
            self.set(def.category, def.name, None).await?;
        }
        Ok(())
    }

    /// What a declared setting is.
    ///
    /// # Errors
    /// SYS.1003 when there is none.
    pub fn def(&self, category: &str, name: &str) -> Result<&ConfigDef, ErrorCode> {
        self.defs().iter().find(|def| def.category == category && def.name == name).ok_or_else(|| {
            let details = format!("there is no setting {category}/{name}");
            ErrorCode::new(cumulo_schema::codes::RESOURCE_NOT_FOUND, details)
        })
    }

    /// Every declared setting.
    #[must_use]
    pub fn defs(&self) -> &[ConfigDef] {
        self.defs.get().map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_with_and_without_unit() {
        let read = |text: &str| text.parse::<Span>().map(|span| span.0);
        for (text, seconds) in
            [("90000", 90), ("90000ms", 90), ("90s", 90), ("30m", 1800), ("72h", 259_200), ("3d", 259_200)]
        {
            assert_eq!(read(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in
            ["", "h", "-1", "1.5h", "1 h", "1h30m", "72H", "1w", "99999999999999999999", "18446744073709551615d"]
        {
            assert!(read(text).is_err(), "{text}");
        }
        for text in ["3d", "73h", "90s", "1m", "1"] {
            assert_eq!(text.parse::<Span>().expect("read").to_string(), text);
        }
    }

    #[test]
    fn a_span_is_held_between_its_bounds() {
        let rule = ConfigRule::Span { least: Duration::from_mins(5), most: Duration::from_hours(720) };
        assert!(["5m", "300000", "30d", "72h"].iter().all(|text| rule.check(text).is_ok()));
        let refused = rule.check("299999").expect_err("too short");
        assert_eq!(refused, "must be between 5m and 30d");
        assert!(rule.check("31d").is_err() && rule.check("soon").is_err());
    }
}
