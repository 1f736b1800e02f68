//! The grammar.
//!
//! `and` binds tighter than `or`, as in SQL. Clauses come in the order in which ZStack documents them. Keywords are read in
//! any letters, and only where they can stand, so that a field may be called `limit`.

use chumsky::{input::ValueInput, prelude::*};

use super::{
    syntax::{
        Condition, Filter, Join, Kind, Operand, Operator, Order, Path, Restriction, Return, Setting, SettingValue,
        Statement, SubQuery, Target, Word,
    },
    token::{Token, unquoted},
};
use crate::query::{JoinKind, Op};

type Extra<'t, 's> = extra::Err<Rich<'t, Token<'s>, SimpleSpan>>;

/// A parser of tokens into `$out`, over any input `I` of them.
macro_rules! rule {
    ($out:ty) => { impl Parser<'t, I, $out, Extra<'t, 's>> + Clone };
}

/// Several statements with `;` between them; one at the end is fine.
pub(super) fn statements<'t, 's: 't, I>() -> rule!(Vec<Statement>)
where
    I: ValueInput<'t, Token = Token<'s>, Span = SimpleSpan>,
{
    let statement = choice((query(), count(), sum())).boxed();
    statement.separated_by(sign(";")).at_least(1).allow_trailing().collect().then_ignore(end())
}

/// The call `top(num=5)` on its own, as it stands inside quotes.
pub(super) fn lone_call<'t, 's: 't, I>() -> rule!(SettingValue)
where
    I: ValueInput<'t, Token = Token<'s>, Span = SimpleSpan>,
{
    call().then_ignore(end())
}

/// What stands in the braces of `zwatch{…}`, on its own.
pub(super) fn lone_settings<'t, 's: 't, I>() -> rule!(Vec<Setting>)
where
    I: ValueInput<'t, Token = Token<'s>, Span = SimpleSpan>,
{
    settings().then_ignore(end())
}

fn query<'t, 's: 't, I>() -> rule!(Statement)
where
    I: ValueInput<'t, Token = Token<'s>, Span = SimpleSpan>,
{
    let before = keyword("query").ignore_then(target_with_function());
    let which = group((filter_clause(), restrict_by(), return_with()));
    let how = group((group_by(), order_by(), limit(), offset(), filter_by(), named_as()));
    group((before, which, how)).map(|((function, target, joins), (condition, restrict, returns), how)| {
        let (group_by, order_by, limit, offset, filters, name) = how;
        Statement {
            kind: Kind::Query,
            function,
            target,
            joins,
            condition,
            restrict,
            returns,
            group_by,
            order_by,
            limit,
            offset,
            filters,
            name,
        }
    })
}

fn count<'t, 's: 't, I>() -> rule!(Statement)
where
    I: ValueInput<'t, Token = Token<'s>, Span = SimpleSpan>,
{
    let before = keyword("count").ignore_then(target_with_function());
    let which = group((filter_clause(), restrict_by()));
    let how = group((group_by(), order_by(), limit(), offset(), named_as()));
    group((before, which, how)).map(|((function, target, joins), (condition, restrict), how)| {
        let (group_by, order_by, limit, offset, name) = how;
        let (returns, filters) = (vec![], vec![]);
        Statement {
            kind: Kind::Count,
            function,
            target,
            joins,
            condition,
            restrict,
            returns,
            group_by,
            order_by,
            limit,
            offset,
            filters,
            name,
        }
    })
}

fn sum<'t, 's: 't, I>() -> rule!(Statement)
where
    I: ValueInput<'t, Token = Token<'s>, Span = SimpleSpan>,
{
    let by = keyword("by").ignore_then(path()).or_not();
    let before = keyword("sum").ignore_then(target()).then(by);
    let how = group((order_by(), limit(), offset(), named_as()));
    group((before, filter_clause(), how)).map(|((target, by), condition, (order_by, limit, offset, name))| Statement {
        kind: Kind::Sum(by),
        function: None,
        target,
        joins: vec![],
        condition,
        restrict: vec![],
        returns: vec![],
        group_by: vec![],
        order_by,
        limit,
        offset,
        filters: vec![],
        name,
    })
}

fn word<'t, 's: 't, I>(what: &'static str) -> rule!(Word)
where
    I: ValueInput<'t, Token = Token<'s>, Span = SimpleSpan>,
{
    select! { Token::Word(text) = e => Word { text: text.to_owned(), at: start(e.span()) } }.labelled(what)
}

