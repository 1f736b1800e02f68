//! Settings of images.

use std::time::Duration;

use cumulo_kernel::{
    Kernel,
    config::{ConfigDef, ConfigRule},
};
use cumulo_schema::ErrorCode;

const CATEGORY: &str = "image";

pub(crate) const CONFIGS: &[ConfigDef] = &[
    ConfigDef {
        category: CATEGORY,
        name: "deletionPolicy",
        description: "What deleting an image does: Delay keeps it for expungePeriod, Direct expunges it at once, Never keeps it",
        default: "Delay",
        rule: ConfigRule::OneOf(&["Direct", "Delay", "Never"]),
    },
    ConfigDef {
        category: CATEGORY,
        name: "expungePeriod",
        description: "How long a deleted image can be recovered, in seconds",
        default: "259200",
        rule: ConfigRule::Integer(0, 315_360_000),
    },
    ConfigDef {
        category: CATEGORY,
        name: "expungeInterval",
        description: "How often deleted images are looked through for those to expunge, in seconds",
        default: "3600",
        rule: ConfigRule::Integer(1, 86_400),
    },
];

/// What deleting does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Policy {
    Direct,
    Delay,
    Never,
}

pub(crate) fn policy(kernel: &Kernel) -> Result<Policy, ErrorCode> {
    let text: String = kernel.configs().get(CATEGORY, "deletionPolicy")?;
    Ok(match text.as_str() {
        "Direct" => Policy::Direct,
        "Never" => Policy::Never,
        _ => Policy::Delay,
    })
}

pub(crate) fn expunge_period(kernel: &Kernel) -> Result<Duration, ErrorCode> {
    Ok(Duration::from_secs(kernel.configs().get(CATEGORY, "expungePeriod")?))
}

pub(crate) fn expunge_interval(kernel: &Kernel) -> Result<Duration, ErrorCode> {
    Ok(Duration::from_secs(kernel.configs().get(CATEGORY, "expungeInterval")?))
}
