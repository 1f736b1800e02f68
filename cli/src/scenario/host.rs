//! Shell commands on the host.
//!
//! `$name` is not replaced by text. The value goes in front, as a quoted assignment to a shell variable, and that
//! variable takes the name's place: the shell's own rules then hold whatever quotes, `$(…)` or words the value is made
//! of.

use std::{collections::VecDeque, ffi::OsStr, io, process::Stdio, time::Duration};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
    time::{Instant, sleep, timeout_at},
};

use crate::command::{CommandError, Reference, Variables};

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(500);
/// The last so many bytes of output are kept.
const KEPT: usize = 4096;

/// A shell command with references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostCommand(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    /// Outside quotes, where a value must not fall apart into words.
    Word(Reference),
    /// Inside double quotes.
    Quoted(Reference),
    /// Inside single quotes, where a shell fills in nothing: text, unless the name is known, which is a mistake.
    Inert(Reference, String),
}

/// Why a command cannot be filled in.
#[derive(Debug, thiserror::Error)]
pub enum FillError {
    /// A reference stands for nothing.
    #[error(transparent)]
    Reference(#[from] CommandError),
    /// A name in single quotes.
    #[error("${0} is inside single quotes, where a shell fills in nothing; use double quotes")]
    Inert(Reference),
    /// A list, or a text no program can be given.
    #[error("${0} is no text that a shell command can hold")]
    NoText(Reference),
}

/// A command that did not succeed.
#[derive(Debug, thiserror::Error)]
pub(super) enum HostError {
    /// The program that leads to the host cannot be started.
    #[error("cannot start the program given with --host-exec")]
    Start(#[source] io::Error),
    /// It failed, or did not end, until the time was up.
    #[error("not true after {} s and {tries} tries; {outcome}; it said: {output}", limit.as_secs())]
    NotInTime {
        /// The time it had.
        limit: Duration,
        /// How often it was tried.
        tries: u32,
        /// How the last try ended.
        outcome: String,
        /// The end of the last try's output.
        output: String,
    },
}

impl HostCommand {
    /// Finds the references in `command`.
    #[must_use]
    pub fn read(command: &str) -> Self {
        let chars: Vec<char> = command.chars().collect();
        let mut parts = Vec::new();
        let mut text = String::new();
        // The open quote, one for each `$(` around, since inside of it quoting begins anew.
        let mut quotes: Vec<Option<char>> = vec![None];
        let mut at = 0;
        while at < chars.len() {
            let c = chars[at];
            let quote = quotes.last().copied().flatten();
            let mut reopen = |open| {
                quotes.pop();
                quotes.push(open);
            };
            match (quote, c) {
                (None | Some('"'), '\\') => {
                    // The shell's own business, and so is what follows.
                    text.push(c);
                    at += 1;
                    text.extend(chars.get(at));
                }
                (Some(open), c) if c == open => {
                    reopen(None);
                    text.push(c);
                }
                (None, '\'' | '"') => {
                    reopen(Some(c));
                    text.push(c);
                }
                (None | Some('"'), '$') if chars.get(at + 1) == Some(&'(') => {
                    quotes.push(None);
                    text.push_str("$(");
                    at += 1;
                }
                (None, ')') if quotes.len() > 1 => {
                    quotes.pop();
                    text.push(c);
                }
                (_, '$') if chars.get(at + 1) == Some(&'$') => {
                    text.push_str("$$");
                    at += 1;
                }
                (_, '$') => match Reference::read(&chars[at..]) {
                    Some((reference, length)) => {
                        parts.push(Part::Text(std::mem::take(&mut text)));
                        let typed = chars[at..at + length].iter().collect();
                        parts.push(match quote {
                            None => Part::Word(reference),
                            Some('"') => Part::Quoted(reference),
                            Some(_) => Part::Inert(reference, typed),
                        });
                        at += length - 1;
                    }
                    None => text.push(c),
                },
                (_, c) => text.push(c),
            }
            at += 1;
        }
        parts.push(Part::Text(text));
        Self(parts)
    }

