//! Names that can stand before an operator.

use cumulo_schema::{ApiMeta, ResourceMeta};

use super::{complete::Candidate, help};
use crate::{Catalog, command::SPECIALS};

/// Conditions on tags, which every resource has.
const TAGS: [&str; 2] = ["__systemTag__", "__userTag__"];

/// The parameters of `api` that are not `given` yet, required ones first.
pub(super) fn parameters(api: &'static ApiMeta, given: &[String]) -> Vec<Candidate> {
    let open = api.params.iter().filter(|param| !given.iter().any(|name| name == param.name));
    let (required, optional): (Vec<_>, Vec<_>) = open.partition(|param| param.required);
    let candidate = |param: &cumulo_schema::ParamMeta| {
        let star = if param.required { "* " } else { "" };
        Candidate::open(format!("{}=", param.name), format!("{star}{} [{}]", param.doc, help::rules(param)))
    };
    required.into_iter().chain(optional).map(candidate).collect()
}

/// What a query of `resource` can compare, and what steers it. `typed` may already lead through joins.
pub(super) fn conditions(catalog: Catalog, resource: &'static ResourceMeta, typed: &str) -> Vec<Candidate> {
    let (path, at) = typed.rsplit_once('.').map_or(("", ""), |(path, _)| (path, "."));
    let (Some(target), _) = walk(catalog, resource, typed) else { return Vec::new() };
    let name = |name: &str, end: &str| format!("{path}{at}{name}{end}");
    let fields = target.fields.iter().filter(|field| !field.hidden);
    let fields = fields.map(|field| Candidate::open(name(field.wire, "="), ""));
    let collections = target.collections.iter();
    let collections = collections
        .map(|list| Candidate::open(name(list.wire, "="), format!("any {} of {}", list.field, list.resource)));
    let nested = target.nested.iter().map(|nested| (nested.wire, nested.resource));
    let expands = target.expands.iter().filter(|expand| !expand.hidden).map(|expand| (expand.name, expand.resource));
    let aliases = target.aliases.iter().map(|alias| (alias.name, alias.path));
    let joins = nested.chain(expands).chain(aliases).map(|(join, to)| Candidate::open(name(join, "."), to));
    let mut all: Vec<Candidate> = fields.chain(collections).chain(joins).collect();
    if path.is_empty() {
        all.extend(TAGS.iter().map(|tag| Candidate::open(format!("{tag}="), "a tag on it")));
        all.extend(SPECIALS.iter().map(|(special, meaning)| Candidate::open(format!("{special}="), *meaning)));
    }
    all
}

/// Follows the joins of `name` from `resource`: the resource they lead to, if they do, and the field's name there.
pub(super) fn walk<'a>(
    catalog: Catalog,
    resource: &'static ResourceMeta,
    name: &'a str,
) -> (Option<&'static ResourceMeta>, &'a str) {
    let Some((join, rest)) = name.split_once('.') else { return (Some(resource), name) };
    let expanded = resource.expands.iter().find(|expand| expand.name == join).map(|expand| expand.resource);
    let nested = || resource.nested.iter().find(|nested| nested.wire == join).map(|nested| nested.resource);
    if let Some(next) = expanded.or_else(nested).and_then(|name| catalog.resource(name)) {
        return walk(catalog, next, rest);
    }
    // An alias stands for a path of joins; its last one leads to where the rest goes on.
    let alias = resource.aliases.iter().find(|alias| alias.name == join);
    let through = alias.and_then(|alias| joined(catalog, resource, alias.path));
    through.map_or((None, rest), |next| walk(catalog, next, rest))
}

/// The resource at the end of a path made of joins only.
fn joined(catalog: Catalog, resource: &'static ResourceMeta, path: &str) -> Option<&'static ResourceMeta> {
    path.split('.').try_fold(resource, |at, join| {
        let expand = at.expands.iter().find(|expand| expand.name == join)?;
        catalog.resource(expand.resource)
    })
}
