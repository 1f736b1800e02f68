//! What could stand where the cursor is. Pure, apart from asking [`Lookup`] which resources there are.

use std::ops::Range;

use cumulo_schema::{ApiMeta, FieldKind, ParamKind, ResourceMeta};

use super::{builtin::BUILTINS, names};
use crate::{
    Catalog,
    command::{Argument, Operator, Word, lex},
    console::Console,
};

/// What the session knows beyond the declarations.
#[derive(Default)]
pub(super) struct Known {
    /// Names that may follow a `$`.
    pub(super) variables: Vec<String>,
    /// The session's uuid.
    pub(super) session: Option<String>,
}

impl Known {
    pub(super) fn of(console: &Console) -> Self {
        Self {
            variables: console.variables.names().map(str::to_owned).collect(),
            session: console.keeper.session().map(|session| session.uuid.clone()),
        }
    }
}

/// Finds resources that exist.
pub(super) trait Lookup: Send {
    /// Uuid and name of resources with this VO name; empty when that cannot be told quickly.
    fn existing(&mut self, vo: &str) -> Vec<(String, String)>;
}

/// One possible continuation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    /// What is put in ...
    pub(super) text: String,
    /// ... with a space after it, or without, because more belongs to the word.
    pub(super) ends_word: bool,
    /// What it means.
    pub(super) description: String,
}

impl Candidate {
    pub(super) fn word(text: impl Into<String>, description: impl Into<String>) -> Self {
        Self { text: text.into(), ends_word: true, description: description.into() }
    }

    pub(super) fn open(text: impl Into<String>, description: impl Into<String>) -> Self {
        Self { text: text.into(), ends_word: false, description: description.into() }
    }
}

/// The continuations of `line` up to `cursor` (in bytes), and the bytes they replace.
pub(super) fn complete(
    catalog: Catalog,
    known: &Known,
    lookup: &mut dyn Lookup,
    line: &str,
    cursor: usize,
) -> (Range<usize>, Vec<Candidate>) {
    let before = &line[..cursor];
    let start = last_word(before);
    let typed = &before[start..];
    let earlier = lex(&before[..start]).unwrap_or_default();
    let verb = earlier.first().and_then(Word::bare);
    let context = Context { catalog, known, earlier: &earlier };
    let (from, candidates) = match verb.as_deref() {
        None => (0, matching(typed, context.verbs(true))),
        Some("help") => (0, matching(typed, context.verbs(false))),
        Some(verb) => match catalog.api(verb) {
            Some(api) => context.argument(api, typed, lookup),
            None => (0, Vec::new()),
        },
    };
    (start + from..cursor, candidates)
}

/// Where the word at the end of `text` begins, in bytes; at the end when a new one begins there.
fn last_word(text: &str) -> usize {
    let guess =
        || text.rfind(char::is_whitespace).map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
    let Ok(words) = lex(text) else { return guess() };
    let end = text.chars().count();
    let start =
        words.last().map(|word| word.span.clone()).filter(|span| span.end == end).map_or(end, |span| span.start);
    text.char_indices().nth(start).map_or(text.len(), |(at, _)| at)
}

/// Those that begin with `typed`, whatever the letter case, then those that contain it.
pub(super) fn matching(typed: &str, candidates: Vec<Candidate>) -> Vec<Candidate> {
    let typed = typed.to_lowercase();
    let (mut first, rest): (Vec<_>, Vec<_>) =
        candidates.into_iter().partition(|candidate| candidate.text.to_lowercase().starts_with(&typed));
    first.extend(rest.into_iter().filter(|candidate| candidate.text.to_lowercase().contains(&typed)));
    first
}

struct Context<'a> {
    catalog: Catalog,
    known: &'a Known,
    earlier: &'a [Word],
}