    /// The command for a shell, with what `variables` hold.
    ///
    /// # Errors
    /// When a reference stands for nothing that fits.
    pub fn fill(&self, variables: &Variables) -> Result<String, FillError> {
        let (mut assignments, mut command) = (String::new(), String::new());
        let mut count = 0;
        for part in &self.0 {
            let (reference, quotes) = match part {
                Part::Text(text) => {
                    command.push_str(text);
                    continue;
                }
                Part::Inert(reference, _) if variables.knows(&reference.name) => {
                    return Err(FillError::Inert(reference.clone()));
                }
                Part::Inert(_, typed) => {
                    command.push_str(typed);
                    continue;
                }
                Part::Word(reference) => (reference, "\""),
                Part::Quoted(reference) => (reference, ""),
            };
            let value = match variables.resolve(reference)? {
                Value::String(text) if !text.contains('\0') => text,
                scalar @ (Value::Number(_) | Value::Bool(_)) => scalar.to_string(),
                _ => return Err(FillError::NoText(reference.clone())),
            };
            count += 1;
            assignments.push_str(&format!("cumulo_{count}='{}'; ", value.replace('\'', r"'\''")));
            command.push_str(&format!("{quotes}${{cumulo_{count}}}{quotes}"));
        }
        Ok(assignments + &command)
    }
}

/// Gives `command` to `program` until it succeeds, for at most `limit`; returns the number of tries.
///
/// # Errors
/// When `program` cannot be started, or the time is up.
pub(super) async fn run(program: &OsStr, command: &str, limit: Duration) -> Result<u32, HostError> {
    let deadline = Instant::now() + limit;
    let mut tries = 0;
    let mut last = None;
    loop {
        tries += 1;
        match attempt(program, command, deadline).await.map_err(HostError::Start)? {
            Attempt::Succeeded => return Ok(tries),
            // Cut short by the deadline it says little; what the one before it said is told instead.
            Attempt::Unfinished(output) => {
                last.get_or_insert(("the last did not end".to_owned(), output));
            }
            Attempt::Failed(outcome, output) => last = Some((outcome, output)),
        }
        if Instant::now() + PAUSE >= deadline {
            let (outcome, output) = last.unwrap_or_default();
            return Err(HostError::NotInTime { limit, tries, outcome, output });
        }
        sleep(PAUSE).await;
    }
}

/// How a try went, with the end of its output.
enum Attempt {
    Succeeded,
    Failed(String, String),
    Unfinished(String),
}

/// One try, ended at `deadline` at the latest.
async fn attempt(program: &OsStr, command: &str, deadline: Instant) -> io::Result<Attempt> {
    let mut child = Command::new(program)
        .arg(command)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()?;
    let (mut stdout, mut stderr) = (VecDeque::new(), VecDeque::new());
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let group = Group::of(&child);
    let status = timeout_at(deadline, async {
        let (_, _, status) = tokio::join!(keep_end(out, &mut stdout), keep_end(err, &mut stderr), child.wait());
        status
    });
    let status = status.await;
    drop(group);
    let said: Vec<u8> = stdout.into_iter().chain(stderr).collect();
    let said = String::from_utf8_lossy(&said).trim().to_owned();
    Ok(match status {
        Ok(status) => match status? {
            status if status.success() => Attempt::Succeeded,
            status => Attempt::Failed(format!("the last ended with {status}"), said),
        },
        Err(_) => Attempt::Unfinished(said),
    })
}

/// Reads to the end, keeping only the last bytes.
async fn keep_end(from: Option<impl AsyncRead + Unpin>, kept: &mut VecDeque<u8>) {
    let Some(mut from) = from else { return };
    let mut chunk = [0; 1024];
    // A pipe that cannot be read any more has ended as far as we are concerned.
    while let Ok(length @ 1..) = from.read(&mut chunk).await {
        kept.extend(&chunk[..length]);
        kept.drain(..kept.len().saturating_sub(KEPT));
    }
}

/// The processes a try started: none of them outlives it, also when the scenario is given up in the middle.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // Gone already, as a rule.
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn filled(command: &str, value: &str) -> Result<String, String> {
        let mut variables = Variables::default();
        variables.remember("v", &json!({"inventory": {"uuid": "u", "name": value, "n": 7, "list": []}})).expect("kept");
        HostCommand::read(command).fill(&variables).map_err(|problem| problem.to_string())
    }

