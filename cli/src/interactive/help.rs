//! Help from the declarations.

use std::collections::BTreeMap;

use cumulo_schema::{ApiMeta, ParamKind, ParamMeta, ReplyShape};

use crate::{
    Catalog,
    command::{CommandError, SPECIALS, secrets},
};

/// The verbs by group, or all there is to know about `verb`.
///
/// # Errors
/// When there is no such verb.
pub fn help(catalog: Catalog, verb: Option<&str>) -> Result<String, CommandError> {
    let Some(verb) = verb else { return Ok(overview(catalog)) };
    let api = catalog.api(verb).ok_or_else(|| CommandError::UnknownVerb {
        verb: verb.to_owned(),
        similar: catalog.similar_verb(verb).map(str::to_owned),
    })?;
    Ok(detail(catalog, api))
}

/// What the overview ends with.
const LINES: &str = "
'help VERB' tells what a verb takes. A line is Verb name=value …, and '-> name' at its end remembers
the answer as $name.";

fn overview(catalog: Catalog) -> String {
    let mut groups: BTreeMap<&str, Vec<&ApiMeta>> = BTreeMap::new();
    for api in catalog.apis() {
        groups.entry(api.group).or_default().push(api);
    }
    let widest = catalog.apis().iter().map(|api| api.name.len()).max().unwrap_or_default();
    let mut text = String::new();
    for (group, mut apis) in groups {
        apis.sort_by_key(|api| api.name);
        text.push_str(&format!("{group}\n"));
        for api in apis {
            text.push_str(format!("  {:widest$}  {}", api.name, api.doc).trim_end());
            text.push('\n');
        }
    }
    text + LINES
}

fn detail(catalog: Catalog, api: &'static ApiMeta) -> String {
    let mut text = format!("{}\n  {}\n", api.name, api.doc);
    let waits = if api.is_job { "; waits for a job" } else { "" };
    text.push_str(&format!("  {} {}{waits}\n", api.method.as_str(), api.path));
    if let Some(resource) = catalog.queried(api) {
        text.push_str(
            "\nconditions: name=value, and instead of '=' one of != > >= < <= ~= !~= ?= !?=; name=null; name!=null\n",
        );
        let fields = resource.fields.iter().filter(|field| !field.hidden).map(|field| field.wire);
        let collections = resource.collections.iter().map(|collection| collection.wire);
        text.push_str(&format!("  fields: {}\n", fields.chain(collections).collect::<Vec<_>>().join(", ")));
        let joins = resource.nested.iter().map(|nested| nested.wire);
        let joins = joins.chain(resource.expands.iter().filter(|expand| !expand.hidden).map(|expand| expand.name));
        let joins: Vec<String> =
            joins.chain(resource.aliases.iter().map(|alias| alias.name)).map(|name| format!("{name}.…")).collect();
        if !joins.is_empty() {
            text.push_str(&format!("  of what belongs to it: {}\n", joins.join(", ")));
        }
        text.push_str("\nalso\n");
        for (name, meaning) in SPECIALS {
            text.push_str(&format!("  {name:16}  {meaning}\n"));
        }
    } else if !api.params.is_empty() {
        text.push_str("\nparameters (* must be given)\n");
        let (required, optional): (Vec<&ParamMeta>, Vec<&ParamMeta>) =
            api.params.iter().partition(|param| param.required);
        let widest = api.params.iter().map(|param| param.name.len()).max().unwrap_or_default() + 1;
        for param in required.into_iter().chain(optional) {
            let star = if param.required { "*" } else { "" };
            let line = format!("  {:widest$}  {}", format!("{}{star}", param.name), param.doc);
            text.push_str(line.trim_end());
            text.push('\n');
            let indent = " ".repeat(widest + 4);
            text.push_str(&format!("{indent}{}\n", rules(param)));
        }
    }
    text.push_str(&answer(api.reply));
    text
}

/// The type and the rules of a parameter, in words.
pub(super) fn rules(param: &ParamMeta) -> String {
    let mut parts = vec![match param.kind {
        ParamKind::String if param.resource.is_some() => "uuid".to_owned(),
        ParamKind::String => "text".to_owned(),
        ParamKind::Integer => "number".to_owned(),
        ParamKind::Long => "number, may end in K, M, G or T".to_owned(),
        ParamKind::Boolean => "true or false".to_owned(),
        ParamKind::StringList => "list: a,b".to_owned(),
        ParamKind::LongList => "list of numbers: 1,2".to_owned(),
        ParamKind::StringMap => "map: {'key': 'value'}".to_owned(),
        ParamKind::StringListMap => "map of lists: {'key': ['a', 'b']}".to_owned(),
        ParamKind::Json(what) => format!("structure: {what}"),
    }];
    if let Some(resource) = param.resource {
        parts.push(format!("of {}", resource.trim_end_matches("VO")));
    }
    if !param.valid_values.is_empty() {
        parts.push(format!("one of {}", param.valid_values.join(", ")));
    }
    if let Some((least, most)) = param.range {
        parts.push(format!("{least} to {most}"));
    }
    if let Some(most) = param.max_length {
        parts.push(format!("at most {most} characters"));
    }
    if let Some(regex) = param.regex {
        parts.push(format!("matching {regex}"));
    }
    if let Some(default) = param.default {
        parts.push(format!("{default} unless given"));
    }
    if secrets::is_secret(None, param.name) {
        parts.push("secret: asked for when left out".to_owned());
    }
    parts.join("; ")
}

fn answer(reply: ReplyShape) -> String {
    let fields: Vec<String> =
        reply.fields().iter().map(|field| format!("{} ({})", field.name, field.type_name)).collect();
    if fields.is_empty() {
        "\nanswers with nothing".to_owned()
    } else {
        format!("\nanswers with {}", fields.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::catalog;

    #[test]
    fn the_overview_has_every_verb_under_its_group() {
        let text = help(catalog(), None).expect("always");
        for api in catalog().apis() {
            assert!(text.contains(&format!("  {}", api.name)), "{} is missing", api.name);
        }
        assert!(text.contains("\nzone\n  ChangeZoneState"));
    }

    #[test]
    fn a_verb_tells_its_parameters_required_ones_first() {
        let text = help(catalog(), Some("DeleteZone")).expect("declared");
        assert!(text.contains("DELETE /zones/{uuid}; waits for a job"), "{text}");
        assert!(text.contains("uuid; of Zone") && text.contains("one of Permissive, Enforcing"), "{text}");
        assert!(text.find("uuid*") < text.find("deleteMode"), "{text}");
        assert!(help(catalog(), Some("AddKVMHost")).expect("declared").contains("secret"));
    }

    #[test]
    fn a_query_tells_its_fields_but_not_the_hidden_ones() {
        let text = help(catalog(), Some("QueryZone")).expect("declared");
        assert!(text.contains("uuid, name, description, state, createDate, clusterUuids"), "{text}");
        assert!(text.contains("racks.…, cluster.…, host.…") && text.contains("replyWithCount"), "{text}");
    }

    #[test]
    fn an_unknown_verb_is_guessed() {
        let problem = help(catalog(), Some("QuerryZone")).expect_err("unknown").to_string();
        assert_eq!(problem, "there is no verb QuerryZone; did you mean QueryZone?");
    }
}