fn start(span: SimpleSpan) -> usize {
    span.start
}

fn keyword<'t, 's: 't, I>(keyword: &'static str) -> rule!(())
where
    I: ValueInput<'t, Token = Token<'s>, Span = SimpleSpan>,
{
    let mut words = keyword.split(' ');
    let one = |wanted: &'static str| {
        select! { Token::Word(text) if text.eq_ignore_ascii_case(wanted) => () }
    };
    let first = one(words.next().unwrap_or_default()).labelled(quoted(keyword));
    let second = words.next();
    match second {
        None => first.boxed(),
        Some(second) => first.then_ignore(one(second).labelled(quoted(second))).boxed(),
    }
}

/// A keyword as errors show it.
fn quoted(keyword: &str) -> String {
    format!("'{keyword}'")
}

fn sign<'t, 's: 't, I>(text: &'static str) -> rule!(())
where
    I: ValueInput<'t, Token = Token<'s>, Span = SimpleSpan>,
{
    just(Token::Sign(text)).ignored()
}

fn path<'t, 's: 't, I>() -> rule!(Path)
where
    I: ValueInput<'t, Token = Token<'s>, Span = SimpleSpan>,
{
    word("a field").separated_by(sign(".")).at_least(1).collect().map(Path).boxed()
}

/// A value, as the text that is compared.
fn value<'t, 's: 't, I>() -> rule!(String)
where
    I: ValueInput<'t, Token = Token<'s>, Span = SimpleSpan>,
{
    select! {
        Token::Text(text) => unquoted(text),
        Token::Number(text) => text.to_owned(),
        Token::Word(text) if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") =>
            text.to_lowercase(),
    }
    .labelled("a value")
}

/// `('a', 'b')` or one value.
fn list<'t, 's: 't, I>() -> rule!(Vec<String>)
where
    I: ValueInput<'t, Token = Token<'s>, Span = SimpleSpan>,
{
    let many = value().separated_by(sign(",")).at_least(1).collect::<Vec<_>>().delimited_by(sign("("), sign(")"));
    many.or(value().map(|value| vec![value]))
}

fn symbol<'t, 's: 't, I>() -> rule!(Op)
where
    I: ValueInput<'t, Token = Token<'s>, Span = SimpleSpan>,
{
    select! {
        Token::Sign("=") => Op::Eq,
        Token::Sign("!=") => Op::Ne,
        Token::Sign(">") => Op::Gt,
        Token::Sign(">=") => Op::Ge,
        Token::Sign("<") => Op::Lt,
        Token::Sign("<=") => Op::Le,
    }
    .labelled("an operator")
}

/// `positive`, or `negative` when `not` stands before it.
fn negatable<'t, 's: 't, I, T>(word: &'static str, positive: T, negative: T) -> rule!(T)
where
    I: ValueInput<'t, Token = Token<'s>, Span = SimpleSpan>,
    T: Clone + 't,
{
    let plain = keyword(word).to(positive);
    let negated = keyword("not").ignore_then(keyword(word)).to(negative);
    plain.or(negated).boxed()
}

/// `is null`, `is not null`.
fn null_test<'t, 's: 't, I>() -> rule!(Op)
where
    I: ValueInput<'t, Token = Token<'s>, Span = SimpleSpan>,
{
    keyword("is").ignore_then(negatable("null", Op::IsNull, Op::NotNull)).boxed()
}

fn condition<'t, 's: 't, I>() -> rule!(Condition)
where
    I: ValueInput<'t, Token = Token<'s>, Span = SimpleSpan>,
{
    recursive(|condition| {
        let sub_query = keyword("query")
            .ignore_then(target())
            .then(keyword("where").ignore_then(condition.clone()).or_not())
            .delimited_by(sign("("), sign(")"))
            .map(|(target, condition)| Operand::Query(Box::new(SubQuery { target, condition })))
            .boxed();
        let values = list().map(Operand::Values).boxed();
        let one = value().map(|value| Operand::Values(vec![value])).boxed();
        let plain = symbol().map(Operator::Plain).then(choice((
            one.clone(),
            sub_query.clone(),
            values.clone(),
            path().map(Operand::Field),
        )));
        let among = negatable("in", Operator::Plain(Op::In), Operator::Plain(Op::NotIn))
            .then(choice((sub_query, values.clone())));
        let like = negatable("like", Operator::Plain(Op::Like), Operator::Plain(Op::NotLike)).then(one);
        let has = negatable("has", Operator::Has, Operator::NotHas).then(values);
        let null = null_test().map(|op| (Operator::Plain(op), Operand::Values(vec![])));
        let comparison = path()
            .then(choice((plain, among, like, has, null)))
            .map(|(path, (operator, operand))| Condition::Compare { path, operator, operand })
            .boxed();
        let atom = comparison.or(condition.delimited_by(sign("("), sign(")"))).boxed();
        let all = atom.separated_by(keyword("and")).at_least(1).collect::<Vec<_>>();
        let all = all.map(|parts| joined(parts, Condition::All)).boxed();
        let any = all.separated_by(keyword("or")).at_least(1).collect::<Vec<_>>();
        any.map(|parts| joined(parts, Condition::Any))
    })
    .boxed()
}

