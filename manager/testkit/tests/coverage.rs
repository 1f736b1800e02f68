//! Every flow is failed everywhere by some test: the one that says so in its header.

use std::{collections::BTreeSet, fs, path::Path};

/// Flows by the names in the `flows.toml` of every service and plugin.
fn flows(manager: &Path) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for folder in ["services", "plugins"] {
        for entry in fs::read_dir(manager.join(folder)).expect("a folder") {
            let Ok(text) = fs::read_to_string(entry.expect("an entry").path().join("flows.toml")) else { continue };
            let headers = text.lines().filter_map(|line| line.strip_prefix('[')?.strip_suffix(']'));
            names.extend(headers.map(str::to_owned));
        }
    }
    names
}

fn sources(folder: &Path, texts: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, texts);
        } else if path.extension().is_some_and(|extension| extension == "rs") && path.iter().any(|part| part == "tests")
        {
            texts.push(fs::read_to_string(&path).expect("readable"));
        }
    }
}

#[test]
fn no_flow_is_without_a_test_that_fails_it_everywhere() {
    let manager = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut texts = Vec::new();
    sources(&manager, &mut texts);
    let flows = flows(&manager);
    assert!(flows.len() > 5, "the configuration was read: {flows:?}");
    let marker = |flow: &String| format!("flow failed everywhere: {flow}\n");
    let without: Vec<_> = flows.iter().filter(|flow| !texts.iter().any(|text| text.contains(&marker(flow)))).collect();
    assert!(without.is_empty(), "no test fails these flows everywhere: {without:?}");
}
