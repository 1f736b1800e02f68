//! The interactive program on a real terminal: `script` from util-linux makes one.

use std::{
    io::{Read, Write},
    os::unix::fs::PermissionsExt,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use crate::{Place, Reply};

const DEADLINE: Duration = Duration::from_secs(20);
/// What a terminal is asked for when the editor wants to know where the cursor is, and what one answers.
const WHERE: &str = "\u{1b}[6n";
const HERE: &[u8] = b"\x1b[1;1R";

/// A program on a terminal, and somebody at the keys.
struct Terminal {
    child: Child,
    keys: Arc<Mutex<ChildStdin>>,
    screen: Arc<Mutex<String>>,
}

impl Terminal {
    fn start(place: &Place) -> Self {
        let program = place.program();
        let mut command = Command::new("script");
        // Without a shell in between, which Ctrl-C would reach as well.
        let exec = format!("exec '{}'", program.get_program().to_string_lossy());
        command.args(["-qec", &exec, "/dev/null"]).env_clear();
        command.envs(program.get_envs().filter_map(|(name, value)| value.map(|value| (name, value))));
        command.env("TERM", "xterm").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("script is part of every Debian");
        let keys = Arc::new(Mutex::new(child.stdin.take().expect("piped")));
        let mut output = child.stdout.take().expect("piped");
        let screen = Arc::new(Mutex::new(String::new()));
        let (answers, shown) = (keys.clone(), screen.clone());
        thread::spawn(move || {
            let mut chunk = [0; 4096];
            let mut answered = 0;
            while let Ok(length @ 1..) = output.read(&mut chunk) {
                let mut screen = shown.lock().expect("not poisoned");
                screen.push_str(&String::from_utf8_lossy(&chunk[..length]));
                let asked = screen.matches(WHERE).count();
                for _ in answered..asked {
                    answers.lock().expect("not poisoned").write_all(HERE).expect("the terminal listens");
                }
                answered = asked;
            }
        });
        Self { child, keys, screen }
    }

    fn press(&self, keys: &str) {
        self.keys.lock().expect("not poisoned").write_all(keys.as_bytes()).expect("the terminal listens");
    }

    /// Waits until `text` is shown after `from`; returns where what follows begins.
    fn wait_for(&self, text: &str, from: usize) -> usize {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let screen = self.screen.lock().expect("not poisoned").clone();
            if let Some(at) = screen[from..].find(text) {
                return from + at + text.len();
            }
            assert!(Instant::now() < deadline, "'{text}' is not shown; the screen: {:?}", &screen[from..]);
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn wait_for_end(&mut self) -> Option<i32> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait().expect("ours") {
                return status.code();
            }
            assert!(Instant::now() < deadline, "it does not end: {:?}", self.screen.lock());
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Ended already, unless an assertion failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_logs_in_completes_and_queries_and_no_secret_is_kept() {
    let place = Place::new().await;
    let mut terminal = Terminal::start(&place);
    let at = terminal.wait_for("Ctrl-D leaves", 0);
    let at = terminal.wait_for("> ", at);
    terminal.press("LogInByAccount accountName=admin\r");
    let at = terminal.wait_for("password of LogInByAccount: ", at);
    terminal.press("hunter2\r");
    let at = terminal.wait_for("admin@127.0.0.1", at);
    terminal.press("QueryZo\t");
    let at = terminal.wait_for("QueryZone", at);
    terminal.press("\r");
    let at = terminal.wait_for("1 found", at);
    let at = terminal.wait_for("admin@127.0.0.1", at);
    terminal.press("LogInByAccount accountName=admin password=hunter3\r");
    let at = terminal.wait_for("\"accountUuid\"", at);
    terminal.wait_for("admin@127.0.0.1", at);
    terminal.press("\u{4}");
    assert_eq!(terminal.wait_for_end(), Some(0));
    let screen = terminal.screen.lock().expect("not poisoned").clone();
    assert!(screen.contains("ZONE1") && !screen.contains("hunter2"), "{screen}");
    let calls = place.node.calls();
    let password = calls[0].body["logInByAccount"]["password"].as_str();
    assert_eq!(password, Some(crate::sessions::HASH), "what was typed without echo arrived");
    assert_eq!(calls[1].authorization.as_deref(), Some("OAuth s1"));
    let file = place.path(".cumulo/history");
    let history = std::fs::read_to_string(&file).expect("kept");
    assert!(history.contains("QueryZone") && !history.contains("hunter"), "{history}");
    assert_eq!(std::fs::metadata(file).expect("there").permissions().mode() & 0o777, 0o600);
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_leaves_a_job_alone_and_the_program_running() {
    let place = Place::new().await;
    place.node.on("POST /zones", [Reply::Job { polls: usize::MAX, end: Box::new(Reply::Lost) }]);
    let mut terminal = Terminal::start(&place);
    let at = terminal.wait_for("> ", 0);
    terminal.press("CreateZone name=Z\r");
    let at = terminal.wait_for("CreateZone 0s job ", at);
    terminal.press("\u{3}");
    let at = terminal.wait_for("interrupted; what was begun goes on", at);
    let at = terminal.wait_for("> ", at);
    terminal.press("Nonsense\r");
    let at = terminal.wait_for("there is no verb Nonsense", at);
    terminal.wait_for("> ", at);
    terminal.press("exit\r");
    assert_eq!(terminal.wait_for_end(), Some(0));
}
