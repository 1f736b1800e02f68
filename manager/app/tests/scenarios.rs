//! An API that is routed and tested by itself may still be of no use to who types it: every one is used in a scenario of
//! `tests/scenarios`, or stands here with the reason why not.

use std::{collections::BTreeSet, fs, path::Path};

/// APIs of no scenario, one group a reason.
const UNUSED: &[&str] = &[
    // What they find depends on how far another call is at that moment; manager/testkit/tests waits for it.
    "CancelLongJob",
    "CleanLongJob",
    "RerunLongJob",
    "DeleteLongJob",
    // A scenario leaves no debts; failures that do are made in manager/testkit/tests.
    "TriggerGCJob",
    "DeleteGCJob",
    // Nor a flow that nobody knows how to go on with: manager/kernel/tests/parked.rs.
    "RetryFlow",
    "SkipFlowStep",
    "AbandonFlow",
    // It is always refused: manager/testkit/tests/guests/nic.rs.
    "AttachL3NetworkToVmNic",
];

/// The words with which calls begin, refused ones left out.
fn used() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scenarios");
    let mut words = BTreeSet::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be listed").path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            let text = fs::read_to_string(path).expect("scenarios are text");
            words.extend(text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned));
        }
    }
    words
}

#[test]
fn every_api_is_used_in_a_scenario() {
    let used = used();
    let declared: BTreeSet<&str> = cumulo_contracts::apis().iter().map(|api| api.name).collect();
    let forgotten: Vec<&&str> =
        declared.iter().filter(|name| !used.contains(**name) && !UNUSED.contains(name)).collect();
    assert!(forgotten.is_empty(), "no scenario uses {forgotten:?}");
    let stale: Vec<&&str> = UNUSED.iter().filter(|name| used.contains(**name) || !declared.contains(**name)).collect();
    assert!(stale.is_empty(), "these are used, or are no APIs any more: {stale:?}");
}
