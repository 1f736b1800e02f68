//! Paths to APIs (wire.md §1).
//!
//! A trie over segments; a literal segment is preferred to a variable, left to right, with backtracking; variable names
//! belong to the API, not to the tree, since templates at one place name them differently. Empty segments do not count.

use std::collections::HashMap;

use cumulo_schema::{ApiMeta, Method};

/// Finds the APIs behind a path.
#[derive(Debug, Default)]
pub(super) struct Routes {
    root: Node,
}

#[derive(Debug, Default)]
struct Node {
    literal: HashMap<String, Node>,
    variable: Option<Box<Node>>,
    apis: Vec<Route>,
}

/// An API at one of its templates.
#[derive(Debug, Clone, Copy)]
pub(super) struct Route {
    pub(super) meta: &'static ApiMeta,
    template: &'static str,
}

/// APIs that share a template, and what the variables were.
#[derive(Debug, Clone)]
pub(super) struct Match<'r> {
    pub(super) apis: &'r [Route],
    values: Vec<String>,
}

impl Match<'_> {
    /// The path variables as `route` names them.
    pub(super) fn variables(&self, route: &Route) -> impl Iterator<Item = (&'static str, &str)> {
        let names = segments(route.template).filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
        names.zip(self.values.iter().map(String::as_str))
    }

    /// Whether one of its APIs can be meant by `method`. POST and PUT stand for each other where one of them has no API
    /// of its own: clients mix them up (wire.md §1).
    pub(super) fn serves(&self, method: Method) -> bool {
        self.apis.iter().any(|route| match method {
            Method::Get | Method::Delete => route.meta.method == method,
            Method::Post | Method::Put => matches!(route.meta.method, Method::Post | Method::Put),
        })
    }
}

impl Routes {
    pub(super) fn add(&mut self, meta: &'static ApiMeta) {
        for template in std::iter::once(meta.path).chain(meta.optional_paths.iter().copied()) {
            let mut node = &mut self.root;
            for segment in segments(template) {
                node = match segment.starts_with('{') {
                    true => node.variable.get_or_insert_default(),
                    false => node.literal.entry(segment.to_owned()).or_default(),
                };
            }
            node.apis.push(Route { meta, template });
        }
    }

    /// The best match of `path` for `method`; where none serves the method, the best match of the path alone.
    pub(super) fn find(&self, method: Method, path: &str) -> Option<Match<'_>> {
        let given: Vec<&str> = segments(path).collect();
        let mut matches = Vec::new();
        walk(&self.root, &given, &mut Vec::new(), &mut matches);
        let serving = matches.iter().position(|found| found.serves(method));
        (!matches.is_empty()).then(|| matches.swap_remove(serving.unwrap_or(0)))
    }
}

fn walk<'r>(node: &'r Node, rest: &[&str], values: &mut Vec<String>, matches: &mut Vec<Match<'r>>) {
    let Some((first, rest)) = rest.split_first() else {
        if !node.apis.is_empty() {
            matches.push(Match { apis: &node.apis, values: values.clone() });
        }
        return;
    };
    if let Some(next) = node.literal.get(*first) {
        walk(next, rest, values, matches);
    }
    if let Some(next) = &node.variable {
        values.push((*first).to_owned());
        walk(next, rest, values, matches);
        values.pop();
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

#[cfg(test)]
mod tests {
    use cumulo_schema::{ApiKind, Rbac, ReplyShape};

    use super::*;

    const PLAIN: ApiMeta = ApiMeta {
        name: "",
        doc: "",
        group: "",
        service: "",
        java_package: "",
        java_class: "",
        method: Method::Get,
        path: "",
        optional_paths: &[],
        body_key: None,
        is_job: false,
        needs_session: true,
        rbac: Rbac::Normal,
        secret_reply: false,
        kind: ApiKind::Plain,
        timeout_secs: 300,
        default_timeout: "300000",
        params: &[],
        reply: ReplyShape::Empty,
    };

    const LOGIN: ApiMeta = ApiMeta { name: "Login", method: Method::Put, path: "/accounts/login", ..PLAIN };
    const UPDATE: ApiMeta = ApiMeta { name: "Update", method: Method::Put, path: "/accounts/{uuid}", ..PLAIN };
    const DELETE: ApiMeta = ApiMeta { name: "Delete", method: Method::Delete, path: "/accounts/{uuid}", ..PLAIN };
    const RANGES: ApiMeta = ApiMeta { name: "Ranges", path: "/l3/ip-ranges/{x}", ..PLAIN };
    const DNS: ApiMeta = ApiMeta { name: "Dns", path: "/l3/{l3}/dns", ..PLAIN };

    fn routes() -> Routes {
        let mut routes = Routes::default();
        for meta in [&LOGIN, &UPDATE, &DELETE, &RANGES, &DNS] {
            routes.add(meta);
        }
        routes
    }

    fn found(method: Method, path: &str) -> Option<String> {
        let routes = routes();
        let found = routes.find(method, path)?;
        let route = found.apis.iter().find(|route| route.meta.method == method)?;
        let variables: Vec<String> = found.variables(route).map(|(name, value)| format!("{name}={value}")).collect();
        Some(format!("{} {}", route.meta.name, variables.join(" ")))
    }

    #[test]
    fn literals_win_and_empty_segments_do_not_count() {
        assert_eq!(found(Method::Put, "/accounts/login").as_deref(), Some("Login "));
        assert_eq!(found(Method::Put, "/accounts//7").as_deref(), Some("Update uuid=7"));
        assert_eq!(found(Method::Get, "//l3/ip-ranges/dns/").as_deref(), Some("Ranges x=dns"));
        assert_eq!(found(Method::Get, "/l3/7/dns").as_deref(), Some("Dns l3=7"));
        assert_eq!(found(Method::Get, "/nowhere"), None);
    }

    #[test]
    fn a_literal_without_the_verb_falls_back_to_the_variable() {
        assert_eq!(found(Method::Delete, "/accounts/login").as_deref(), Some("Delete uuid=login"));
    }
}