    /// What a real shell prints for `command`.
    fn shell(command: &str, value: &str) -> String {
        let output = std::process::Command::new("sh").arg("-c").arg(filled(command, value).expect("filled")).output();
        String::from_utf8(output.expect("sh runs").stdout).expect("text")
    }

    #[test]
    fn values_reach_the_shell_as_one_word_in_every_context() {
        let evil = "a  b'\"$(echo x)`echo y`\\;*";
        for command in [
            "printf '[%s]' $v.name",
            r#"printf '[%s]' "$v.name""#,
            r#"printf '[%s]' "x${v.name}y" | sed 's/^.x/[/; s/y.$/]/'"#,
            r#"printf '[%s]' "$(printf %s "$v.name")""#,
        ] {
            assert_eq!(shell(command, evil), format!("[{evil}]"), "{command}");
        }
    }

    #[test]
    fn what_is_the_shells_stays_the_shells() {
        for command in ["echo $$ $1 $? $(date) \\$v '$w {print $1}' ${x:-y}", "awk '{print $NF}'"] {
            assert_eq!(filled(command, ""), Ok(command.to_owned()));
        }
        assert_eq!(
            filled("ping $v.n. ${v}x", ""),
            Ok("cumulo_1='7'; cumulo_2='u'; ping \"${cumulo_1}\". \"${cumulo_2}\"x".into())
        );
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(filled("echo $w", "").expect_err("unknown"), "nothing was remembered as $w");
        assert!(filled("echo '$v'", "").expect_err("inert").contains("single quotes"));
        assert!(filled("echo $v.list", "").expect_err("a list").contains("no text"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn any_text_passes_through_a_shell_unharmed(value in "[^\\x00]{0,20}") {
            prop_assert_eq!(shell("printf %s $v.name", &value), value);
        }
    }

    /// A program that gives its argument to a shell, as `--host-exec` expects.
    fn program(directory: &tempfile::TempDir) -> std::path::PathBuf {
        let path = directory.path().join("exec");
        std::fs::write(&path, "#!/bin/sh\nexec sh -c \"$1\"\n").expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("executable");
        path
    }

    #[tokio::test]
    async fn what_becomes_true_is_tried_until_it_is() {
        let directory = tempfile::tempdir().expect("a directory");
        let count = directory.path().join("count");
        let command = format!("echo x >> {0}; test $(wc -l < {0}) -ge 2", count.display());
        let tries =
            run(program(&directory).as_os_str(), &command, Duration::from_secs(30)).await.expect("true in the end");
        assert_eq!(tries, 2);
    }

    #[tokio::test]
    async fn what_stays_false_is_told_with_its_last_words() {
        let directory = tempfile::tempdir().expect("a directory");
        let outcome = run(program(&directory).as_os_str(), "echo no route >&2; exit 3", Duration::from_secs(2)).await;
        let told = outcome.expect_err("false").to_string();
        assert!(told.contains("exit status: 3") && told.ends_with("it said: no route"), "{told}");
    }

    #[tokio::test]
    async fn what_never_ends_is_ended_with_all_it_started() {
        let directory = tempfile::tempdir().expect("a directory");
        let command = "sleep 1000 & echo $!; wait";
        let outcome = run(program(&directory).as_os_str(), command, Duration::from_secs(2)).await;
        let Err(HostError::NotInTime { output, outcome, .. }) = outcome else { panic!("{outcome:?}") };
        assert_eq!(outcome, "the last did not end");
        let stat = std::path::PathBuf::from(format!("/proc/{output}/stat"));
        let deadline = Instant::now() + Duration::from_secs(10);
        // Gone, or dead and waiting for its parent to notice.
        while std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
            assert!(Instant::now() < deadline, "the grandchild {output} still runs");
            sleep(Duration::from_millis(10)).await;
        }
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_told_at_once() {
        let outcome = run(OsStr::new("/nonexistent/exec"), "true", Duration::from_secs(60)).await;
        assert!(matches!(outcome, Err(HostError::Start(_))));
    }
}
