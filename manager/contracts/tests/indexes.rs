//! Every join and every name that conditions commonly begin with is looked up by an index that the declaration asks for.

use std::collections::BTreeSet;

use cumulo_contracts::resources;
use cumulo_schema::{FieldMeta, ResourceMeta};

/// What is read whole because there is never much of it: kinds of network services, and undos still owed.
const FEW: [&str; 2] = ["NetworkServiceType.type", "GarbageCollector.name"];

/// Whether the database finds rows of `meta` by `field` without reading them all.
fn is_found_by(meta: &ResourceMeta, field: &FieldMeta) -> bool {
    let first_of_unique = meta.uniques.iter().any(|unique| unique.first() == Some(&field.wire));
    field.unique || (field.indexed && !field.long) || first_of_unique
}

#[test]
fn both_ends_of_every_join_are_indexed() {
    let all = resources();
    let named = |name: &str| *all.iter().find(|meta| meta.name == name).expect("declared");
    let mut slow = BTreeSet::new();
    let mut end = |meta: &'static ResourceMeta, wire: &str| {
        let parent = meta.parent.map(|parent| named(parent.resource));
        let levels = [Some(meta), parent].into_iter().flatten();
        let (owner, field) = levels.filter_map(|meta| Some((meta, meta.field(wire)?))).next().expect("declared");
        if !is_found_by(owner, field) {
            slow.insert(format!("{}.{}", owner.name, field.wire));
        }
    };
    for meta in &all {
        for expand in meta.expands {
            end(meta, expand.from);
            end(named(expand.resource), expand.to);
        }
        for nested in meta.nested {
            end(named(nested.resource), nested.to);
        }
        for collection in meta.collections {
            end(named(collection.resource), collection.join);
            end(named(collection.resource), collection.field);
        }
        for field in meta.fields.iter().filter(|field| field.references.is_some()) {
            end(meta, field.wire);
        }
    }
    slow.retain(|column| !FEW.contains(&column.as_str()));
    assert!(slow.is_empty(), "without an index: {slow:#?}");
}

#[test]
fn names_and_ids_are_indexed() {
    let common = ["uuid", "name"];
    let slow: Vec<String> = resources()
        .iter()
        .filter(|meta| !meta.internal)
        .flat_map(|meta| meta.fields.iter().map(move |field| (meta, field)))
        .filter(|(meta, field)| common.contains(&field.wire) && !is_found_by(meta, field))
        .map(|(meta, field)| format!("{}.{}", meta.name, field.wire))
        .filter(|column| !FEW.contains(&column.as_str()))
        .collect();
    assert!(slow.is_empty(), "without an index: {slow:#?}");
}
