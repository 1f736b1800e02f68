//! Whole scenarios against a node that answers as told and a "host" that is this machine's shell.

use std::{os::unix::fs::PermissionsExt, path::Path, time::Duration};

use serde_json::{Value, json};

use super::{Report, Scenario, parse, run};
use crate::{
    console::{Console, NobodyToAsk},
    http::{Client, Silent, Trust},
    session::Keeper,
    testing::{
        catalog,
        node::{FakeNode, Reply},
    },
};

fn host_exec(directory: &Path) -> std::ffi::OsString {
    let path = directory.join("on-host");
    std::fs::write(&path, "#!/bin/sh\nexec sh -c \"$1\"\n").expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("executable");
    path.into_os_string()
}

/// The report of a run of `text`, and its log.
async fn played(node: &FakeNode, text: &str) -> (Report, String) {
    let directory = tempfile::tempdir().expect("a directory");
    let client = Client::new(node.endpoint.parse().expect("an endpoint"), &Trust::System).expect("a client");
    let keeper = Keeper::in_memory(None);
    let mut console = Console::new(catalog(), client, keeper, Box::new(Silent), Box::new(NobodyToAsk));
    console.variables.give("HOST_PASSWORD", "S3CR3T");
    let scenario = Scenario {
        name: "trial".into(),
        lines: parse("trial", text).expect("readable"),
        host_exec: Some(host_exec(directory.path())),
        host_limit: Duration::from_secs(2),
    };
    let mut log = Vec::new();
    let report = run(&scenario, &mut console, &mut log).await.expect("memory takes the log");
    (report, String::from_utf8(log).expect("text"))
}

async fn node() -> FakeNode {
    let node = FakeNode::start().await;
    let zone = json!({"inventory": {"uuid": "z1", "name": "it's $(x)", "nics": [{"ip": "10.0.0.1"}]}});
    node.on("PUT /accounts/login", [Reply::Json(200, json!({"inventory": {"uuid": "s1"}}))])
        .on("POST /zones", [Reply::job(zone)])
        .on("POST /hosts/kvm", [Reply::job(json!({"inventory": {"uuid": "h1"}}))])
        .on("DELETE /zones/z1", [Reply::job(json!({}))])
        .on("GET /zones", [Reply::Json(200, json!({"inventories": []}))]);
    node
}

#[tokio::test]
async fn values_go_from_line_to_line_and_to_the_host() {
    let node = node().await;
    let text = "\
        # a comment\n\
        LogInByAccount accountName=admin password=hunter2\n\
        CreateZone name=Z -> zone\n\
        AddKVMHost name=h managementIp=$zone.nics[0].ip password=$HOST_PASSWORD -> host\n\
        ! test \"$zone.name\" = \"it's \\$(x)\" && test $host = h1\n\
        DeleteZone uuid=$zone\n";
    let (report, log) = played(&node, text).await;
    assert!(report.passed, "{log}");
    assert!(log.ends_with("scenario: trial passed\n"), "{log}");
    let calls = node.calls();
    assert_eq!(calls[2].body["params"]["managementIp"], "10.0.0.1");
    assert_eq!(calls[2].body["params"]["password"], "S3CR3T");
    assert_eq!(calls[2].authorization.as_deref(), Some("OAuth s1"));
    assert_eq!(calls[3].line, "DELETE /zstack/v1/zones/z1");
    let verbs: Vec<Option<&str>> = report.lines.iter().map(|line| line.verb.as_deref()).collect();
    assert_eq!(verbs[2..], [Some("AddKVMHost"), None, Some("DeleteZone")]);
    assert!(report.lines.windows(2).all(|pair| pair[0].began <= pair[0].ended && pair[0].ended <= pair[1].began));
    let written: Value = serde_json::to_value(&report).expect("serialises");
    assert_eq!(written["values"]["zone"]["uuid"], "z1");
    for secret in ["hunter2", "S3CR3T"] {
        assert!(!log.contains(secret) && !written.to_string().contains(secret), "{log}");
    }
}

#[tokio::test]
async fn the_first_failure_ends_it_and_is_named_with_its_line() {
    let node = node().await;
    node.on("POST /zones", [Reply::Job { polls: 0, end: Box::new(Reply::error("SYS.1006", "no room")) }]);
    let (report, log) = played(&node, "QueryZone\n\nCreateZone name=Z -> zone\nQueryZone\n").await;
    assert!(!report.passed);
    assert!(log.ends_with("scenario: trial failed at line 3: no room [SYS.1006]\n"), "{log}");
    assert_eq!(report.lines.last().and_then(|line| line.failure.as_deref()), Some("no room [SYS.1006]"));
    assert_eq!(node.calls().len(), 2);
}

#[tokio::test]
async fn names_that_stand_for_nothing_fail_the_line_that_uses_them() {
    let node = node().await;
    for (text, expected) in [
        ("QueryZone\nDeleteZone uuid=$zone\n", "failed at line 2: nothing was remembered as $zone"),
        ("! echo $zone\n", "failed at line 1: nothing was remembered as $zone"),
        ("QueryZone -> zone\n", "failed at line 1: the query found nothing to remember as $zone"),
        (
            "CreateZone name=Z -> zone\nDeleteZone uuid=$zone.nics[3].ip\n",
            "failed at line 2: $zone.nics[3].ip leads nowhere",
        ),
    ] {
        let (report, log) = played(&node, text).await;
        assert!(!report.passed && log.contains(expected), "{text}: {log}");
    }
}

#[tokio::test]
async fn a_shell_command_that_stays_false_is_told_with_its_output() {
    let (report, log) = played(&node().await, "! echo packet lost; false\n").await;
    assert!(!report.passed);
    assert!(log.contains("failed at line 1: not true after") && log.ends_with("it said: packet lost\n"), "{log}");
}

#[tokio::test]
async fn a_refusal_has_to_come_and_to_be_the_right_one() {
    let node = node().await;
    node.on("POST /zones", [Reply::Job { polls: 0, end: Box::new(Reply::error("SYS.1007", "name is mandatory")) }]);
    let (report, log) = played(&node, "? SYS.1007 CreateZone description=x\n").await;
    assert!(report.passed, "the server is asked although a name is missing: {log}");
    let (_, log) = played(&node, "? ID.1001 CreateZone name=x\n").await;
    let expected = "it should be refused with ID.1001, but fails differently: name is mandatory [SYS.1007]";
    assert!(log.contains(expected), "{log}");
    let (_, log) = played(&node, "? SYS.1007 QueryZone\n").await;
    assert!(log.contains("it should be refused with SYS.1007, but succeeds"), "{log}");
}

#[tokio::test]
async fn what_a_query_finds_and_an_answer_says_is_held_against_what_was_expected() {
    let node = node().await;
    let text = "CreateZone name=Z -> zone\n= 0 QueryZone\n= z1 $zone\n= 10.0.0.1 $zone.nics[0].ip\n";
    let (report, log) = played(&node, text).await;
    assert!(report.passed, "{log}");
    for (text, expected) in [
        ("= 1 QueryZone\n", "failed at line 1: it should find 1, but finds 0"),
        ("CreateZone name=Z -> zone\n= z2 $zone\n", "failed at line 2: it should be z2, but is z1"),
        ("= z1 $zone\n", "failed at line 1: nothing was remembered as $zone"),
        ("= 1 CreateZone name=Z\n", "failed at line 1: it is no query, which is what finds a number of things"),
    ] {
        let (report, log) = played(&node, text).await;
        assert!(!report.passed && log.contains(expected), "{text}: {log}");
    }
}