/// Several parts as one; one part as itself.
fn joined(mut parts: Vec<Condition>, join: fn(Vec<Condition>) -> Condition) -> Condition {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            join(parts)
        }
        None => join(parts),
    }
}

fn target<'t, 's: 't, I>() -> rule!(Target)
where
    I: ValueInput<'t, Token = Token<'s>, Span = SimpleSpan>,
{
    let fields = path().separated_by(sign(",")).at_least(1).collect::<Vec<_>>();
    word("a resource")
        .then(sign(".").ignore_then(fields).or_not())
        .map(|(entity, fields)| Target { entity, fields: fields.unwrap_or_default() })
        .boxed()
}

type Targeted = (Option<Word>, Target, Vec<Join>);

fn target_with_function<'t, 's: 't, I>() -> rule!(Targeted)
where
    I: ValueInput<'t, Token = Token<'s>, Span = SimpleSpan>,
{
    let plain = target().then(join().repeated().collect::<Vec<_>>()).boxed();
    let inside = plain.clone().delimited_by(sign("("), sign(")"));
    let called = word("a function").then(inside).map(|(function, (target, joins))| (Some(function), target, joins));
    called.or(plain.map(|(target, joins)| (None, target, joins))).boxed()
}

fn join<'t, 's: 't, I>() -> rule!(Join)
where
    I: ValueInput<'t, Token = Token<'s>, Span = SimpleSpan>,
{
    let kind = choice((
        keyword("inner").to(JoinKind::Inner),
        keyword("left").to(JoinKind::Left),
        keyword("right").to(JoinKind::Right),
    ));
    let kind = kind.or_not().map(|kind| kind.unwrap_or(JoinKind::Inner)).then_ignore(keyword("join"));
    group((kind, word("a resource"), keyword("on").ignore_then(condition())))
        .map(|(kind, entity, on)| Join { kind, entity, on })
        .boxed()
}

fn filter_clause<'t, 's: 't, I>() -> rule!(Option<Condition>)
where
    I: ValueInput<'t, Token = Token<'s>, Span = SimpleSpan>,
{
    keyword("where").ignore_then(condition()).or_not().boxed()
}

fn restrict_by<'t, 's: 't, I>() -> rule!(Vec<Restriction>)
where
    I: ValueInput<'t, Token = Token<'s>, Span = SimpleSpan>,
{
    let plain = symbol().then(value().map(|value| vec![value]));
    let among = negatable("in", Op::In, Op::NotIn).then(list());
    let like = negatable("like", Op::Like, Op::NotLike).then(value().map(|value| vec![value]));
    let null = null_test().map(|op| (op, vec![]));
    let one =
        path().then(choice((plain, among, like, null))).map(|(path, (op, values))| Restriction { path, op, values });
    clause("restrict by", one.separated_by(sign(",")).at_least(1).collect().delimited_by(sign("("), sign(")")))
}

/// What follows `words`; nothing where they do not stand.
fn clause<'t, 's: 't, I, T>(words: &'static str, rest: rule!(Vec<T>)) -> rule!(Vec<T>)
where
    I: ValueInput<'t, Token = Token<'s>, Span = SimpleSpan>,
    T: 't,
{
    keyword(words).ignore_then(rest).or_not().map(Option::unwrap_or_default)
}

/// `top(num=5)`.
fn call<'t, 's: 't, I>() -> rule!(SettingValue)
where
    I: ValueInput<'t, Token = Token<'s>, Span = SimpleSpan>,
{
    let bare = select! { Token::Word(text) => text.to_owned() }.labelled("a value");
    let argument = word("an argument").map(|word| word.text).then_ignore(sign("=")).then(value().or(bare));
    let arguments = argument.separated_by(sign(",")).collect::<Vec<_>>().delimited_by(sign("("), sign(")"));
    word("a function").then(arguments).map(|(name, arguments)| SettingValue::Call(name.text, arguments)).boxed()
}

