//! Settings of jobs: how long each API may take, how many run and wait.

use std::time::Duration;

use cumulo_schema::ApiMeta;

use super::admission::Bounds;
use crate::config::{ConfigDef, ConfigRule, GlobalConfigs, Span};

/// The category of ZStack's settings of how long APIs may take; each is named by the API's message class.
const TIMEOUTS: &str = "apiTimeout";
/// What a timeout may be set to. One below five minutes breaks what goes well on a slow day (wire.md §2); a client that
/// wants less says so in its call.
const TIMEOUT_RULE: ConfigRule =
    ConfigRule::Span { least: Duration::from_mins(5), most: Duration::from_hours(30 * 24) };

const JOBS: &str = "job";
const RUNNING: &str = "running.max";
const WAITING: &str = "waiting.max";

const LONG_JOBS: &str = "longJob";
const LONG_TIMEOUT: &str = "longJob.api.timeout";

/// The settings that do not depend on which APIs there are.
pub(crate) const CONFIGS: &[ConfigDef] = &[
    ConfigDef {
        category: JOBS,
        name: RUNNING,
        description: "how many asynchronous calls a management node works on at once; those over it wait",
        default: "1000",
        rule: ConfigRule::Integer(1, 1_000_000),
    },
    ConfigDef {
        category: JOBS,
        name: WAITING,
        description: "how many asynchronous calls may wait; those over it are refused with 503 and Retry-After",
        default: "10000",
        rule: ConfigRule::Integer(0, 10_000_000),
    },
    ConfigDef {
        category: LONG_JOBS,
        name: RUNNING,
        description: "how many long jobs a management node works on at once; those over it wait",
        default: "200",
        rule: ConfigRule::Integer(1, 1_000_000),
    },
    ConfigDef {
        category: LONG_JOBS,
        name: WAITING,
        description: "how many long jobs may wait; those over it are refused",
        default: "10000",
        rule: ConfigRule::Integer(0, 10_000_000),
    },
    ConfigDef {
        category: LONG_JOBS,
        name: LONG_TIMEOUT,
        description: "how long a long job may take, in seconds",
        default: "259200",
        rule: ConfigRule::Integer(300, 2_592_000),
    },
];

/// The setting of how long `meta` may take.
pub(crate) fn timeout_def(meta: &'static ApiMeta) -> ConfigDef {
    ConfigDef {
        category: TIMEOUTS,
        name: meta.java_class,
        description: "how long this call may take: a number of milliseconds, or one with a unit as 90s, 30m, 72h or 3d",
        default: meta.default_timeout,
        rule: TIMEOUT_RULE,
    }
}

/// How long `meta` may take where its caller does not say.
pub(super) fn timeout(configs: &GlobalConfigs, meta: &ApiMeta) -> Duration {
    configs.get::<Span>(TIMEOUTS, meta.java_class).map_or(meta.timeout(), |span| span.0)
}

/// How long a long job may take.
pub(super) fn long_timeout(configs: &GlobalConfigs) -> Duration {
    Duration::from_secs(number(configs, LONG_JOBS, LONG_TIMEOUT))
}

/// How many jobs run and wait.
pub(super) fn bounds(configs: &GlobalConfigs) -> Bounds {
    bounds_of(configs, JOBS)
}

/// How many long jobs run and wait.
pub(super) fn long_bounds(configs: &GlobalConfigs) -> Bounds {
    bounds_of(configs, LONG_JOBS)
}

fn bounds_of(configs: &GlobalConfigs, category: &str) -> Bounds {
    let read = |name| usize::try_from(number(configs, category, name)).unwrap_or(usize::MAX);
    Bounds { running: read(RUNNING), waiting: read(WAITING) }
}

/// A number declared above.
fn number(configs: &GlobalConfigs, category: &str, name: &str) -> u64 {
    let declared = CONFIGS.iter().find(|def| def.category == category && def.name == name);
    let default = || declared.and_then(|def| def.default.parse().ok()).unwrap_or(1);
    configs.get(category, name).unwrap_or_else(|_| default())
}
