//! Ansible's output, made into one sentence: what was wrong, where, what to do.
//!
//! The default output prints a failure as `fatal: [machine]: FAILED! => {json}` below the line that names the task. The
//! JSON output would be nicer to read but comes with a collection that is not part of ansible-core.

use serde_json::Value;

use super::SshTarget;

/// Characters of a message that are shown.
const MESSAGE_LIMIT: usize = 1000;
/// Lines of output that go into the error.
const TAIL_LINES: usize = 40;

/// The last lines of the output.
pub(super) fn tail(output: &str) -> String {
    let lines: Vec<_> = output.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

/// The failure that ended the run.
pub(super) fn explain(output: &str, target: &SshTarget) -> String {
    let host = &target.host;
    match failure(output) {
        Some(Failure { unreachable: true, message, .. }) => unreachable(&message, target),
        Some(Failure { message, .. }) if is_sudo(&message) => format!(
            "account '{}' on {host} may not become root with this password; use root or an account with sudo",
            target.username
        ),
        Some(Failure { task, message, .. }) => {
            format!("deploying to {host} failed at '{task}': {}", one_line(&message))
        }
        None => {
            let said = output.lines().map(str::trim).find(|line| line.starts_with("ERROR!"));
            let last = output.lines().map(str::trim).rfind(|line| !line.is_empty());
            let said = said.or(last).unwrap_or("Ansible said nothing");
            format!("Ansible could not deploy to {host}: {}", one_line(said))
        }
    }
}

struct Failure {
    task: String,
    message: String,
    unreachable: bool,
}

/// The last failure that was not ignored: a rescued one comes before the one that says why.
fn failure(output: &str) -> Option<Failure> {
    let mut task = String::new();
    let mut found = None;
    for line in output.lines() {
        if let Some(title) = line.strip_prefix("TASK [").and_then(|rest| rest.split(']').next()) {
            task = title.rsplit(" : ").next().unwrap_or(title).to_owned();
        } else if line.starts_with("...ignoring") {
            found = None;
        } else if line.starts_with("fatal: [") || line.starts_with("failed: [") {
            let Some((head, result)) = line.split_once("=> ") else { continue };
            let result: Value = serde_json::from_str(result).unwrap_or_else(|_| Value::from(result));
            let unreachable = head.contains("UNREACHABLE!");
            found = Some(Failure { task: task.clone(), message: message(&result), unreachable });
        }
    }
    found
}

/// `msg`, with what the command itself said where `msg` only says that it failed.
fn message(result: &Value) -> String {
    let text = |name: &str| result.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
    let msg = text("msg").or(result.as_str()).unwrap_or("it did not say why");
    match text("stderr").or(text("module_stderr")) {
        Some(stderr) if !msg.contains(stderr) => format!("{msg}: {stderr}"),
        _ => msg.to_owned(),
    }
}

/// SSH's many ways to say that it did not get in.
fn unreachable(message: &str, target: &SshTarget) -> String {
    let SshTarget { host, port, username, .. } = target;
    let says = |texts: &[&str]| texts.iter().any(|text| message.contains(text));
    if says(&["REMOTE HOST IDENTIFICATION HAS CHANGED", "Host key verification failed"]) {
        format!(
            "{host} shows another SSH key than when it was first deployed to; if the machine was installed anew, delete \
             it here and add it again, otherwise find out who answers at that address"
        )
    } else if says(&["Permission denied", "ncorrect password"]) {
        format!(
            "{host} refused the login of '{username}'; check user name and password, and that sshd allows passwords"
        )
    } else if says(&["Connection refused"]) {
        format!("{host} refuses SSH on port {port}; check the port and that sshd runs there")
    } else if says(&["timed out", "No route to host", "is unreachable", "Host is down"]) {
        format!("{host} does not answer on port {port}; check its address, its power and the network between")
    } else if says(&["Could not resolve hostname"]) {
        format!("the name {host} has no address; check it or use an address")
    } else {
        format!("could not log in to {host} over SSH: {}", one_line(message))
    }
}

fn is_sudo(message: &str) -> bool {
    ["Missing sudo password", "Incorrect sudo password", "is not in the sudoers", "sudo: a password is required"]
        .iter()
        .any(|text| message.contains(text))
}

fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(MESSAGE_LIMIT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secret;

    fn target() -> SshTarget {
        SshTarget { host: "10.0.0.9".into(), port: 2222, username: "ops".into(), password: Secret::new("x") }
    }

    fn unreachable_line(msg: &str) -> String {
        format!(
            "TASK [agent : Look at the host] ***\nfatal: [machine]: UNREACHABLE! => {}\n",
            serde_json::json!({
                "changed": false, "msg": format!("Failed to connect to the host via ssh: {msg}"), "unreachable": true,
            })
        )
    }

    #[test]
    fn ssh_failures_say_what_to_check() {
        for (msg, wanted) in [
            ("ssh: connect to host 10.0.0.9 port 2222: Connection refused", "check the port"),
            ("ops@10.0.0.9: Permission denied (publickey,password).", "refused the login of 'ops'"),
            ("ssh: connect to host 10.0.0.9 port 2222: Connection timed out", "does not answer on port 2222"),
            ("@@@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @@@", "another SSH key"),
            ("something new", "something new"),
        ] {
            let said = explain(&unreachable_line(msg), &target());
            assert!(said.contains(wanted) && said.contains("10.0.0.9"), "{said}");
        }
    }

    #[test]
    fn a_failed_task_is_named_with_its_message() {
        let output = "TASK [agent : Install missing packages] ***\n\
            fatal: [machine]: FAILED! => {\"changed\": false, \"msg\": \"No package matching 'qemu' is available\"}\n\
            PLAY RECAP ***\n";
        let said = explain(output, &target());
        assert_eq!(
            said,
            "deploying to 10.0.0.9 failed at 'Install missing packages': No package matching 'qemu' is available"
        );
    }

    #[test]
    fn a_commands_own_words_are_added_and_ignored_failures_are_not_taken() {
        let output = "TASK [a] ***\nfatal: [machine]: FAILED! => {\"msg\": \"ignored\"}\n...ignoring\n\
            TASK [agent : Run] ***\n\
            failed: [machine] (item=x) => {\"msg\": \"non-zero return code\", \"stderr\": \"no\\nspace\"}\n";
        assert!(explain(output, &target()).ends_with("'Run': non-zero return code: no space"));
    }

    #[test]
    fn output_without_a_failure_still_says_something() {
        assert!(explain("ERROR! the playbook could not be found\n", &target()).contains("could not be found"));
        assert!(explain("", &target()).contains("said nothing"));
    }

    #[test]
    fn only_the_end_of_the_output_is_kept() {
        let output: String = (0..100).map(|n| format!("line {n}\n")).collect();
        let tail = tail(&output);
        assert_eq!(tail.lines().count(), TAIL_LINES);
        assert!(tail.ends_with("line 99"));
    }
}
