//! Resources: the members of their inventories, their classes and kinds.

use std::collections::BTreeMap;

use cumulo_contracts::resources;
use cumulo_schema::{FieldKind, ResourceMeta};

use crate::{
    Differences,
    reference::{InventoryMeta, REFERENCE},
};

#[test]
fn every_inventory_is_as_the_reference_has_it() {
    let mut differences = Differences::default();
    for ours in resources() {
        match REFERENCE.inventories.get(ours.inventory) {
            Some(reference) => compare_members(&mut differences, reference, ours),
            None => differences.note(ours.inventory, "the reference has no such inventory"),
        }
        if let Some(reference) = REFERENCE.inventory_meta.get(ours.inventory) {
            compare_meta(&mut differences, reference, ours);
        }
    }
    differences.settle("resources");
}

/// The resource and, before it, what it is a kind of.
pub(crate) fn levels(ours: &'static ResourceMeta) -> impl Iterator<Item = &'static ResourceMeta> {
    let parent = ours.parent.and_then(|parent| named(parent.resource));
    parent.into_iter().chain([ours])
}

/// The resource called `name`.
pub(crate) fn named(name: &str) -> Option<&'static ResourceMeta> {
    resources().into_iter().find(|meta| meta.name == name)
}

fn compare_members(differences: &mut Differences, reference: &BTreeMap<String, String>, ours: &'static ResourceMeta) {
    let members = members(ours);
    for (name, type_name) in reference {
        let at = format!("{}/{name}", ours.inventory);
        match members.get(name.as_str()) {
            Some(types) if types.iter().any(|ours| ours == type_name) => {}
            Some(types) => differences.note(&at, &format!("reference {type_name}, ours one of {types:?}")),
            None => differences.note(&at, &format!("the member is missing, of type {type_name}")),
        }
    }
    for name in members.keys().filter(|name| !reference.contains_key(**name)) {
        differences.note(&format!("{}/{name}", ours.inventory), "the reference has no such member");
    }
}

/// The members that `ours` shows, each with the names that its type may have in the reference.
fn members(ours: &'static ResourceMeta) -> BTreeMap<&'static str, Vec<String>> {
    let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<String>>();
    let mut members = BTreeMap::new();
    for level in levels(ours) {
        for field in level.fields.iter().filter(|field| !field.hidden) {
            let types = match field.kind {
                FieldKind::Uuid | FieldKind::String => {
                    list(&["String", "IpRangeType", "LongJobState", "TagPatternType"])
                }
                FieldKind::Integer => list(&["Integer", "int"]),
                FieldKind::Long => list(&["Long", "long"]),
                FieldKind::Boolean => list(&["Boolean", "boolean"]),
                FieldKind::Timestamp => list(&["Timestamp"]),
                FieldKind::Json => list(&["Object"]),
            };
            members.insert(field.wire, types);
        }
        for nested in level.nested {
            let child = named(nested.resource).map_or(nested.resource, |child| child.inventory);
            members.insert(nested.wire, vec![format!("List<{child}>"), format!("Set<{child}>")]);
        }
        for collection in level.collections {
            members.insert(collection.wire, list(&["List<String>", "Set<String>"]));
        }
    }
    members
}

fn compare_meta(differences: &mut Differences, reference: &InventoryMeta, ours: &'static ResourceMeta) {
    let at = |what: &str| format!("{}/{what}", ours.inventory);
    differences.compare(&at("class"), reference.java_class.as_str(), ours.java_class);
    if let Some(vo) = &reference.vo {
        differences.compare(&at("vo"), vo.as_str(), ours.vo);
    }
    let type_field = levels(ours).find_map(|level| level.type_field);
    differences.compare(&at("type field"), reference.type_field.as_deref(), type_field);
    let parents = reference.parent_type.iter().map(|parent| (parent.inventory.as_str(), parent.type_value.as_str()));
    let our_parent = ours.parent.and_then(|parent| Some((named(parent.resource)?.inventory, parent.type_value)));
    differences.compare(&at("parent"), parents.collect(), our_parent.into_iter().collect::<Vec<_>>());
    for secret in &reference.no_see {
        let shown = levels(ours).filter_map(|level| level.field(secret)).any(|field| !field.hidden);
        differences.compare(&at(secret), false, shown);
    }
}
