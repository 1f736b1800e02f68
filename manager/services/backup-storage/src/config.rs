//! Settings of backup storages.

use std::time::Duration;

use cumulo_kernel::{
    Kernel,
    config::{ConfigDef, ConfigRule},
};
use cumulo_schema::ErrorCode;

const CATEGORY: &str = "backupStorage";

pub(crate) const CONFIGS: &[ConfigDef] = &[
    ConfigDef {
        category: CATEGORY,
        name: "ping.interval",
        description: "How often it is looked whether backup storages answer, in seconds",
        default: "60",
        rule: ConfigRule::Integer(1, 86_400),
    },
    ConfigDef {
        category: CATEGORY,
        name: "ping.maxFailure",
        description: "How many times in a row a backup storage may not answer before it counts as disconnected",
        default: "3",
        rule: ConfigRule::Integer(1, 100),
    },
    ConfigDef {
        category: CATEGORY,
        name: "ping.sleepPeriodAfterFailure",
        description: "How long to wait after a backup storage did not answer before it is asked again, in seconds",
        default: "1",
        rule: ConfigRule::Integer(0, 3_600),
    },
    ConfigDef {
        category: CATEGORY,
        name: "ping.parallelismDegree",
        description: "How many backup storages are looked at at once",
        default: "50",
        rule: ConfigRule::Integer(1, 1_000),
    },
    ConfigDef {
        category: CATEGORY,
        name: "connection.autoReconnectOnError",
        description: "Whether a backup storage that answers again is connected again by itself",
        default: "true",
        rule: ConfigRule::Boolean,
    },
];

/// How backup storages are looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pings {
    pub(crate) interval: Duration,
    pub(crate) tries: u32,
    pub(crate) pause: Duration,
    pub(crate) parallelism: usize,
    pub(crate) reconnect: bool,
}

impl Pings {
    pub(crate) fn read(kernel: &Kernel) -> Result<Self, ErrorCode> {
        let configs = kernel.configs();
        Ok(Self {
            interval: Duration::from_secs(configs.get(CATEGORY, "ping.interval")?),
            tries: configs.get(CATEGORY, "ping.maxFailure")?,
            pause: Duration::from_secs(configs.get(CATEGORY, "ping.sleepPeriodAfterFailure")?),
            parallelism: configs.get(CATEGORY, "ping.parallelismDegree")?,
            reconnect: configs.get(CATEGORY, "connection.autoReconnectOnError")?,
        })
    }
}
