//! What this process has used so far, from `/proc`.

use anyhow::Context;

/// User and system CPU seconds of all threads so far. Resolution 10 ms.
pub fn cpu_seconds() -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").context("/proc/self/stat (Linux only)")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| -> anyhow::Result<f64> {
        Ok(fields.get(index).context("/proc/self/stat is too short")?.parse::<f64>()?)
    };
    // utime and stime are fields 14 and 15; what stands before the closing parenthesis are the first two.
    Ok((ticks(11)? + ticks(12)?) / 100.0)
}

/// Highest resident memory so far, in MB (10⁶ bytes).
pub fn peak_memory_mb() -> anyhow::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status").context("/proc/self/status (Linux only)")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).context("no VmHWM")?;
    let kib: f64 = line.split_whitespace().nth(1).context("VmHWM is empty")?.parse()?;
    Ok(kib * 1024.0 / 1e6)
}
