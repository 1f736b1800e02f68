//! Random statements: as text, and as the tree that the model evaluates.

use cumulo_schema::{FieldKind, ResourceMeta};
use rand::{Rng, seq::IndexedRandom};

use super::{
    library::{Rows, TEXTS},
    model::{Cond, Test, kind_of, meta_of},
};

/// A statement.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) target: &'static ResourceMeta,
    pub(crate) what: What,
    /// Kind, the other resource, when rows belong together.
    pub(crate) join: Option<(&'static str, &'static ResourceMeta, Cond)>,
    pub(crate) cond: Option<Cond>,
    /// Function or nothing, path, descending.
    pub(crate) order: Vec<(Option<&'static str>, Vec<String>, bool)>,
    pub(crate) limit: Option<usize>,
    pub(crate) offset: Option<usize>,
}

/// What is wanted.
#[derive(Debug, Clone)]
pub(crate) enum What {
    Rows { fields: Vec<&'static str>, distinct: bool, group_by: Vec<&'static str>, total: bool },
    Count { group_by: Vec<&'static str>, by_count: bool },
    Sum { fields: Vec<&'static str>, by: &'static str },
    Function { name: &'static str, field: &'static str, group_by: Vec<&'static str> },
}

const ORDERS: [&str; 6] = ["=", "!=", ">", ">=", "<", "<="];
const CONNECTED: [&str; 4] = ["Hall", "Museum", "Shelf", "Book"];

/// Makes random statements over `rows`.
pub(crate) struct Generator<'g, R> {
    pub(crate) rng: &'g mut R,
    pub(crate) rows: &'g Rows,
}

/// The names that a condition on a resource may begin with, and where they lead.
fn joins(target: &str) -> &'static [(&'static str, &'static str)] {
    match target {
        "Hall" | "Museum" => &[("shelves", "Shelf"), ("book", "Book")],
        "Shelf" => &[("hall", "Hall"), ("books", "Book")],
        "Book" => &[("shelf", "Shelf")],
        _ => &[],
    }
}

