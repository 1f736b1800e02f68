//! What the two lists promise: everything declared is in them, once, and refers only to what is in them.

use std::{collections::BTreeSet, fs, path::Path};

use cumulo_contracts::{apis, resources};
use cumulo_schema::{ApiKind, FieldKind, FieldMeta, ParamMeta, Rbac, ResourceMeta, SeenBy, default_value};

use crate::resources::{levels, named};

/// Resources of parameters that have no table: any resource at all, and kinds that there are none of yet.
const NOT_OURS: [&str; 4] = ["ResourceVO", "TagPatternVO", "UserVO", "VolumeSnapshotVO"];

/// The structs under `folder` that carry the attribute `attribute`.
fn declared(folder: &str, attribute: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder);
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let text = fs::read_to_string(entry.expect("it can be listed").path()).expect("sources are text");
        for item in text.split(&format!("\n#[{attribute}(")).skip(1) {
            let (_, rest) = item.split_once("pub struct ").expect("the attribute is on a struct");
            names.insert(rest.chars().take_while(|letter| letter.is_alphanumeric()).collect());
        }
    }
    names
}

fn assert_once<'n>(what: &str, names: impl Iterator<Item = &'n str>) {
    let mut seen = BTreeSet::new();
    for name in names {
        assert!(seen.insert(name), "{what} {name} is there twice");
    }
}

#[test]
fn every_declared_api_is_listed_once() {
    assert_once("API", apis().iter().map(|api| api.name));
    assert_eq!(declared("api", "api"), apis().iter().map(|api| api.name.to_owned()).collect());
}

#[test]
fn every_declared_resource_is_listed_once() {
    let all = resources();
    assert_once("resource", all.iter().map(|meta| meta.name));
    assert_once("table", all.iter().map(|meta| meta.table));
    assert_once("VO", all.iter().map(|meta| meta.vo));
    let kernel = cumulo_schema::system::RESOURCES;
    let own = all.iter().filter(|meta| !kernel.iter().any(|other| other.name == meta.name));
    assert_eq!(declared("resource", "resource"), own.map(|meta| meta.name.to_owned()).collect());
}

