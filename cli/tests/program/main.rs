//! The real program against a node that answers as told: what it sends, prints, keeps, and exits with.

#[path = "../../src/testing/node.rs"]
mod node;
mod scenario;
mod sessions;
mod shell;
mod terminal;
mod tutorial;

use std::{path::PathBuf, process::Output};

use assert_cmd::Command;
use node::{FakeNode, Reply};
use serde_json::json;

/// A home of its own, and a node.
struct Place {
    home: tempfile::TempDir,
    node: FakeNode,
}

impl Place {
    async fn new() -> Self {
        let node = FakeNode::start().await;
        node.on("PUT /accounts/login", [Reply::Json(200, json!({"inventory": {"uuid": "s1", "accountUuid": "a"}}))])
            .on("GET /zones", [Reply::Json(200, json!({"inventories": [{"uuid": "z1", "name": "ZONE1"}]}))])
            .on("POST /zones", [Reply::job(json!({"inventory": {"uuid": "z1", "name": "ZONE1"}}))])
            .on("DELETE /zones/z1", [Reply::job(json!({}))]);
        Self { home: tempfile::tempdir().expect("a directory"), node }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn program(&self) -> Command {
        let mut command = Command::cargo_bin("cumulo").expect("built");
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", self.home.path());
        command.env("CUMULO_ENDPOINT", &self.node.endpoint);
        command
    }

    /// Runs the program with `arguments` and `input` off the runtime's threads.
    async fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = self.program();
        command.args(arguments).write_stdin(input);
        run(command).await
    }

    /// As [`Place::run`]; the exit code and standard error.
    async fn ended(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = self.run(arguments, "").await;
        (output.status.code(), String::from_utf8(output.stderr).expect("text"))
    }
}

async fn run(mut command: Command) -> Output {
    let ran = tokio::task::spawn_blocking(move || command.output());
    ran.await.expect("no panic").expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}