fn fields(meta: &'static ResourceMeta) -> Vec<&'static str> {
    let parent = meta.parent.map(|parent| meta_of(parent.resource));
    let mut all: Vec<&'static str> = parent.into_iter().chain([meta]).flat_map(|m| m.fields).map(|f| f.wire).collect();
    all.sort_unstable();
    all.dedup();
    all
}

impl<R: Rng> Generator<'_, R> {
    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        *of.choose(self.rng).expect("something to pick")
    }

    fn some_of<T: Copy>(&mut self, of: &[T], most: usize) -> Vec<T> {
        let count = self.rng.random_range(1..=most.min(of.len()));
        of.choose_multiple(self.rng, count).copied().collect()
    }

    pub(crate) fn ask(&mut self) -> Ask {
        let target = meta_of(self.pick(&CONNECTED));
        let what = self.what(target);
        let plain = matches!(&what, What::Rows { distinct: false, group_by, .. } if group_by.is_empty());
        let counted = matches!(&what, What::Count { group_by, .. } if group_by.is_empty());
        let join = ((plain || counted) && self.rng.random_bool(0.25)).then(|| self.join(target)).flatten();
        let other = join.as_ref().map(|(_, meta, _)| *meta);
        let cond = self.rng.random_bool(0.85).then(|| self.cond(target, other, 3));
        let order = self.order(target, other, &what);
        let limit = self.rng.random_bool(0.4).then(|| self.rng.random_range(0..8));
        let offset = self.rng.random_bool(0.3).then(|| self.rng.random_range(0..4));
        Ask { target, what, join, cond, order, limit, offset }
    }

    fn what(&mut self, target: &'static ResourceMeta) -> What {
        let all = fields(target);
        let numbers: Vec<&'static str> = all
            .iter()
            .copied()
            .filter(|f| matches!(kind_of(target, f), FieldKind::Integer | FieldKind::Long))
            .collect();
        let group_by = if self.rng.random_bool(0.3) { self.some_of(&all, 2) } else { vec![] };
        match self.rng.random_range(0..8) {
            0 => What::Count { by_count: self.rng.random() && !group_by.is_empty(), group_by },
            1 => What::Sum { fields: self.some_of(&numbers, 2), by: self.pick(&all) },
            2 => {
                let name = self.pick(&["max", "min", "avg", "sum", "count"]);
                let field = if matches!(name, "avg" | "sum") { self.pick(&numbers) } else { self.pick(&all) };
                let group_by = group_by.into_iter().filter(|by| *by != field).collect();
                What::Function { name, field, group_by }
            }
            3 => {
                What::Rows { fields: self.some_of(&all, 3), distinct: true, group_by: vec![], total: self.rng.random() }
            }
            _ => What::Rows { fields: self.some_of(&all, 4), distinct: false, group_by, total: self.rng.random() },
        }
    }

    fn join(&mut self, target: &'static ResourceMeta) -> Option<(&'static str, &'static ResourceMeta, Cond)> {
        let (other, left, right) = match target.name {
            "Shelf" => self.pick(&[("Hall", "hallUuid", "uuid"), ("Book", "uuid", "shelfUuid")]),
            "Book" => ("Shelf", "shelfUuid", "uuid"),
            "Hall" => ("Shelf", "uuid", "hallUuid"),
            _ => return None,
        };
        let path = |meta: &str, field: &str| vec![meta.to_lowercase(), field.to_owned()];
        let meta = meta_of(other);
        let mut on = vec![Cond::Match(path(target.name, left), "=", path(other, right))];
        if self.rng.random_bool(0.3) {
            let (field, test) = self.leaf(meta);
            on.push(Cond::Test(path(other, &field), test));
        }
        Some((self.pick(&["left", "inner", "right", ""]), meta, Cond::All(on)))
    }

    fn cond(&mut self, target: &'static ResourceMeta, other: Option<&'static ResourceMeta>, depth: usize) -> Cond {
        match self.rng.random_range(0..10) {
            0..=3 if depth > 0 => {
                let parts = (0..self.rng.random_range(2..4)).map(|_| self.cond(target, other, depth - 1)).collect();
                if self.rng.random() { Cond::All(parts) } else { Cond::Any(parts) }
            }
            4 if depth > 0 => self.within(target, depth),
            5 => {
                let mut path = self.path(target);
                let end = path.1;
                let (field, test) = self.member(end);
                path.0.push(field);
                Cond::Test(path.0, test)
            }
            6 if other.is_some() => {
                let meta = other.expect("checked");
                let (field, test) = self.leaf(meta);
                Cond::Test(vec![meta.name.to_lowercase(), field], test)
            }
            _ => {
                let (mut path, end) = self.path(target);
                let (field, test) = self.leaf(end);
                path.push(field);
                Cond::Test(path, test)
            }
        }
    }

    /// Some joins from `target` on, and where they end.
    fn path(&mut self, target: &'static ResourceMeta) -> (Vec<String>, &'static ResourceMeta) {
        let (mut path, mut at) = (Vec::new(), target);
        while path.len() < 3 && self.rng.random_bool(0.4) {
            let (name, next) = self.pick(joins(at.name));
            path.push(name.to_owned());
            at = meta_of(next);
        }
        (path, at)
    }

    fn within(&mut self, target: &'static ResourceMeta, depth: usize) -> Cond {
        let (mut path, end) = self.path(target);
        let other = meta_of(self.pick(&CONNECTED));
        let (mut selected, last) = if self.rng.random_bool(0.3) && !joins(other.name).iter().all(|(n, _)| *n == "book")
        {
            let direct: Vec<_> = joins(other.name).iter().copied().filter(|(name, _)| *name != "book").collect();
            let (name, next) = self.pick(&direct);
            (vec![name.to_owned()], meta_of(next))
        } else {
            (vec![], other)
        };
        // Both sides of one type, and likely to meet.
        let (left, right) = match (end.name, last.name) {
            ("Shelf", "Hall" | "Museum") => ("hallUuid", "uuid"),
            ("Book", "Shelf") => ("shelfUuid", "uuid"),
            ("Shelf", "Book") => ("uuid", "shelfUuid"),
            ("Hall" | "Museum", "Shelf") => ("uuid", "hallUuid"),
            (left, right) => {
                (if left == "Book" { "title" } else { "name" }, if right == "Book" { "title" } else { "name" })
            }
        };
        path.push(left.to_owned());
        selected.push(right.to_owned());
        let cond = self.cond(other, None, depth - 1);
        Cond::Test(path, Test::Within(other.name, selected, Box::new(cond), self.rng.random_bool(0.3)))
    }

    /// A field of `meta` and a test of it.
    fn leaf(&mut self, meta: &'static ResourceMeta) -> (String, Test) {
        let wire = self.pick(&fields(meta));
        let kind = kind_of(meta, wire);
        let operator = match kind {
            FieldKind::Boolean => self.pick(&["=", "!=", "in", "is null"]),
            FieldKind::String => {
                self.pick(&["=", "!=", ">", "<=", "like", "not like", "in", "not in", "is null", "is not null"])
            }
            FieldKind::Uuid => self.pick(&["=", "!=", "in", "not in", "is null", "is not null"]),
            _ => self.pick(&["=", "!=", ">", ">=", "<", "<=", "in", "not in", "is null", "is not null"]),
        };
        (wire.to_owned(), Test::Values(operator, self.values(kind, operator)))
    }

    /// A name under which several values hang, and a test of them.
    fn member(&mut self, meta: &'static ResourceMeta) -> (String, Test) {
        let name = match meta.name {
            "Book" => self.pick(&["themes", "__userTag__", "title"]),
            "Shelf" => self.pick(&["__userTag__", "name"]),
            _ => "name",
        };
        if self.rng.random() {
            let count = self.rng.random_range(1..3);
            let values = (0..count).map(|_| self.pick(&TEXTS).to_owned()).collect();
            // Over a join, "not has" speaks of all that it leads to; the model asks the same.
            return (name.to_owned(), Test::Has(values, self.rng.random()));
        }
        let operator = self.pick(&["=", "!=", "like", "not like", "in", "not in", "is null", "is not null"]);
        (name.to_owned(), Test::Values(operator, self.values(FieldKind::String, operator)))
    }

    fn values(&mut self, kind: FieldKind, operator: &str) -> Vec<String> {
        let count = match operator {
            "is null" | "is not null" => 0,
            "in" | "not in" => self.rng.random_range(1..4),
            _ => 1,
        };
        (0..count).map(|_| self.value(kind, operator)).collect()
    }

    fn value(&mut self, kind: FieldKind, operator: &str) -> String {
        match kind {
            FieldKind::Integer | FieldKind::Long => self.rng.random_range(-1..5).to_string(),
            FieldKind::Boolean => self.rng.random::<bool>().to_string(),
            FieldKind::Timestamp => format!("1970-01-01T00:00:0{}Z", self.rng.random_range(0..4)),
            FieldKind::Uuid => {
                let uuids: Vec<_> = self.rows.shelves.iter().map(|shelf| shelf.uuid).collect();
                let halls: Vec<_> = self.rows.halls.iter().map(|hall| hall.uuid).collect();
                if self.rng.random() { self.pick(&uuids).to_string() } else { self.pick(&halls).to_string() }
            }
            _ if operator.ends_with("like") => self.pick(&["a%", "%b", "%", "_b%", "ab", "__", "%b%"]).to_owned(),
            _ => self.pick(&TEXTS).to_owned(),
        }
    }

    fn order(
        &mut self,
        target: &'static ResourceMeta,
        other: Option<&'static ResourceMeta>,
        what: &What,
    ) -> Vec<(Option<&'static str>, Vec<String>, bool)> {
        let candidates: Vec<Vec<String>> = match what {
            What::Count { group_by, .. } => group_by.iter().map(|field| vec![(*field).to_owned()]).collect(),
            What::Sum { fields, by } => fields.iter().chain([by]).map(|field| vec![(*field).to_owned()]).collect(),
            What::Function { field, group_by, .. } if !group_by.is_empty() => {
                group_by.iter().chain([field]).map(|field| vec![(*field).to_owned()]).collect()
            }
            What::Function { .. } => vec![],
            What::Rows { distinct: true, fields, .. } => fields.iter().map(|field| vec![(*field).to_owned()]).collect(),
            What::Rows { .. } => {
                let own = fields(target).into_iter().map(|field| vec![field.to_owned()]);
                let joined = other.into_iter().flat_map(|meta| {
                    fields(meta).into_iter().map(|field| vec![meta.name.to_lowercase(), field.to_owned()])
                });
                own.chain(joined).collect()
            }
        };
        if candidates.is_empty() || self.rng.random_bool(0.3) {
            return vec![];
        }
        let count = self.rng.random_range(1..=candidates.len().min(2));
        let chosen: Vec<Vec<String>> = candidates.choose_multiple(self.rng, count).cloned().collect();
        let plain = matches!(what, What::Rows { distinct: false, .. });
        let mut order = Vec::new();
        for path in chosen {
            let name = path.last().map(String::as_str);
            let function = match name {
                Some("address") if plain && self.rng.random() => Some("INET_ATON"),
                Some("name" | "title") if plain && self.rng.random_bool(0.3) => {
                    Some(self.pick(&["LENGTH", "upper", "Lower"]))
                }
                Some("height" | "pages") if plain && self.rng.random_bool(0.3) => Some("abs"),
                _ => None,
            };
            order.push((function, path, self.rng.random()));
        }
        order
    }

    /// The statement as somebody might type it.
    pub(crate) fn text(&mut self, ask: &Ask) -> String {
        let entity = self.any_case(ask.target.name);
        let joined = match &ask.join {
            Some((kind, other, on)) => {
                let (kind, join, on) = (self.any_case(kind), self.any_case("join"), self.cond_text(on));
                format!(" {kind} {join} {} on {on}", self.any_case(other.name))
            }
            None => String::new(),
        };
        let cond = ask.cond.as_ref().map(|cond| format!(" where {}", self.cond_text(cond))).unwrap_or_default();
        let group = |fields: &[&str]| match fields {
            [] => String::new(),
            fields => format!(" group by {}", fields.join(" , ")),
        };
        let mut text = match &ask.what {
            What::Rows { fields, distinct, group_by, total } => {
                let fields = fields.join(",");
                let target = if *distinct {
                    format!("distinct({entity}.{fields})")
                } else {
                    format!("{entity}.{fields}{joined}")
                };
                let total = if *total { " return with (total)" } else { "" };
                format!("{} {target}{cond}{total}{}", self.any_case("query"), group(group_by))
            }
            What::Count { group_by, .. } => format!("count {entity}{joined}{cond}{}", group(group_by)),
            What::Sum { fields, by } => format!("sum {entity}.{} by {by}{cond}", fields.join(",")),
            What::Function { name, field, group_by } => {
                format!("query {}({entity}.{field}){cond}{}", self.any_case(name), group(group_by))
            }
        };
        let mut keys: Vec<String> = Vec::new();
        if matches!(ask.what, What::Count { by_count: true, .. }) {
            keys.push("groupCount desc".to_owned());
        }
        for (function, path, descending) in &ask.order {
            let path = path.join(".");
            let key = function.map_or(path.clone(), |function| format!("{function}({path})"));
            let direction = if *descending { " desc" } else { self.pick(&[" asc", ""]) };
            keys.push(format!("{key}{direction}"));
        }
        let counted = matches!(&ask.what, What::Count { group_by, .. } if group_by.is_empty());
        if !keys.is_empty() && !counted {
            text.push_str(&format!(" order by {}", keys.join(", ")));
        }
        for (word, number) in [("limit", ask.limit), ("offset", ask.offset)] {
            if let Some(number) = number {
                text.push_str(&format!("\n{} {number}", self.any_case(word)));
            }
        }
        text
    }

    fn any_case(&mut self, word: &str) -> String {
        match self.rng.random_range(0..3) {
            0 => word.to_uppercase(),
            1 => word.to_lowercase(),
            _ => word.to_owned(),
        }
    }

    fn cond_text(&mut self, cond: &Cond) -> String {
        match cond {
            Cond::All(parts) => self.joined(parts, "and"),
            Cond::Any(parts) => self.joined(parts, "or"),
            Cond::Match(left, operator, right) => format!("{} {operator} {}", left.join("."), right.join(".")),
            Cond::Test(path, test) => {
                let path = path.join(".");
                match test {
                    Test::Values(operator, values) if values.is_empty() => format!("{path} {operator}"),
                    Test::Values(operator @ ("in" | "not in"), values) => {
                        format!("{path} {} ({})", self.any_case(operator), self.list(values))
                    }
                    Test::Values(operator, values) => {
                        let space = if ORDERS.contains(operator) && self.rng.random() { "" } else { " " };
                        format!("{path}{space}{operator}{space}{}", self.list(values))
                    }
                    Test::Has(values, none) => {
                        format!("{path} {} ({})", if *none { "not has" } else { "has" }, self.list(values))
                    }
                    Test::Within(target, selected, cond, none) => {
                        let operator = match (none, self.rng.random::<bool>()) {
                            (false, true) => "in",
                            (false, false) => "=",
                            (true, true) => "not in",
                            (true, false) => "!=",
                        };
                        let cond = self.cond_text(cond);
                        format!(
                            "{path} {operator} (query {}.{} where {cond})",
                            self.any_case(target),
                            selected.join(".")
                        )
                    }
                }
            }
        }
    }

    fn joined(&mut self, parts: &[Cond], word: &str) -> String {
        let parts: Vec<String> = parts.iter().map(|part| format!("({})", self.cond_text(part))).collect();
        parts.join(&format!(" {} ", self.any_case(word)))
    }

    fn list(&mut self, values: &[String]) -> String {
        let mut quoted = Vec::new();
        for value in values {
            let bare = value.parse::<i64>().is_ok() || value == "true" || value == "false";
            quoted.push(match self.rng.random_range(0..3) {
                0 if bare => value.clone(),
                1 => format!("\"{value}\""),
                _ => format!("'{value}'"),
            });
        }
        quoted.join(", ")
    }
}