fn field(meta: &'static ResourceMeta, wire: &str) -> Option<&'static FieldMeta> {
    levels(meta).find_map(|level| level.field(wire))
}

#[test]
fn resources_refer_to_resources_and_fields_that_exist() {
    let has = |resource: &str, wire: &str| named(resource).is_some_and(|meta| field(meta, wire).is_some());
    for meta in resources() {
        let name = meta.name;
        for target in meta.fields.iter().filter_map(|field| field.references) {
            assert!(named(target).is_some(), "{name} refers to {target}");
        }
        for nested in meta.nested {
            let found = field(meta, nested.from).is_some() && has(nested.resource, nested.to);
            assert!(found, "{name}: members {}", nested.wire);
        }
        for collection in meta.collections {
            let found = has(collection.resource, collection.join) && has(collection.resource, collection.field);
            assert!(found, "{name}: collection {}", collection.wire);
        }
        for expand in meta.expands {
            let found = field(meta, expand.from).is_some() && has(expand.resource, expand.to);
            assert!(found, "{name}: join {}", expand.name);
        }
        for wire in meta.uniques.iter().copied().flatten() {
            assert!(meta.field(wire).is_some(), "{name}: unique {wire}");
        }
        if let Some(parent) = meta.parent {
            assert!(named(parent.resource).is_some_and(|parent| parent.type_field.is_some()), "{name}: parent");
            assert_eq!(meta.key().wire, "uuid", "{name}: the row of a kind has its parent's id");
        }
    }
}

#[test]
fn parameters_have_rules_that_can_be_applied() {
    for api in apis() {
        assert_once(&format!("{}: parameter", api.name), api.params.iter().map(|param| param.name));
        for param in api.params {
            check(param, api.name);
        }
    }
}

fn check(param: &ParamMeta, api: &str) {
    let name = param.name;
    if let Some(expression) = param.regex {
        assert!(regex::Regex::new(expression).is_ok(), "{api}: {name}: {expression} is no expression");
    }
    if param.default.is_some() {
        let default = default_value(param);
        assert!(default.is_some(), "{api}: {name}: the default is of another type");
        let refused = param.check(default.as_ref()).err();
        assert!(refused.is_none(), "{api}: {name}: the default breaks a rule: {refused:?}");
    }
    if let Some(vo) = param.resource {
        let known = resources().iter().any(|meta| meta.vo == vo) || NOT_OURS.contains(&vo);
        assert!(known, "{api}: {name}: no resource is a {vo}");
    }
    assert!(param.range.is_none_or(|(least, greatest)| least <= greatest), "{api}: {name}: an empty range");
}

/// Resources that have no owner of their own; the services that handle them ask whose they are.
const ASKED_BY_SERVICES: [&str; 1] = ["SystemTagVO"];

/// Resources whose rows name the account that they are of; the kernel's check compares it.
fn names_its_account(meta: &'static ResourceMeta) -> bool {
    meta.seen_by.iter().any(|rule| matches!(rule, SeenBy::Account(_)))
}

#[test]
fn who_sees_a_resource_follows_fields_that_exist() {
    for meta in resources() {
        for rule in meta.seen_by {
            let found = match rule {
                SeenBy::All => true,
                SeenBy::Account(wire) | SeenBy::Owner(wire) | SeenBy::User(wire) => {
                    meta.field(wire).is_some_and(|field| field.kind == FieldKind::Uuid)
                }
                SeenBy::UserOf { resource, field } => {
                    named(resource).is_some_and(|other| other.owned && other.field(field).is_some())
                }
                SeenBy::Flag(wire) => meta.field(wire).is_some_and(|field| field.kind == FieldKind::Boolean),
            };
            assert!(found, "{}: {rule:?}", meta.name);
        }
    }
}

#[test]
fn a_query_that_any_account_may_make_says_who_sees_what() {
    for api in apis().iter().filter(|api| api.rbac == Rbac::Normal) {
        let ApiKind::Query(resource) = api.kind else { continue };
        let meta = named(resource).expect("declared");
        let said = levels(meta).any(|level| !level.seen_by.is_empty());
        assert!(said, "{}: say `owned` or `seen_by(…)` of {}, or nobody but the admin finds any", api.name, meta.name);
    }
}

#[test]
fn what_belongs_to_an_account_is_guarded_wherever_others_could_name_it() {
    let open_to_all = apis().iter().filter(|api| api.rbac == Rbac::Normal);
    for (api, param) in open_to_all.flat_map(|api| api.params.iter().map(move |param| (api.name, param))) {
        let Some(meta) = resources().into_iter().find(|meta| param.resource == Some(meta.vo)) else { continue };
        let guarded = param.check_account || param.operation_target;
        let owned = levels(meta).any(|level| level.owned);
        assert!(guarded || !owned, "{api}: any account may name the {} of another as {}", meta.name, param.name);
        let asked = ASKED_BY_SERVICES.contains(&meta.vo) || names_its_account(meta);
        assert!(owned || asked || !guarded, "{api}: {} is guarded, but a {} has no owner", param.name, meta.name);
    }
}

#[test]
fn zone_names_are_those_of_the_reference() {
    let param = cumulo_contracts::apis().iter().find_map(|api| (api.name == "CreateZone").then(|| api.param("name")));
    let name = param.flatten().expect("CreateZone has a name");
    let accepted = |text: &str| name.check(Some(&serde_json::json!(text))).is_ok();
    for good in ["", "zone1", "a b  c", "区域 (1)", "a-b_c.d:e+f\"g\""] {
        assert!(accepted(good), "{good:?}");
    }
    for bad in [" zone", "zone ", " ", "a;b", "a\nb", "$(reboot)", "a'b"] {
        assert!(!accepted(bad), "{bad:?}");
    }
}
