//! Configuration: `cumulo.toml`, overridden by environment (`CUMULO_…`), overridden by flags.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Args;
use cumulo_kernel::db::MySqlOptions;
use figment::{
    Figment,
    providers::{Env, Format, Serialized, Toml},
};
use serde::{Deserialize, Serialize};

/// Everything that can be configured.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the database, keys and certificates are.
    pub data_dir: PathBuf,
    /// Where the API listens. Loopback unless told otherwise: it is plain HTTP.
    pub listen: SocketAddr,
    /// `mysql://…`; the embedded database where absent.
    pub database: Option<String>,
    /// Connections to that server, at most; half of them for reads.
    pub database_connections: u32,
    /// How long a call waits for that server while it is away, in seconds.
    pub database_patience: u64,
    /// `amqp://…` or `amqps://…`: RabbitMQ, for programs outside, and with `database` for other nodes; within this process
    /// where absent.
    pub bus: Option<String>,
    /// How long the other nodes wait for a sign of life of this one before they go on without it, in seconds.
    pub node_lease: u64,
    /// Where agents deliver outcomes and reports, over mutual TLS.
    pub callback_listen: SocketAddr,
    /// The address of this node that agents are told; found by routing where absent.
    pub advertise: Option<IpAddr>,
    /// The playbooks and roles that install agents.
    pub ansible_dir: PathBuf,
    /// The agents' binaries.
    pub agent_dir: PathBuf,
    /// Where `/metrics` is served to Prometheus, plain and to whoever comes; not at all where absent.
    pub metrics_listen: Option<SocketAddr>,
    /// A file that replaces chains of the built-in flow configuration.
    pub flows: Option<PathBuf>,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Config");
        shown.field("data_dir", &self.data_dir).field("listen", &self.listen);
        shown.field("database", &self.database.as_deref().map(hide_password));
        shown.field("database_connections", &self.database_connections);
        shown.field("database_patience", &self.database_patience);
        shown.field("bus", &self.bus.as_deref().map(hide_password));
        shown.field("node_lease", &self.node_lease);
        shown.field("callback_listen", &self.callback_listen).field("advertise", &self.advertise);
        shown.field("ansible_dir", &self.ansible_dir).field("agent_dir", &self.agent_dir);
        shown.field("metrics_listen", &self.metrics_listen).field("flows", &self.flows).finish()
    }
}

impl Default for Config {
    fn default() -> Self {
        let beside = std::env::current_exe().ok().and_then(|exe| exe.parent().map(Path::to_path_buf));
        let beside = beside.unwrap_or_else(|| PathBuf::from("/usr/bin"));
        Self {
            data_dir: PathBuf::from("/var/lib/cumulo"),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            database: None,
            database_connections: MySqlOptions::default().connections,
            database_patience: MySqlOptions::default().patience.as_secs(),
            bus: None,
            node_lease: 10,
            callback_listen: SocketAddr::from(([0, 0, 0, 0], 7443)),
            advertise: None,
            ansible_dir: PathBuf::from("/usr/share/cumulo/ansible"),
            agent_dir: beside,
            metrics_listen: None,
            flows: None,
        }
    }
}

/// Flags that override the file and the environment.
#[derive(Debug, Clone, Default, Args, Serialize)]
pub struct Flags {
    /// Where the database, keys and certificates are.
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<PathBuf>,
    /// Where the API listens.
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    /// Where agents deliver outcomes and reports.
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_listen: Option<SocketAddr>,
    /// The address of this node that agents are told.
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advertise: Option<IpAddr>,
    /// The playbooks and roles that install agents.
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ansible_dir: Option<PathBuf>,
    /// The agents' binaries.
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_dir: Option<PathBuf>,
}

/// A configuration and where each key came from.
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    figment: Figment,
}

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the sources: they hold the passwords.
        f.debug_struct("Loaded").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Loaded {
    /// Reads the configuration. A named file must exist; the usual one, `/etc/cumulo/cumulo.toml`, need not.
    ///
    /// # Errors
    /// When a key is unknown or its value is of another type; the error names key and origin.
    pub fn read(file: Option<&Path>, flags: &Flags) -> anyhow::Result<Self> {
        let file = match file {
            Some(path) => Toml::file_exact(path),
            None => Toml::file("/etc/cumulo/cumulo.toml"),
        };
        let figment = Figment::from(Serialized::defaults(Config::default()))
            .merge(file)
            .merge(Env::prefixed("CUMULO_").only(KEYS))
            .merge(Serialized::defaults(flags));
        let config = figment.extract().context("the configuration is not usable")?;
        Ok(Self { config, figment })
    }

    /// One line a key: its value and where it came from. Passwords in URLs are hidden.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        KEYS.iter()
            .map(|key| {
                let value = self.figment.find_value(key).ok();
                let origin = self.figment.find_metadata(key).map_or("default", |metadata| metadata.name.as_ref());
                let text = value.as_ref().map_or_else(|| "(unset)".to_owned(), shown);
                let text = if matches!(*key, "database" | "bus") { hide_password(&text) } else { text };
                format!("{key} = {text}    # {origin}")
            })
            .collect()
    }
}

const KEYS: &[&str] = &[
    "data_dir",
    "listen",
    "database",
    "database_connections",
    "database_patience",
    "bus",
    "node_lease",
    "callback_listen",
    "advertise",
    "ansible_dir",
    "agent_dir",
    "metrics_listen",
    "flows",
];

fn shown(value: &figment::value::Value) -> String {
    match value {
        figment::value::Value::Empty(..) => "(unset)".to_owned(),
        other => other.as_str().map_or_else(|| format!("{other:?}"), str::to_owned),
    }
}

fn hide_password(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, rest)), Some((_, host))) => {
            let user = rest.split([':', '@']).next().unwrap_or_default();
            format!("{scheme}://{user}:***@{host}")
        }
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_win_and_a_password_is_not_shown() {
        let flags = Flags { listen: Some(SocketAddr::from(([127, 0, 0, 1], 9))), ..Flags::default() };
        let dir = std::env::temp_dir().join(format!("cumulo-config-{}.toml", std::process::id()));
        std::fs::write(
            &dir,
            "listen = '127.0.0.1:7'\ndatabase = 'mysql://cumulo:s3cret@db/cumulo'\n\
            bus = 'amqp://cumulo:s3cret@mq/cloud'\n",
        )
        .expect("written");
        let loaded = Loaded::read(Some(&dir), &flags).expect("readable");
        std::fs::remove_file(&dir).expect("removed");
        assert_eq!(loaded.config.listen.port(), 9);
        let lines = loaded.lines().join("\n");
        assert!(!lines.contains("s3cret") && lines.contains("mysql://cumulo:***@db/cumulo"), "{lines}");
        assert!(lines.contains("amqp://cumulo:***@mq/cloud"), "{lines}");
        let debug = format!("{loaded:?} {:?}", loaded.config);
        assert!(!debug.contains("s3cret") && debug.contains("amqp://cumulo:***@mq/cloud"), "{debug}");
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let file = std::env::temp_dir().join(format!("cumulo-bad-{}.toml", std::process::id()));
        std::fs::write(&file, "lisen = '127.0.0.1:7'\n").expect("written");
        let refused = Loaded::read(Some(&file), &Flags::default());
        std::fs::remove_file(&file).expect("removed");
        assert!(format!("{:?}", refused.expect_err("unknown key")).contains("lisen"));
    }
}
