//! One command, several, a file, standard input; and how each of them ends.

use serde_json::{Value, json};

use crate::{Place, Reply, text};

#[tokio::test]
async fn a_query_prints_json_and_nothing_else() {
    let place = Place::new().await;
    let output = place.run(&["QueryZone", "name~=ZONE%", "sort=-name"], "").await;
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(answer["inventories"][0]["uuid"], "z1");
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
    assert_eq!(place.node.calls()[0].query, "q=name%7E%3DZONE%25&sort=-name");
}

#[tokio::test]
async fn a_table_is_there_for_the_asking() {
    let place = Place::new().await;
    let output = place.run(&["--output", "table", "QueryZone"], "").await;
    assert!(text(&output.stdout).contains("ZONE1") && !text(&output.stdout).contains('{'));
}

#[tokio::test]
async fn scripts_from_everywhere_share_their_variables() {
    let place = Place::new().await;
    let script = "CreateZone name=ZONE1 -> zone\n# away with it\nDeleteZone uuid=$zone\n";
    std::fs::write(place.path("script"), script).expect("written");
    let file = place.path("script").display().to_string();
    let ways = [
        (vec!["-c", "CreateZone name=ZONE1 -> zone", "-c", "DeleteZone uuid=$zone"], ""),
        (vec![file.as_str()], ""),
        (vec![], script),
        (vec!["-"], script),
    ];
    for (arguments, input) in ways {
        let before = place.node.calls().len();
        let output = place.run(&arguments, input).await;
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output.stderr));
        assert!(output.stderr.is_empty(), "no spinner where nobody looks: {}", text(&output.stderr));
        let lines: Vec<String> = place.node.calls()[before..].iter().map(|call| call.line.clone()).collect();
        assert_eq!(lines, ["POST /zstack/v1/zones", "DELETE /zstack/v1/zones/z1"], "{arguments:?}");
        let answers = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Value>();
        assert_eq!(answers.filter_map(Result::ok).count(), 2);
    }
}

#[tokio::test]
async fn a_script_stops_at_its_first_failure_and_names_the_line() {
    let place = Place::new().await;
    place.node.on("POST /zones", [Reply::error("SYS.1006", "no room")]);
    let output = place.run(&[], "QueryZone\n\nCreateZone name=a\nQueryZone\n").await;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stderr), "error: standard input, line 3: no room [SYS.1006]\n");
    assert_eq!(place.node.calls().len(), 2);
}

#[tokio::test]
async fn exit_codes_tell_what_went_wrong() {
    let place = Place::new().await;
    let create = ["CreateZone", "name=a"].as_slice();
    let lost_job = Reply::LostJob { polls: 0, end: Box::new(Reply::Json(200, json!({"inventory": {"uuid": "z"}}))) };
    for (reply, code) in [
        (Reply::job(json!({"inventory": {"uuid": "z"}})), 0),
        (lost_job, 0),
        (Reply::Job { polls: 0, end: Box::new(Reply::error("SYS.1006", "no")) }, 1),
        (Reply::error("HOST.1000", "no"), 1),
        (Reply::error("SYS.1007", "no"), 3),
        (Reply::error("ID.1001", "no"), 3),
        (Reply::Text(400, "no"), 3),
        (Reply::Text(403, "no"), 3),
        (Reply::Text(405, "no"), 3),
        (Reply::Lost, 4),
        (Reply::Text(200, "<html>"), 4),
    ] {
        place.node.on("POST /zones", [reply.clone()]);
        let (ended, told) = place.ended(create).await;
        assert_eq!(ended, Some(code), "{reply:?}: {told}");
        assert_eq!(told.is_empty(), code == 0, "{reply:?}: {told}");
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_not_sent() {
    let place = Place::new().await;
    for (arguments, told) in [
        (vec!["CraeteZone", "name=a"], "there is no verb CraeteZone; did you mean CreateZone?"),
        (vec!["CreateZone"], "CreateZone needs name"),
        (vec!["CreateZone", "nmae=a"], "CreateZone has no parameter nmae; did you mean name?"),
        (vec!["CreateZone", "a"], "word 2 is not name=value"),
        (vec!["QueryZone", "--output", "table"], "options stand before the verb"),
        (vec!["-c", "CreateZone name='a"], "the ' opened at column 17 is never closed"),
        (vec!["-c", "DeleteZone uuid=$zone"], "nothing was remembered as $zone"),
        (vec!["no/such/file"], "cannot read no/such/file"),
        (vec!["--endpoint", "ftp://x", "QueryZone"], "is no endpoint"),
        (vec!["help", "QuerryZone"], "did you mean QueryZone?"),
    ] {
        let (code, error) = place.ended(&arguments).await;
        assert_eq!(code, Some(2), "{arguments:?}: {error}");
        assert!(error.contains(told), "{arguments:?}: {error}");
    }
    assert!(place.node.calls().is_empty());
}

#[tokio::test]
async fn nobody_there_is_a_code_and_a_sentence() {
    let place = Place::new().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
    let endpoint = format!("http://{free}");
    let (code, error) = place.ended(&["--endpoint", &endpoint, "QueryZone"]).await;
    assert_eq!(code, Some(4));
    assert!(error.contains(&format!("the management node at {endpoint} cannot be reached")), "{error}");
    assert!(error.contains("because Connection refused"), "{error}");
}

#[tokio::test]
async fn help_needs_no_node_and_knows_every_verb() {
    let place = Place::new().await;
    let output = place.run(&["help"], "").await;
    assert_eq!(output.status.code(), Some(0));
    for api in cumulo_contracts::apis() {
        assert!(text(&output.stdout).contains(&format!("  {} ", api.name)), "{}", api.name);
    }
}

#[tokio::test]
async fn a_zql_text_reaches_the_node_as_it_was_typed() {
    let place = Place::new().await;
    place.node.on("GET /zql", [Reply::Json(200, json!({"results": [{"inventories": [], "total": 0}]}))]);
    let zql = "query vminstance where vmNics.ip = '10.0.0.1' and name != \"it's\" limit 5; count host";
    let typed = format!("ZQLQuery zql=\"{}\"\n", zql.replace('"', "\\\""));
    let output = place.run(&[], &typed).await;
    assert_eq!(output.status.code(), Some(0), "{typed}: {}", text(&output.stderr));
    let output = place.run(&["ZQLQuery", &format!("zql={zql}"), "explain=true"], "").await;
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(answer["results"][0]["total"], 0);
    let sent: Vec<String> =
        place.node.calls().iter().filter(|call| call.line.contains("zql")).map(|c| c.query.clone()).collect();
    let encoded =
        "query+vminstance+where+vmNics.ip+%3D+%2710.0.0.1%27+and+name+%21%3D+%22it%27s%22+limit+5%3B+count+host";
    for query in &sent {
        assert!(query.contains(encoded), "{query}");
    }
    assert_eq!(sent.len(), 2);
}
