use anyhow::Context as _;

/// Resident memory of the process `pid`, in MiB: `VmRSS` of `/proc/PID/status`.
///
/// # Errors
/// When there is no such process.
pub fn resident_mib(pid: u32) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).context("a process that runs has memory")?;
    Ok(kib.parse::<f64>()? / 1024.0)
}
