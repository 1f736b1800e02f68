//! `/proc/cpuinfo`.

use std::collections::BTreeSet;

/// What it says about the CPUs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cpus {
    pub(super) count: u32,
    pub(super) mhz: u32,
    pub(super) sockets: u32,
    pub(super) model: String,
}

/// Reads it. `max_khz` is what cpufreq says; without it the speed of the moment must do.
pub(super) fn parse(cpuinfo: &str, max_khz: Option<u32>) -> Cpus {
    let values = |wanted: &str| {
        let wanted = wanted.to_owned();
        cpuinfo.lines().filter_map(move |line| {
            let (key, value) = line.split_once(':')?;
            (key.trim() == wanted).then(|| value.trim())
        })
    };
    let count = values("processor").count();
    let sockets: BTreeSet<_> = values("physical id").collect();
    // "2100.000"
    let now = values("cpu MHz").next().and_then(|mhz| mhz.split('.').next()?.parse().ok());
    Cpus {
        count: u32::try_from(count).unwrap_or(u32::MAX).max(1),
        mhz: max_khz.map(|khz| khz / 1000).or(now).unwrap_or_default(),
        sockets: u32::try_from(sockets.len()).unwrap_or(u32::MAX).max(1),
        model: values("model name").next().unwrap_or("unknown").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_sockets_of_two() {
        let cpu = |n: u32, socket: u32| {
            format!("processor\t: {n}\nmodel name\t: A CPU @ 2.10GHz\ncpu MHz\t\t: 1999.9\nphysical id\t: {socket}\n\n")
        };
        let text = cpu(0, 0) + &cpu(1, 0) + &cpu(2, 1) + &cpu(3, 1);
        assert_eq!(parse(&text, None), Cpus { count: 4, mhz: 1999, sockets: 2, model: "A CPU @ 2.10GHz".into() });
        assert_eq!(parse(&text, Some(3_500_000)).mhz, 3500);
        let vm = "processor : 0\n";
        assert_eq!(parse(vm, None), Cpus { count: 1, mhz: 0, sockets: 1, model: "unknown".into() });
    }
}
