//! From what was written to what is asked: names are looked up in the declarations, and what no declaration allows is
//! refused with the place where it stands.

use cumulo_schema::{ErrorCode, ResourceMeta};

use super::{
    error::{place, refused},
    metric::{self, ZWatch},
    syntax::{self, Condition, Kind, Operand, Operator, Path, Statement, Word},
};
use crate::query::{
    Aggregate, Answer, Filter, Join, Measure, Name, Op, Restriction, RowFilterCall, Scalar, Schema, Select, Sort,
    SortKey, SubSelect, Target, hint,
};

/// Rows answered by a statement without `limit`; one that finds more is refused, since a list that silently ends early is
/// worse than an error.
pub(super) const MAX_ROWS: u64 = 100_000;

/// How the answer to a statement is shaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Inventories,
    /// `total`, and `inventoryCounts` where there are groups.
    Counts,
    /// Arrays of the group and its sums.
    Sums,
    /// `inventoryAggregateFunctions`.
    Function,
}

/// A statement that can be run.
#[derive(Debug)]
pub(super) struct Resolved {
    pub(super) select: Select,
    pub(super) shape: Shape,
    pub(super) metrics: Vec<ZWatch>,
    pub(super) name: Option<String>,
    /// Whether the statement itself says how many rows it wants.
    pub(super) limited: bool,
    /// The id of rows is asked for only to answer `zwatch`.
    pub(super) hides_id: bool,
}

/// Looks names up for one text.
pub(super) struct Resolver<'r> {
    pub(super) schema: &'r Schema,
    pub(super) text: &'r str,
}