impl Context<'_> {
    fn verbs(&self, with_builtins: bool) -> Vec<Candidate> {
        let verbs = self.catalog.apis().iter().map(|api| Candidate::word(api.name, api.doc));
        let builtins =
            BUILTINS.iter().filter(|_| with_builtins).map(|(name, meaning)| Candidate::word(*name, *meaning));
        let mut all: Vec<Candidate> = verbs.chain(builtins).collect();
        all.sort_by(|a, b| a.text.cmp(&b.text));
        all
    }

    /// Names, or values once there is an operator; and how much of `typed` stays.
    fn argument(&self, api: &'static ApiMeta, typed: &str, lookup: &mut dyn Lookup) -> (usize, Vec<Candidate>) {
        let Some((argument, at)) = split(typed) else {
            let names = match self.catalog.queried(api) {
                Some(resource) => names::conditions(self.catalog, resource, typed),
                None => names::parameters(api, &self.given()),
            };
            return (0, matching(typed, names));
        };
        // In a list, what is completed is the last element.
        let listed = matches!(argument.operator, Operator::In | Operator::NotIn)
            || argument.name == "fields"
            || api
                .param(&argument.name)
                .is_some_and(|param| matches!(param.kind, ParamKind::StringList | ParamKind::LongList));
        let value = &typed[at..];
        let element = if listed { value.rfind([',', '[']).map_or(at, |comma| at + comma + 1) } else { at };
        let typed = &typed[element..];
        if let Some(name) = typed.strip_prefix('$') {
            let variables = self.known.variables.iter().map(|name| Candidate::word(name, "remembered"));
            return (element + 1, matching(name, variables.collect()));
        }
        let values = match self.catalog.queried(api) {
            Some(resource) => self.condition_values(resource, &argument.name, lookup),
            None => parameter_values(api, &argument.name, lookup),
        };
        let values = values.into_iter().map(|value| Candidate { ends_word: !listed && value.ends_word, ..value });
        let needle = typed.to_lowercase();
        // A uuid is also found by the name of what it stands for.
        let fits = |value: &Candidate| {
            value.text.to_lowercase().starts_with(&needle) || value.description.to_lowercase().contains(&needle)
        };
        (element, values.filter(fits).collect())
    }

    fn given(&self) -> Vec<String> {
        self.earlier.iter().filter_map(Argument::read).map(|argument| argument.name).collect()
    }

    fn condition_values(&self, resource: &'static ResourceMeta, name: &str, lookup: &mut dyn Lookup) -> Vec<Candidate> {
        match name {
            "fields" | "sort" | "sortBy" => {
                let fields = resource.fields.iter().filter(|field| !field.hidden);
                return fields.map(|field| Candidate::word(field.wire, "")).collect();
            }
            "sortDirection" => return words(&["asc", "desc"]),
            "count" | "replyWithCount" => return words(&["true", "false"]),
            _ => {}
        }
        let (resource, name) = names::walk(self.catalog, resource, name);
        let Some(field) = resource.and_then(|resource| resource.field(name)) else { return Vec::new() };
        let own = resource.filter(|_| name == "uuid");
        let target = own.or_else(|| field.references.and_then(|name| self.catalog.resource(name)));
        match (target, field.kind) {
            (Some(target), _) => existing(target.vo, lookup),
            (None, FieldKind::Boolean) => words(&["true", "false"]),
            (None, _) => Vec::new(),
        }
    }
}

fn words(texts: &[&str]) -> Vec<Candidate> {
    texts.iter().map(|text| Candidate::word(*text, "")).collect()
}

fn existing(vo: &str, lookup: &mut dyn Lookup) -> Vec<Candidate> {
    lookup.existing(vo).into_iter().map(|(uuid, name)| Candidate::word(uuid, name)).collect()
}

fn parameter_values(api: &'static ApiMeta, name: &str, lookup: &mut dyn Lookup) -> Vec<Candidate> {
    let Some(param) = api.param(name) else { return Vec::new() };
    match (param.valid_values, param.kind, param.resource) {
        ([], ParamKind::Boolean, _) => words(&["true", "false"]),
        ([], _, Some(vo)) => existing(vo, lookup),
        (values, _, _) => words(values),
    }
}

