//! What a host has for VMs, and what a VM takes of it.
//!
//! CPUs are over-provisioned where the host is counted (a host of 4 offers 40), memory where the VM is (a VM of 4 GiB
//! counts as 2 at a ratio of 2.0), as clients expect it: `totalMemoryCapacity` stays what is built in.

mod release;

use cumulo_contracts::resource::Host;

/// The least a VM counts for.
const NOTHING: i64 = 0;
/// At most this part of a host's memory is kept from VMs, so that small hosts can be of use.
const MOST_RESERVED_PART: i64 = 8;

/// The settings that decide.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ratios {
    /// Virtual CPUs for each real one.
    pub(crate) cpu: i64,
    /// Memory given out for each byte there is.
    pub(crate) memory: f64,
    /// Memory kept for the host, in bytes.
    pub(crate) reserved_memory: i64,
}

/// What a host offers in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Offer {
    pub(crate) cpu: i64,
    pub(crate) memory: i64,
    pub(crate) reserved_memory: i64,
}

/// What a VM takes of a host, or lacks there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) cpu: i64,
    pub(crate) memory: i64,
}

impl Need {
    /// Nothing.
    pub(crate) const NONE: Need = Need { cpu: NOTHING, memory: NOTHING };
}

impl Ratios {
    /// The offer of a host with `cpus` processors and `memory` bytes; `reserved` is what a tag of the host says.
    pub(crate) fn offer(&self, cpus: i64, memory: i64, reserved: Option<i64>) -> Offer {
        let reserved_memory = match reserved {
            Some(wanted) => wanted.clamp(0, memory),
            None => self.reserved_memory.clamp(0, memory / MOST_RESERVED_PART),
        };
        Offer { cpu: cpus.saturating_mul(self.cpu), memory, reserved_memory }
    }

    /// What a VM with `cpus` processors and `memory` bytes takes.
    pub(crate) fn need(&self, cpus: i64, memory: i64) -> Need {
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a ratio is a rough thing")]
        let scaled = (memory as f64 / self.memory).ceil() as i64;
        Need { cpu: cpus.max(NOTHING), memory: scaled.max(NOTHING) }
    }
}

impl Offer {
    /// What `host` is recorded to offer.
    pub(crate) fn recorded(host: &Host) -> Self {
        Self { cpu: host.total_cpu_capacity, memory: host.total_memory_capacity, reserved_memory: host.reserved_memory }
    }
}

/// Reads `512M`, `1G`, `1073741824`: bytes, or with the letter for a power of 1024.
pub(crate) fn parse_size(text: &str) -> Option<i64> {
    let text = text.trim();
    let text = text.strip_suffix(['B', 'b']).unwrap_or(text);
    let shift = match text.chars().last()?.to_ascii_uppercase() {
        'K' => 10,
        'M' => 20,
        'G' => 30,
        'T' => 40,
        _ => 0,
    };
    let digits = if shift == 0 { text } else { &text[..text.len() - 1] };
    let number: i64 = digits.parse().ok()?;
    number.checked_mul(1 << shift).filter(|bytes| *bytes >= 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATIOS: Ratios = Ratios { cpu: 10, memory: 2.0, reserved_memory: 1 << 30 };

    #[test]
    fn a_host_offers_its_cpus_many_times_and_keeps_memory_for_itself() {
        let offer = RATIOS.offer(4, 64 << 30, None);
        assert_eq!(offer, Offer { cpu: 40, memory: 64 << 30, reserved_memory: 1 << 30 });
        assert_eq!(RATIOS.offer(4, 4 << 30, None).reserved_memory, 512 << 20, "a small host keeps an eighth");
        assert_eq!(RATIOS.offer(4, 4 << 30, Some(2 << 30)).reserved_memory, 2 << 30, "its own tag wins");
    }

    #[test]
    fn a_vm_counts_by_the_memory_ratio() {
        assert_eq!(RATIOS.need(2, 3), Need { cpu: 2, memory: 2 });
        assert_eq!(RATIOS.need(-1, -5), Need { cpu: 0, memory: 0 });
    }

    #[test]
    fn sizes_are_read_with_and_without_a_unit() {
        assert_eq!(parse_size("1G"), Some(1 << 30));
        assert_eq!(parse_size(" 512mb "), Some(512 << 20));
        assert_eq!(parse_size("4096"), Some(4096));
        for bad in ["", "G", "1X", "-1G", "1.5G", "é", "99999999999T"] {
            assert_eq!(parse_size(bad), None, "{bad}");
        }
    }
}
