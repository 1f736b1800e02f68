//! A plan as text: what would be done, to what, and what is in the way.

use std::fmt::Write;

use serde_json::Value;

use crate::render::printable;

/// Hosts told one by one before the rest is only counted.
const HOSTS: usize = 20;

/// `plan` as lines; members it lacks are left out.
pub(super) fn of(plan: &Value) -> String {
    let mut out = String::new();
    let (steps, resources, vetoes) = (list(plan, "steps"), list(plan, "resources"), list(plan, "vetoes"));
    let verdict = match vetoes.len() {
        0 => "nothing is in its way".to_owned(),
        1 => "1 thing is in its way".to_owned(),
        more => format!("{more} things are in its way"),
    };
    line(&mut out, &format!("Plan of {}: {verdict}. Nothing was done.", text(plan, "api")));
    if !steps.is_empty() {
        line(&mut out, "\nSteps, in this order:");
    }
    for (at, step) in steps.iter().enumerate() {
        let count = step["count"].as_u64().map_or_else(String::new, |count| format!(" ×{count}"));
        let description = text(step, "description");
        let colon = if description.is_empty() { "" } else { ": " };
        line(&mut out, &format!("{:>3}. {}{count}{colon}{description}", at + 1, text(step, "name")));
    }
    if !resources.is_empty() {
        line(&mut out, "\nTouched:");
    }
    let width = resources.iter().map(|touched| text(touched, "resource").chars().count()).max().unwrap_or(0);
    for touched in resources {
        let (count, effect) = (touched["count"].as_u64().unwrap_or(0), text(touched, "effect"));
        line(&mut out, &format!("  {:width$}  {count:>8}  {effect}", text(touched, "resource")));
    }
    hosts(&mut out, &list(&plan["explanations"], "hosts"));
    if !vetoes.is_empty() {
        line(&mut out, "\nIn its way:");
    }
    for veto in vetoes {
        line(&mut out, &format!("  - {} ({})", text(veto, "details"), text(veto, "code")));
    }
    out.trim_end().to_owned()
}

fn hosts(out: &mut String, verdicts: &[&Value]) {
    if !verdicts.is_empty() {
        line(out, "\nHosts:");
    }
    for verdict in verdicts.iter().take(HOSTS) {
        let (name, uuid) = (text(verdict, "name"), text(verdict, "hostUuid"));
        let says = match verdict.get("refusedBy") {
            None => "takes it".to_owned(),
            Some(_) => format!("{} [{}]", text(verdict, "reason"), text(verdict, "refusedBy")),
        };
        line(out, &format!("  {name} ({uuid}): {says}"));
    }
    if let Some(more) = verdicts.len().checked_sub(HOSTS + 1) {
        line(out, &format!("  and {} more", more + 1));
    }
}

fn line(out: &mut String, text: &str) {
    // A string takes everything.
    let _ = writeln!(out, "{text}");
}

fn list<'v>(value: &'v Value, member: &str) -> Vec<&'v Value> {
    value[member].as_array().into_iter().flatten().collect()
}

fn text(value: &Value, member: &str) -> String {
    value[member].as_str().map(printable).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_plan_is_told_in_its_order_with_counts_and_what_is_in_the_way() {
        let plan = json!({
            "api": "DeleteZone",
            "steps": [
                { "name": "VmInstanceVO deleted", "description": "because of HostVO", "count": 2 },
                { "name": "enter", "description": "" },
            ],
            "resources": [{ "resource": "VmInstanceVO", "effect": "removed", "count": 2, "uuids": ["a", "b"] }],
            "vetoes": [{ "code": "SYS.1006", "details": "host 'h\u{1b}' is away" }],
            "explanations": { "hosts": [
                { "name": "h1", "hostUuid": "u1", "lackingCpu": 0, "lackingMemory": 0 },
                { "name": "h2", "hostUuid": "u2", "refusedBy": "capacity", "reason": "lacks 3 CPUs" },
            ] },
        });
        let shown = of(&plan);
        for wanted in [
            "Plan of DeleteZone: 1 thing is in its way. Nothing was done.",
            "  1. VmInstanceVO deleted ×2: because of HostVO\n  2. enter\n",
            "  VmInstanceVO         2  removed",
            "  h1 (u1): takes it\n  h2 (u2): lacks 3 CPUs [capacity]",
            "  - host 'h\\u{1b}' is away (SYS.1006)",
        ] {
            assert!(shown.contains(wanted), "{wanted}\n---\n{shown}");
        }
    }

    #[test]
    fn many_hosts_are_counted() {
        let hosts: Vec<Value> = (0..25).map(|n| json!({ "name": format!("h{n}"), "hostUuid": "u" })).collect();
        let shown = of(&json!({ "api": "CreateVmInstance", "explanations": { "hosts": hosts } }));
        assert!(shown.ends_with("and 5 more"), "{shown}");
    }
}
