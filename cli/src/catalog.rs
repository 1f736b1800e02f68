//! What there is to say: the declared APIs and resources, found by name, with a guess for a name that is not there.

use cumulo_schema::{ApiKind, ApiMeta, ResourceMeta};

/// Names less alike than this (Jaro-Winkler, 0 to 1) are no typing error of each other.
const ALIKE: f64 = 0.84;

/// The declarations a command line works with.
#[derive(Debug, Clone, Copy)]
pub struct Catalog {
    apis: &'static [&'static ApiMeta],
    resources: &'static [&'static ResourceMeta],
}

impl Catalog {
    /// A catalogue of `apis` over `resources`.
    #[must_use]
    pub const fn new(apis: &'static [&'static ApiMeta], resources: &'static [&'static ResourceMeta]) -> Self {
        Self { apis, resources }
    }

    /// Every API, in the order of declaration.
    #[must_use]
    pub fn apis(&self) -> &'static [&'static ApiMeta] {
        self.apis
    }

    /// The API called `verb`, exactly.
    #[must_use]
    pub fn api(&self, verb: &str) -> Option<&'static ApiMeta> {
        self.apis.iter().copied().find(|api| api.name == verb)
    }

    /// The resource called `name`: `VmInstance`.
    #[must_use]
    pub fn resource(&self, name: &str) -> Option<&'static ResourceMeta> {
        self.resources.iter().copied().find(|resource| resource.name == name)
    }

    /// The resource that `api` queries, when it is a query.
    #[must_use]
    pub fn queried(&self, api: &ApiMeta) -> Option<&'static ResourceMeta> {
        match api.kind {
            ApiKind::Query(resource) => self.resource(resource),
            ApiKind::Plain | ApiKind::Create | ApiKind::Delete => None,
        }
    }

    /// The resource that an inventory of `api`'s answer describes, for the columns of a table.
    #[must_use]
    pub fn answered(&self, api: &ApiMeta) -> Option<&'static ResourceMeta> {
        self.queried(api).or_else(|| {
            let types = api.reply.fields().iter().map(|field| field.type_name);
            let inner = types.map(|name| name.strip_prefix("List<").and_then(|n| n.strip_suffix('>')).unwrap_or(name));
            inner.into_iter().find_map(|name| self.resources.iter().copied().find(|r| r.inventory == name))
        })
    }

    /// The query API over the resource with this VO name: `QueryZone` for `ZoneVO`.
    #[must_use]
    pub fn query_of(&self, vo: &str) -> Option<&'static ApiMeta> {
        self.apis.iter().copied().find(|api| self.queried(api).is_some_and(|resource| resource.vo == vo))
    }

    /// A declared verb that `typed` was probably meant to be.
    #[must_use]
    pub fn similar_verb(&self, typed: &str) -> Option<&'static str> {
        nearest(typed, self.apis.iter().map(|api| api.name))
    }
}

/// The candidate that `typed` was probably meant to be; letter case does not count as a difference.
#[must_use]
pub fn nearest<'a>(typed: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = typed.to_lowercase();
    candidates
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&typed, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use crate::testing::catalog;

    #[test]
    fn a_typing_error_finds_the_verb_and_nonsense_finds_none() {
        assert_eq!(catalog().similar_verb("createzone"), Some("CreateZone"));
        assert_eq!(catalog().similar_verb("CraeteZone"), Some("CreateZone"));
        assert_eq!(catalog().similar_verb("xyzzy"), None);
    }

    #[test]
    fn answers_and_uuids_lead_to_resources() {
        let catalog = catalog();
        let create = catalog.api("CreateZone").expect("declared");
        assert_eq!(catalog.answered(create).map(|resource| resource.name), Some("Zone"));
        assert_eq!(catalog.query_of("ZoneVO").map(|api| api.name), Some("QueryZone"));
        assert!(catalog.query_of("NoSuchVO").is_none());
    }
}