/// The name and operator of a word that has got so far, and where its value begins, in bytes.
fn split(typed: &str) -> Option<(Argument, usize)> {
    let argument = Argument::read(&Word::verbatim(typed))?;
    // Name and operator are ASCII, so that characters are bytes.
    let at = argument.name.len() + argument.operator.as_str().len();
    Some((argument, at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::catalog;

    struct Zones;

    impl Lookup for Zones {
        fn existing(&mut self, vo: &str) -> Vec<(String, String)> {
            let zones = [("aaa1", "Berlin"), ("bbb2", "Paris")];
            let zones = zones.iter().filter(|_| vo == "ZoneVO");
            zones.map(|(uuid, name)| ((*uuid).to_owned(), (*name).to_owned())).collect()
        }
    }

    /// The line as it would become with each candidate; `|` marks the cursor.
    fn completed(line: &str) -> Vec<String> {
        let cursor = line.find('|').unwrap_or(line.len());
        let text = line.replace('|', "");
        let known = Known { variables: vec!["zone".into(), "vm".into()], session: None };
        let (span, candidates) = complete(catalog(), &known, &mut Zones, &text, cursor);
        let put = |candidate: Candidate| {
            let space = if candidate.ends_word { " " } else { "" };
            format!("{}{}{space}{}", &text[..span.start], candidate.text, &text[span.end..])
        };
        candidates.into_iter().map(put).collect()
    }

    #[test]
    fn verbs_are_found_by_beginning_and_by_middle() {
        assert_eq!(completed("query"), ["QueryZone "]);
        assert_eq!(completed("zone"), ["ChangeZoneState ", "CreateZone ", "DeleteZone ", "QueryZone "]);
        assert_eq!(completed("he"), ["help "]);
        assert_eq!(
            completed("help cr|"),
            ["help CreateInstanceOffering ", "help CreateL3Network ", "help CreateZone "]
        );
        assert!(completed("NoSuchVerb n").is_empty());
    }

    #[test]
    fn parameters_come_required_first_and_only_once() {
        assert_eq!(completed("CreateZone "), ["CreateZone name=", "CreateZone description=", "CreateZone systemTags="]);
        assert_eq!(completed("CreateZone name='a b' d|"), ["CreateZone name='a b' description="]);
        assert_eq!(completed("CreateZone na| description=é"), ["CreateZone name= description=é"]);
    }

    #[test]
    fn enumerations_booleans_and_remembered_names_complete_values() {
        assert_eq!(
            completed("ChangeZoneState stateEvent="),
            ["ChangeZoneState stateEvent=enable ", "ChangeZoneState stateEvent=disable "]
        );
        assert_eq!(completed("AddImage format=q"), ["AddImage format=qcow2 "]);
        assert_eq!(completed("CreateL3Network system=t"), ["CreateL3Network system=true "]);
        assert_eq!(completed("DeleteZone uuid=$z"), ["DeleteZone uuid=$zone "]);
        assert_eq!(completed("AddImage backupStorageUuids=x,$v"), ["AddImage backupStorageUuids=x,$vm "]);
    }

    #[test]
    fn uuids_are_completed_by_the_names_of_what_exists() {
        assert_eq!(completed("DeleteZone uuid="), ["DeleteZone uuid=aaa1 ", "DeleteZone uuid=bbb2 "]);
        assert_eq!(completed("DeleteZone uuid=par"), ["DeleteZone uuid=bbb2 "]);
        assert_eq!(completed("QueryZone uuid?=aaa1,ber"), ["QueryZone uuid?=aaa1,aaa1"]);
        assert_eq!(completed("QueryZone cluster.zoneUuid=be"), ["QueryZone cluster.zoneUuid=aaa1 "]);
    }

    #[test]
    fn conditions_follow_joins() {
        let all = completed("QueryZone ");
        for expected in ["state=", "cluster.", "racks.", "host.", "clusterUuids=", "fields=", "__userTag__="] {
            assert!(all.contains(&format!("QueryZone {expected}")), "{expected} in {all:?}");
        }
        assert!(!all.iter().any(|line| line.contains("secretKey")), "hidden fields stay hidden");
        assert_eq!(completed("QueryZone cluster.zone.st|"), ["QueryZone cluster.zone.state="]);
        assert_eq!(completed("QueryZone fields=uuid,na"), ["QueryZone fields=uuid,name"]);
    }

    #[test]
    fn no_cursor_position_panics() {
        let line = "QueryZone name?='é ö',$zone fields=[uuid -> x é=\"";
        for (cursor, _) in line.char_indices() {
            complete(catalog(), &Known::default(), &mut Zones, line, cursor);
        }
    }
}
