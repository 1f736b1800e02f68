//! Who may depend on whom, read off `cargo metadata`: services and plugins meet only in `manager/app`.

use std::{collections::BTreeMap, process::Command};

use serde_json::Value;

/// Crate to the folder it lies in, and to the workspace crates it needs outside of tests.
fn workspace() -> (BTreeMap<String, String>, BTreeMap<String, Vec<String>>) {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(root)
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let root = metadata["workspace_root"].as_str().expect("a root").to_owned();
    let (mut folders, mut needs) = (BTreeMap::new(), BTreeMap::new());
    for package in metadata["packages"].as_array().expect("packages") {
        let name = package["name"].as_str().expect("a name").to_owned();
        let manifest = package["manifest_path"].as_str().expect("a path");
        let folder = manifest.strip_prefix(&root).expect("inside the workspace").trim_start_matches('/');
        folders.insert(name.clone(), folder.trim_end_matches("/Cargo.toml").to_owned());
        let dependencies = package["dependencies"].as_array().expect("dependencies").iter();
        let ours = dependencies
            .filter(|dependency| dependency["path"].is_string() && dependency["kind"] != "dev")
            .map(|dependency| dependency["name"].as_str().expect("a name").to_owned());
        needs.insert(name, ours.collect());
    }
    (folders, needs)
}

/// What a crate in a folder may depend on.
fn allowed(folder: &str, on: &str) -> bool {
    let any = |list: &[&str]| list.contains(&on);
    match folder {
        "proto" | "manager/derive" => false,
        "manager/schema" => any(&["manager/derive"]),
        "manager/kernel" | "manager/contracts" => any(&["manager/schema", "manager/derive"]),
        "agent-rt" => any(&["proto"]),
        "kvm-agent" | "storage-agent" | "vrouter-agent" => any(&["proto", "agent-rt"]),
        "cli" => any(&["manager/schema", "manager/contracts"]),
        "manager/gateway" => any(&["proto", "agent-rt", "manager/schema", "manager/derive", "manager/kernel"]),
        "manager/testdb" | "tests/model" => any(&["manager/schema", "manager/kernel"]),
        "tests/chaos" => any(&[
            "manager/schema",
            "manager/kernel",
            "manager/contracts",
            "manager/plugins/simulator",
            "manager/testdb",
            "tests/hosts",
        ]),
        "tests/simulation" => any(&[
            "proto",
            "agent-rt",
            "kvm-agent",
            "storage-agent",
            "manager/schema",
            "manager/kernel",
            "manager/gateway",
            "manager/app",
            "tests/chaos",
            "tests/hosts",
        ]),
        "tests/hosts" => any(&["proto", "agent-rt", "kvm-agent", "storage-agent"]),
        "bench/report" => false,
        "manager/testkit" | "manager/testnode" | "manager/app" => true,
        "bench" | "bench/agents" | "bench/bus" | "bench/kernel" | "bench/query" => true,
        _ if folder.starts_with("manager/services/") => {
            any(&["manager/schema", "manager/derive", "manager/kernel", "manager/contracts"])
        }
        _ if folder.starts_with("manager/plugins/") => any(&[
            "proto",
            "manager/schema",
            "manager/derive",
            "manager/kernel",
            "manager/contracts",
            "manager/gateway",
        ]),
        other => panic!("the folder {other} has no rule; give it one"),
    }
}

#[test]
fn crates_depend_only_on_what_their_folder_may() {
    let (folders, needs) = workspace();
    assert!(folders.len() > 10, "the workspace was read");
    for (name, dependencies) in &needs {
        for dependency in dependencies {
            let (from, on) = (&folders[name], &folders[dependency]);
            assert!(allowed(from, on), "{from} must not depend on {on}: they meet only in manager/app");
        }
    }
}
