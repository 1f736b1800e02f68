//! `cumulo scenario`.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::{Place, run, text};

/// A scenario in the place, and a program that runs its shell commands here.
fn prepare(place: &Place, scenario: &str) -> [String; 4] {
    let (file, exec) = (place.path("trial.scenario"), place.path("on-host"));
    std::fs::write(&file, scenario).expect("written");
    std::fs::write(&exec, "#!/bin/sh\nexec sh -c \"$1\"\n").expect("written");
    std::fs::set_permissions(&exec, std::fs::Permissions::from_mode(0o755)).expect("executable");
    ["scenario".into(), file.display().to_string(), "--host-exec".into(), exec.display().to_string()]
}

#[tokio::test]
async fn it_passes_reports_and_leaves_no_session() {
    let place = Place::new().await;
    let arguments = prepare(
        &place,
        "LogInByAccount accountName=admin password=$PASSWORD\nCreateZone name=Z description=$WHAT -> zone\n! test $zone.name = ZONE1\n",
    );
    let report = place.path("report.json");
    let mut scenario = place.program();
    scenario.args(arguments).args(["--var", "WHAT=a=b", "--var", "PASSWORD", "--report"]).arg(&report);
    scenario.env("PASSWORD", "hunter2");
    let output = run(scenario).await;
    let log = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{log}{}", text(&output.stderr));
    assert!(log.ends_with("scenario: trial passed\n"), "{log}");
    assert_eq!(place.node.calls()[1].body["params"]["description"], "a=b");
    let report = std::fs::read_to_string(report).expect("written");
    let read: Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!(read["passed"], true);
    assert_eq!(read["values"]["zone"]["name"], "ZONE1");
    assert_eq!(read["lines"][2]["tries"], 1);
    assert!(read["lines"][1]["ended"].as_f64() <= read["lines"][2]["began"].as_f64());
    assert!(!report.contains("hunter2") && !log.contains("hunter2"));
    assert!(!place.path(".cumulo").exists());
}

#[tokio::test]
async fn it_fails_with_the_line_and_still_reports() {
    let place = Place::new().await;
    let mut arguments = prepare(&place, "QueryZone\n! echo no such packet; exit 1\nQueryZone\n").to_vec();
    let report = place.path("report.json").display().to_string();
    arguments.extend(["--host-timeout", "2", "--name", "packets", "--report", &report].map(str::to_owned));
    let output = place.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), "").await;
    assert_eq!(output.status.code(), Some(1));
    let log = text(&output.stdout);
    assert!(
        log.contains("scenario: packets failed at line 2: ") && log.ends_with("it said: no such packet\n"),
        "{log}"
    );
    let read: Value = serde_json::from_str(&std::fs::read_to_string(report).expect("written")).expect("JSON");
    assert_eq!((&read["passed"], read["lines"].as_array().map(Vec::len)), (&Value::Bool(false), Some(2)));
}

#[tokio::test]
async fn mistakes_in_the_file_and_the_options_are_told_before_anything_runs() {
    let place = Place::new().await;
    let [scenario, file, ..] = prepare(&place, "QueryZone\nCreateZone name='\n");
    for (more, told) in
        [([].as_slice(), "line 2: the line cannot be read"), (&["--var", "NO_SUCH_VARIABLE_HERE"], "line 2")]
    {
        let arguments: Vec<&str> = [scenario.as_str(), &file].into_iter().chain(more.iter().copied()).collect();
        let (code, error) = place.ended(&arguments).await;
        assert_eq!(code, Some(2), "{error}");
        assert!(error.contains(told), "{error}");
    }
    let [scenario, file, ..] = prepare(&place, "QueryZone\n");
    for (variable, told) in [("NO_SUCH_VARIABLE_HERE", "no such environment variable"), ("a-b=c", "letters, digits")] {
        let (code, error) = place.ended(&[&scenario, &file, "--var", variable]).await;
        assert_eq!(code, Some(2), "{error}");
        assert!(error.contains(told), "{error}");
    }
    assert!(place.node.calls().is_empty());
}
