//! `/etc/os-release` and `/proc/meminfo`.

use cumulo_proto::Memory;

/// A value of os-release, without its quotes.
pub(super) fn release(text: &str, key: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let value = line.strip_prefix(key)?.strip_prefix('=')?;
        Some(value.trim_matches(['"', '\'']).to_owned())
    })
}

/// Total and available memory. From here and not from libvirt, whose figure is one NUMA node's.
pub(super) fn memory(meminfo: &str) -> Option<Memory> {
    let kib = |key: &str| {
        meminfo.lines().find_map(|line| {
            let value = line.strip_prefix(key)?.strip_prefix(':')?;
            value.trim().strip_suffix(" kB")?.parse::<u64>().ok()
        })
    };
    Some(Memory { total: kib("MemTotal")? * 1024, available: kib("MemAvailable")? * 1024 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found() {
        let text = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nID=debian\n";
        assert_eq!(release(text, "ID").as_deref(), Some("debian"));
        assert_eq!(release(text, "VERSION_ID").as_deref(), Some("12"));
        assert_eq!(release(text, "VERSION"), None);
        let meminfo = "MemTotal:       24623468 kB\nMemFree:        100 kB\nMemAvailable:   24000000 kB\n";
        assert_eq!(memory(meminfo), Some(Memory { total: 24_623_468 * 1024, available: 24_000_000 * 1024 }));
        assert_eq!(memory("MemTotal: 1 kB\n"), None);
    }
}
