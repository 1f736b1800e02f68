//! Settings of primary storages.

use cumulo_kernel::{
    Kernel,
    config::{ConfigDef, ConfigRule},
};
use cumulo_schema::ErrorCode;

use crate::size;

const CATEGORY: &str = "primaryStorage";
const RESERVED: &str = "reservedCapacity";
const PING_INTERVAL: &str = "ping.interval";
const PING_PARALLELISM: &str = "ping.parallelismDegree";
/// ZStack's name for the factor, kept because people's scripts set it.
const FACTOR: (&str, &str) = ("mevoco", "overProvisioning.primaryStorage");

pub(crate) const CONFIGS: &[ConfigDef] = &[
    ConfigDef {
        category: CATEGORY,
        name: RESERVED,
        description: "How much of a primary storage volumes never get, on each host where hosts have space of their own: a size like 1G",
        default: "1G",
        rule: ConfigRule::Text,
    },
    ConfigDef {
        category: CATEGORY,
        name: PING_INTERVAL,
        description: "How often primary storages are looked at, in seconds",
        default: "60",
        rule: ConfigRule::Integer(1, 86_400),
    },
    ConfigDef {
        category: CATEGORY,
        name: PING_PARALLELISM,
        description: "How many hosts are asked about their primary storages at once",
        default: "50",
        rule: ConfigRule::Integer(1, 1_000),
    },
    ConfigDef {
        category: FACTOR.0,
        name: FACTOR.1,
        description: "How many bytes of volumes one byte of primary storage may be promised to",
        default: "1.0",
        rule: ConfigRule::Number(0.01, 1_000.0),
    },
];

/// Bytes that volumes never get.
pub(crate) fn reserved(kernel: &Kernel) -> Result<i64, ErrorCode> {
    let text: String = kernel.configs().get(CATEGORY, RESERVED)?;
    size::parse(&text).ok_or_else(|| {
        ErrorCode::operation(format!(
            "the setting {CATEGORY}/{RESERVED} is '{text}', which is no size; set one like 1G"
        ))
    })
}

/// What a volume of `size` bytes holds under the over-provisioning factor.
pub(crate) fn held(kernel: &Kernel, size: i64) -> Result<i64, ErrorCode> {
    let factor: f64 = kernel.configs().get(FACTOR.0, FACTOR.1)?;
    Ok(scaled(size, factor))
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "a factor is approximate; sizes lie far below 2^53, and the cast saturates"
)]
fn scaled(size: i64, factor: f64) -> i64 {
    (size as f64 / factor).ceil() as i64
}

pub(crate) fn ping_interval(kernel: &Kernel) -> Result<std::time::Duration, ErrorCode> {
    Ok(std::time::Duration::from_secs(kernel.configs().get(CATEGORY, PING_INTERVAL)?))
}

pub(crate) fn ping_parallelism(kernel: &Kernel) -> Result<usize, ErrorCode> {
    kernel.configs().get(CATEGORY, PING_PARALLELISM)
}

#[cfg(test)]
mod tests {
    use super::scaled;

    #[test]
    fn a_volume_holds_its_share_rounded_up() {
        assert_eq!(scaled(1000, 1.0), 1000);
        assert_eq!(scaled(1000, 3.0), 334);
        assert_eq!(scaled(1000, 0.5), 2000);
        assert_eq!(scaled(0, 2.0), 0);
    }
}