fn settings<'t, 's: 't, I>() -> rule!(Vec<Setting>)
where
    I: ValueInput<'t, Token = Token<'s>, Span = SimpleSpan>,
{
    let setting = word("a setting")
        .then_ignore(sign("="))
        .then(choice((value().map(SettingValue::Plain), call())))
        .map(|(key, value)| Setting { key, value });
    setting.separated_by(sign(",")).collect::<Vec<_>>().boxed()
}

fn return_with<'t, 's: 't, I>() -> rule!(Vec<Return>)
where
    I: ValueInput<'t, Token = Token<'s>, Span = SimpleSpan>,
{
    let settings = settings().delimited_by(sign("{"), sign("}"));
    let name = word("'total' or 'zwatch'").separated_by(sign(".")).at_least(1).collect().map(Path);
    let one = name.then(settings.or_not()).map(|(name, settings)| Return { name, settings });
    clause("return with", one.separated_by(sign(",")).at_least(1).collect().delimited_by(sign("("), sign(")")))
}

fn group_by<'t, 's: 't, I>() -> rule!(Vec<Path>)
where
    I: ValueInput<'t, Token = Token<'s>, Span = SimpleSpan>,
{
    clause("group by", path().separated_by(sign(",")).at_least(1).collect())
}

fn order_by<'t, 's: 't, I>() -> rule!(Vec<Order>)
where
    I: ValueInput<'t, Token = Token<'s>, Span = SimpleSpan>,
{
    let direction = choice((keyword("asc").to(false), keyword("desc").to(true))).or_not();
    let called = word("a function").then(path().delimited_by(sign("("), sign(")")));
    let called = called.map(|(function, path)| (Some(function), path));
    let key = called.or(path().map(|path| (None, path)));
    let one = key.then(direction).map(|((function, path), descending)| Order {
        function,
        path,
        descending: descending.unwrap_or(false),
    });
    clause("order by", one.separated_by(sign(",")).at_least(1).collect())
}

/// A number of rows after `word`.
fn rows<'t, 's: 't, I>(word: &'static str) -> rule!(Option<u64>)
where
    I: ValueInput<'t, Token = Token<'s>, Span = SimpleSpan>,
{
    let number = select! { Token::Number(text) => text }.labelled("a number").try_map(move |text, span| {
        let number = text.parse::<u64>().ok().filter(|number| i64::try_from(*number).is_ok());
        number.ok_or_else(|| {
            Rich::custom(
                span,
                format!("'{word}' takes a whole number from 0 on, not {}", crate::query::hint::cut(text)),
            )
        })
    });
    keyword(word).ignore_then(number).or_not().boxed()
}

fn limit<'t, 's: 't, I>() -> rule!(Option<u64>)
where
    I: ValueInput<'t, Token = Token<'s>, Span = SimpleSpan>,
{
    rows("limit")
}

fn offset<'t, 's: 't, I>() -> rule!(Option<u64>)
where
    I: ValueInput<'t, Token = Token<'s>, Span = SimpleSpan>,
{
    rows("offset")
}

fn filter_by<'t, 's: 't, I>() -> rule!(Vec<Filter>)
where
    I: ValueInput<'t, Token = Token<'s>, Span = SimpleSpan>,
{
    let inside = recursive(|block| {
        let braces = block.delimited_by(sign("{"), sign("}"));
        let other = any().filter(|token| !matches!(token, Token::Sign("{" | "}"))).ignored();
        other.or(braces).repeated().ignored()
    });
    let braces = inside.delimited_by(sign("{"), sign("}")).map_with(|(), e| {
        let span: SimpleSpan = e.span();
        span.start + 1..span.end.saturating_sub(1)
    });
    let one = word("a filter").then(braces).map(|(name, inside)| Filter { name, inside });
    clause("filter by", one.separated_by(sign(",")).at_least(1).collect())
}

fn named_as<'t, 's: 't, I>() -> rule!(Option<(String, usize)>)
where
    I: ValueInput<'t, Token = Token<'s>, Span = SimpleSpan>,
{
    let name = select! { Token::Text(text) = e => (unquoted(text), start(e.span())) }.labelled("a name in quotes");
    keyword("named as").ignore_then(name).or_not().boxed()
}
