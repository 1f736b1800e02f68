//! What can be asked of each resource: conditions, joins, short names of joins.

use std::collections::{BTreeMap, BTreeSet};

use cumulo_contracts::{apis, resources};
use cumulo_schema::{ApiKind, Collection, Expand, ResourceMeta};

use crate::{
    Differences,
    reference::{Query, QueryCollection, REFERENCE},
    resources::{levels, named},
};

#[test]
fn every_query_takes_what_the_reference_takes() {
    let mut differences = Differences::default();
    for api in apis() {
        let ApiKind::Query(resource) = api.kind else { continue };
        let ours = named(resource).expect("a query is of a declared resource");
        let Some(reference) = REFERENCE.queries.get(api.name) else {
            differences.note(api.name, "the reference has no such query");
            continue;
        };
        differences.compare(&format!("{}/inventory", api.name), reference.inventory.as_str(), ours.inventory);
        compare_kind(&mut differences, api.name, reference, ours);
        compare_fields(&mut differences, api.name, reference, ours);
        compare_collections(&mut differences, api.name, reference, ours);
        compare_expands(&mut differences, api.name, reference, ours);
        compare_aliases(&mut differences, api.name, reference, ours);
    }
    differences.settle("queries");
}

/// Whether we have the resource behind an inventory yet: only then can a join lead there.
fn is_ours(inventory: &str) -> bool {
    resources().iter().any(|meta| meta.inventory == inventory)
}

/// The name in ZQL, the field that switches to a kind, and that tags are conditions on everything.
fn compare_kind(differences: &mut Differences, api: &str, reference: &Query, ours: &'static ResourceMeta) {
    let entity = ours.inventory.strip_suffix("Inventory").map(str::to_lowercase);
    differences.compare(&format!("{api}/zql"), Some(&reference.zql_entity), entity.as_ref());
    // Without kinds of its own a resource has nothing to switch to.
    let has_kinds = resources().iter().any(|meta| meta.parent.is_some_and(|parent| parent.resource == ours.name));
    if has_kinds {
        differences.compare(&format!("{api}/type field"), reference.type_field.as_deref(), ours.type_field);
    }
    let tags: Vec<&str> = reference.tag_fields.iter().map(String::as_str).collect();
    differences.compare(&format!("{api}/tags"), tags, vec!["__systemTag__", "__userTag__", "__tagUuid__"]);
}

fn compare_fields(differences: &mut Differences, api: &str, reference: &Query, ours: &'static ResourceMeta) {
    let fields = levels(ours).flat_map(|level| level.fields).filter(|field| !field.hidden).map(|field| field.wire);
    let fields: BTreeSet<&str> = fields.collect();
    let theirs: BTreeSet<&str> = reference.primitive_fields.keys().map(String::as_str).collect();
    for missing in theirs.difference(&fields) {
        differences.note(&format!("{api}/{missing}"), "the condition is missing");
    }
    for more in fields.difference(&theirs) {
        let known = reference.unqueryable.iter().any(|name| name == more);
        differences.note(
            &format!("{api}/{more}"),
            if known { "no condition in the reference" } else { "unknown to the reference" },
        );
    }
}

fn compare_collections(differences: &mut Differences, api: &str, reference: &Query, ours: &'static ResourceMeta) {
    let inventory_of = |collection: &Collection| named(collection.resource).map(|meta| meta.inventory);
    let collections: BTreeMap<&str, _> = levels(ours)
        .flat_map(|level| level.collections)
        .map(|found| (found.wire, (inventory_of(found), Some(found.join), Some(found.field))))
        .collect();
    let theirs: BTreeMap<&str, _> = reference
        .queryable_collections
        .iter()
        .filter(|(_, theirs)| is_ours(&theirs.mapping_class) && theirs.column.is_some())
        .map(|(wire, theirs)| {
            let columns = (theirs.join_column.as_deref(), theirs.column.as_deref());
            (wire.as_str(), (Some(theirs.mapping_class.as_str()), columns.0, columns.1))
        })
        .collect();
    compare_maps(differences, api, &theirs, &collections);
}

fn compare_expands(differences: &mut Differences, api: &str, reference: &Query, ours: &'static ResourceMeta) {
    let inventory_of = |expand: &Expand| named(expand.resource).map(|meta| meta.inventory);
    let expands: BTreeMap<&str, _> = levels(ours)
        .flat_map(|level| level.expands)
        .map(|found| (found.name, (inventory_of(found), found.from, found.to, found.hidden)))
        .collect();
    let joins = reference.expanded_queries.iter().filter(|theirs| is_ours(&theirs.inventory_class)).map(|theirs| {
        let key = (theirs.foreign_key.as_str(), theirs.expanded_inventory_key.as_str());
        (theirs.expanded_field.as_str(), (Some(theirs.inventory_class.as_str()), key.0, key.1, theirs.hidden))
    });
    // A collection of whole inventories, not of one column, is to us a join like any other.
    let whole = |(_, theirs): &(&String, &QueryCollection)| is_ours(&theirs.mapping_class) && theirs.column.is_none();
    let wholes = reference.queryable_collections.iter().filter(whole).map(|(wire, theirs)| {
        let to = theirs.join_column.as_deref().unwrap_or_default();
        (wire.as_str(), (Some(theirs.mapping_class.as_str()), "uuid", to, false))
    });
    let theirs = joins.chain(wholes).collect();
    compare_maps(differences, api, &theirs, &expands);
}

fn compare_aliases(differences: &mut Differences, api: &str, reference: &Query, ours: &'static ResourceMeta) {
    let aliases: BTreeMap<&str, &str> =
        levels(ours).flat_map(|level| level.aliases).map(|alias| (alias.name, alias.path)).collect();
    for (name, path) in &aliases {
        if !resolves(ours, path) {
            differences.note(&format!("{api}/{name}"), &format!("{path} leads nowhere"));
        }
    }
    let theirs: BTreeMap<&str, &str> = reference
        .aliases
        .iter()
        .map(|theirs| (theirs.alias.as_str(), theirs.expanded_field.as_str()))
        .filter(|(_, path)| resolves(ours, path))
        .collect();
    compare_maps(differences, api, &theirs, &aliases);
}

/// Whether each part of `path` is a join of what the parts before it lead to.
fn resolves(from: &'static ResourceMeta, path: &str) -> bool {
    let step = |at: &'static ResourceMeta, part: &str| {
        let found = levels(at).find_map(|level| level.expands.iter().find(|expand| expand.name == part))?;
        named(found.resource)
    };
    path.split('.').try_fold(from, step).is_some()
}

fn compare_maps<T: PartialEq + std::fmt::Debug>(
    differences: &mut Differences,
    api: &str,
    reference: &BTreeMap<&str, T>,
    ours: &BTreeMap<&str, T>,
) {
    let names: BTreeSet<&&str> = reference.keys().chain(ours.keys()).collect();
    for name in names {
        differences.compare(&format!("{api}/{name}"), reference.get(*name), ours.get(*name));
    }
}
