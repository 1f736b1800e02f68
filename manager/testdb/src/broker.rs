//! A RabbitMQ of one's own (`tests/lab/rabbitmq`), and virtual hosts on it and on the one that all tests share.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use cumulo_schema::Uuid;
use tempfile::TempDir;

/// The variables that say where a broker for tests is, and where its administration is.
const VARIABLES: [&str; 2] = ["CUMULO_TEST_AMQP", "CUMULO_TEST_AMQP_ADMIN"];

/// A private broker; it ends with this, and its data go.
#[derive(Debug)]
pub struct Broker {
    dir: TempDir,
    place: Place,
}

/// How a broker is reached: values of [`VARIABLES`].
#[derive(Debug, Clone)]
struct Place([String; 2]);

impl Broker {
    /// Starts one; takes some six seconds.
    ///
    /// # Panics
    /// When RabbitMQ is not installed (`scripts/install-packages` does that) or does not start.
    #[must_use]
    pub fn start() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        printed(script().arg("up").arg(dir.path()));
        let lines = printed(script().arg("env").arg(dir.path()));
        let value = |name: &str| {
            let value = lines.lines().find_map(|line| line.strip_prefix(&format!("export {name}=")));
            value.unwrap_or_else(|| panic!("the script does not say {name}: {lines}")).to_owned()
        };
        let place = Place(VARIABLES.map(value));
        Self { dir, place }
    }

    /// Stops it, as a power cut does or in order, and starts it again over its data and at its ports.
    ///
    /// # Panics
    /// When there is no way to do that.
    pub fn restart(&self, killed: bool) {
        self.stop(killed);
        self.run("up", &[]);
    }

    /// Stops it, as a power cut does or in order; `run("up", &[])` starts it again.
    ///
    /// # Panics
    /// When there is no way to do that.
    pub fn stop(&self, killed: bool) {
        self.run(if killed { "kill" } else { "down" }, &[]);
    }

    /// `tests/lab/rabbitmq VERB` on it; what that prints.
    ///
    /// # Panics
    /// When it fails.
    pub fn run(&self, verb: &str, arguments: &[&str]) -> String {
        printed(script().arg(verb).arg(self.dir.path()).args(arguments))
    }

    /// `amqp://USER:PASSWORD@HOST:PORT`, the administrator's.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.place.0[0]
    }

    /// A new virtual host on it.
    ///
    /// # Panics
    /// When the broker makes none.
    #[must_use]
    pub fn vhost(&self) -> Vhost {
        Vhost::at(self.place.clone())
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // Nothing of it is wanted any more, so nothing can be done about a failure either.
        let _ = script().arg("kill").arg(self.dir.path()).output();
    }
}

/// A virtual host of a broker; gone when it is dropped.
#[derive(Debug)]
pub struct Vhost {
    place: Place,
    name: String,
    url: String,
}

impl Vhost {
    /// One on the broker that the environment names.
    ///
    /// # Panics
    /// Where nobody started a broker for tests.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it does something")]
    pub fn new() -> Self {
        Self::at(Place(VARIABLES.map(|name| {
            std::env::var(name).unwrap_or_else(|_| {
                panic!(
                    "{name} names no message broker: install rabbitmq-server and run `cargo nextest run …`, which starts \
                     one, or `scripts/with-broker cargo test …`"
                )
            })
        })))
    }

    fn at(place: Place) -> Self {
        let name = format!("test-{}", Uuid::random());
        let url = printed(place.script().args(["vhost", &name]));
        Self { place, name, url }
    }

    /// `amqp://USER:PASSWORD@HOST:PORT/NAME`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The same for a new user that may do no more than a program outside needs (docs/message-bus.md).
    ///
    /// # Panics
    /// When the broker makes none.
    #[must_use]
    pub fn program_url(&self) -> String {
        printed(self.place.script().args(["program", &self.name]))
    }
}

impl Drop for Vhost {
    fn drop(&mut self) {
        // It goes with the broker at the latest.
        let _ = self.place.script().args(["unvhost", &self.name]).output();
    }
}

impl Place {
    fn script(&self) -> Command {
        let mut script = script();
        script.envs(VARIABLES.into_iter().zip(&self.0));
        script
    }
}

fn script() -> Command {
    let mut script = Command::new(PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/lab/rabbitmq")));
    script.stdin(Stdio::null());
    script
}

/// What `command` prints.
fn printed(command: &mut Command) -> String {
    let output = command.output().expect("the script runs");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