impl Resolver<'_> {
    pub(super) fn statement(&self, statement: &Statement) -> Result<Resolved, ErrorCode> {
        let meta = self.entity(&statement.target.entity)?;
        let mut select = Select::of(meta);
        let target = self.schema.target(meta);
        for join in &statement.joins {
            let resource = self.entity(&join.entity)?;
            select.joins.push(Join { kind: join.kind, resource, on: self.condition(&join.on)? });
        }
        if let Some(condition) = &statement.condition {
            select.filter = self.condition(condition)?;
        }
        let restrict = statement.restrict.iter().map(|one| self.restriction(one));
        select.restrict = restrict.collect::<Result<_, _>>()?;
        select.group_by = statement.group_by.iter().map(|path| self.name(path)).collect();
        select.sort = statement.order_by.iter().map(|order| self.sort(order)).collect::<Result<_, _>>()?;
        select.limit = statement.limit.unwrap_or(MAX_ROWS + 1);
        select.start = statement.offset.unwrap_or(0);
        let inside = |filter: &syntax::Filter| self.text.get(filter.inside.clone()).unwrap_or_default().trim();
        select.filters = statement
            .filters
            .iter()
            .map(|filter| RowFilterCall { name: filter.name.text.clone(), condition: inside(filter).to_owned() })
            .collect();
        let shape = self.answer(statement, target, &mut select)?;
        let mut resolved = Resolved {
            select,
            shape,
            metrics: vec![],
            name: statement.name.as_ref().map(|(name, _)| name.clone()),
            limited: statement.limit.is_some(),
            hides_id: false,
        };
        self.returns(statement, target, &mut resolved)?;
        Ok(resolved)
    }

    /// What is wanted of the rows.
    fn answer(&self, statement: &Statement, target: Target, select: &mut Select) -> Result<Shape, ErrorCode> {
        let fields = statement.target.fields.iter().map(|path| self.own_field(target, path));
        let fields = fields.collect::<Result<Vec<Name>, _>>()?;
        let function = statement.function.as_ref();
        select.distinct = function.is_some_and(|word| word.text.eq_ignore_ascii_case("distinct"));
        let aggregate = match function {
            Some(word) if !select.distinct => Some(self.aggregate(word)?),
            _ => None,
        };
        let names: Vec<String> = fields.iter().map(ToString::to_string).collect();
        match (&statement.kind, aggregate) {
            (Kind::Query, Some(function)) => {
                let [field] = <[Name; 1]>::try_from(fields).map_err(|_| {
                    self.refused(&statement.target.entity, "a function takes one field: 'max(vminstance.cpuNum)'")
                })?;
                select.answer = Answer::Groups(vec![Measure { function, field: Some(field) }]);
                Ok(Shape::Function)
            }
            (Kind::Query, None) => {
                if select.distinct && names.is_empty() {
                    select.distinct = false;
                }
                select.fields = (!names.is_empty()).then_some(names);
                Ok(Shape::Inventories)
            }
            (Kind::Count, Some(_)) => {
                let problem = "count takes a resource or 'distinct(…)'; figures are asked for by 'query'";
                Err(self.refused(&statement.target.entity, problem))
            }
            (Kind::Count, None) => {
                select.with_total = true;
                select.fields = (select.distinct && !names.is_empty()).then_some(names);
                select.distinct = select.fields.is_some();
                if !select.group_by.is_empty() {
                    let rows = Measure { function: Aggregate::Count, field: None };
                    select.answer = Answer::Groups(vec![rows]);
                } else if let Some(order) = statement.order_by.first() {
                    let problem = "a count without 'group by' is one number and has no order";
                    return Err(refused(self.text, order.path.at(), problem));
                } else {
                    select.answer = Answer::Count;
                }
                Ok(Shape::Counts)
            }
            (Kind::Sum(by), _) => {
                if fields.is_empty() {
                    let problem = "sum takes fields: 'sum vminstance.cpuNum by hostUuid'";
                    return Err(self.refused(&statement.target.entity, problem));
                }
                let sum = |field| Measure { function: Aggregate::Sum, field: Some(field) };
                select.answer = Answer::Groups(fields.into_iter().map(sum).collect());
                select.group_by = by.iter().map(|path| self.name(path)).collect();
                Ok(Shape::Sums)
            }
        }
    }

    /// `return with (…)`.
    fn returns(&self, statement: &Statement, target: Target, resolved: &mut Resolved) -> Result<(), ErrorCode> {
        for wanted in &statement.returns {
            let name = self.name(&wanted.name);
            match (name.to_string().to_lowercase().as_str(), &wanted.settings) {
                ("total", None) => resolved.select.with_total = true,
                ("zwatch", Some(settings)) => {
                    let clause = metric::clause(self.text, wanted.name.at(), settings)?;
                    let taken = resolved.metrics.iter().any(|other| other.result_name == clause.result_name);
                    if taken {
                        let problem =
                            format!("two zwatch clauses answer as '{}'; give each a resultName", clause.result_name);
                        return Err(refused(self.text, wanted.name.at(), &problem));
                    }
                    resolved.metrics.push(clause);
                }
                _ => {
                    let problem = format!(
                        "nothing is returned as '{}'; there is total, zwatch{{…}}",
                        hint::cut(&name.to_string())
                    );
                    return Err(refused(self.text, wanted.name.at(), &problem));
                }
            }
        }
        if !resolved.metrics.is_empty() && resolved.shape != Shape::Inventories {
            let at = statement.returns.first().map_or(0, |wanted| wanted.name.at());
            return Err(refused(self.text, at, "metrics go with the rows of a query, not with figures"));
        }
        // Metrics and plugins' filters find rows by their id.
        let key = target.root().key().wire;
        if (!resolved.metrics.is_empty() || !resolved.select.filters.is_empty())
            && let Some(fields) = &mut resolved.select.fields
            && !fields.iter().any(|field| field == key)
        {
            fields.push(key.to_owned());
            resolved.hides_id = true;
        }
        Ok(())
    }

    fn entity(&self, word: &Word) -> Result<&'static ResourceMeta, ErrorCode> {
        self.schema.entity(&word.text).ok_or_else(|| {
            let hint = hint::did_you_mean(&word.text, self.schema.entities());
            self.refused(word, &format!("there is no resource '{}' to query{hint}", hint::cut(&word.text)))
        })
    }

    fn aggregate(&self, word: &Word) -> Result<Aggregate, ErrorCode> {
        const KNOWN: [(&str, Aggregate); 5] = [
            ("max", Aggregate::Max),
            ("min", Aggregate::Min),
            ("avg", Aggregate::Avg),
            ("sum", Aggregate::Sum),
            ("count", Aggregate::Count),
        ];
        let found = KNOWN.iter().find(|(name, _)| word.text.eq_ignore_ascii_case(name));
        found.map(|(_, function)| *function).ok_or_else(|| {
            let given = hint::cut(&word.text);
            self.refused(
                word,
                &format!("there is no function '{given}'; there are distinct, max, min, avg, sum, count"),
            )
        })
    }

    fn sort(&self, order: &syntax::Order) -> Result<Sort, ErrorCode> {
        const KNOWN: [(&str, Scalar); 5] = [
            ("inet_aton", Scalar::InetAton),
            ("lower", Scalar::Lower),
            ("upper", Scalar::Upper),
            ("length", Scalar::Length),
            ("abs", Scalar::Abs),
        ];
        let name = self.name(&order.path);
        let key = match &order.function {
            None if name.parts == ["groupCount"] => SortKey::GroupCount,
            None => SortKey::Field(name),
            Some(word) => {
                let found = KNOWN.iter().find(|(known, _)| word.text.eq_ignore_ascii_case(known));
                let (_, function) = found.ok_or_else(|| {
                    let given = hint::cut(&word.text);
                    let known = "INET_ATON, LOWER, UPPER, LENGTH, ABS";
                    self.refused(word, &format!("there is no function '{given}' to order by; there are {known}"))
                })?;
                SortKey::Call(*function, name)
            }
        };
        Ok(Sort { key, descending: order.descending })
    }

    fn restriction(&self, written: &syntax::Restriction) -> Result<Restriction, ErrorCode> {
        let place = Some(place(self.text, written.path.at()));
        let (resource, parts) = match written.path.0.as_slice() {
            [entity, rest @ ..] if !rest.is_empty() => (Some(self.entity(entity)?), rest),
            all => (None, all),
        };
        let field = Name { parts: parts.iter().map(|word| word.text.clone()).collect(), place };
        Ok(Restriction { resource, field, op: written.op, values: written.values.clone() })
    }

    fn condition(&self, condition: &Condition) -> Result<Filter, ErrorCode> {
        let all = |parts: &[Condition]| parts.iter().map(|part| self.condition(part)).collect::<Result<_, _>>();
        Ok(match condition {
            Condition::All(parts) => Filter::All(all(parts)?),
            Condition::Any(parts) => Filter::Any(all(parts)?),
            Condition::Compare { path, operator, operand } => self.comparison(path, *operator, operand)?,
        })
    }

    fn comparison(&self, path: &Path, operator: Operator, operand: &Operand) -> Result<Filter, ErrorCode> {
        let left = self.name(path);
        let refuse = |problem: &str| Err(refused(self.text, path.at(), problem));
        Ok(match (operator, operand) {
            (Operator::Plain(op), Operand::Values(values)) => {
                if values.len() > 1 && !matches!(op, Op::In | Op::NotIn) {
                    return refuse("this operator takes one value; use 'in' for a list");
                }
                Filter::Compare { path: left, op, values: values.clone() }
            }
            (Operator::Has | Operator::NotHas, Operand::Values(values)) => {
                Filter::Has { path: left, values: values.clone(), none: operator == Operator::NotHas }
            }
            (Operator::Plain(op), Operand::Query(query)) => {
                let none = match op {
                    Op::In | Op::Eq => false,
                    Op::NotIn | Op::Ne => true,
                    _ => return refuse("a sub-query goes with 'in', 'not in', '=' or '!='"),
                };
                Filter::Within { path: left, none, query: Box::new(self.sub_query(query)?) }
            }
            (Operator::Plain(op), Operand::Field(right)) => match right.0.as_slice() {
                [word] if word.text.eq_ignore_ascii_case("null") => {
                    return Err(refused(self.text, word.at, "null is asked for by 'is null' or 'is not null'"));
                }
                [word] => {
                    let problem = format!("a text stands in quotes: '{}'", hint::cut(&word.text));
                    return Err(refused(self.text, word.at, &problem));
                }
                _ => Filter::Match { left, op, right: self.name(right) },
            },
            (Operator::Has | Operator::NotHas, _) => return refuse("'has' takes values, not a sub-query"),
        })
    }

    fn sub_query(&self, query: &syntax::SubQuery) -> Result<SubSelect, ErrorCode> {
        let target = self.entity(&query.target.entity)?;
        let problem = match query.target.fields.as_slice() {
            [field] => {
                let filter = query.condition.as_ref().map(|condition| self.condition(condition)).transpose()?;
                let filter = filter.unwrap_or_else(|| Filter::All(vec![]));
                return Ok(SubSelect { target, field: self.name(field), filter });
            }
            [] => "a sub-query must select one field, as in 'query host.uuid'".to_owned(),
            many => format!("a sub-query must select one field, not {}", many.len()),
        };
        Err(self.refused(&query.target.entity, &problem))
    }

    /// A field or list that the target itself shows, under its declared name.
    fn own_field(&self, target: Target, path: &Path) -> Result<Name, ErrorCode> {
        let mut name = self.name(path);
        let lists = || {
            let nested = target.levels().flat_map(|meta| meta.nested).map(|nested| nested.wire);
            nested.chain(target.levels().flat_map(|meta| meta.collections).map(|collection| collection.wire))
        };
        let declared = match name.parts.as_slice() {
            [only] => {
                let field = target.field(only).filter(|(_, field)| !field.hidden).map(|(_, field)| field.wire);
                let kinds = self.schema.children(target.own).iter().flat_map(|kind| kind.fields);
                let of_kind = || kinds.filter(|f| !f.hidden).map(|f| f.wire).find(|wire| wire == only);
                field.or_else(|| lists().find(|list| list.eq_ignore_ascii_case(only))).or_else(of_kind)
            }
            _ => None,
        };
        match declared {
            Some(declared) => name.parts = vec![declared.to_owned()],
            None => return Err(hint::no_field(target, &name)),
        }
        Ok(name)
    }

    fn name(&self, path: &Path) -> Name {
        let parts = path.0.iter().map(|word| word.text.clone()).collect();
        Name { parts, place: Some(place(self.text, path.at())) }
    }

    fn refused(&self, word: &Word, problem: &str) -> ErrorCode {
        refused(self.text, word.at, problem)
    }
}
