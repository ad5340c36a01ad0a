//! What this process has used so far, from `/proc`.

use anyhow::Context;

/// User and system CPU seconds of all threads so far. Resolution 10 ms.
pub fn cpu_seconds() -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").context("/proc/self/stat (Linux only)")?;
    // utime and stime.
    Ok(ticks(&stat, 14)? + ticks(&stat, 15)?)
}

/// CPU seconds of a server so far: of the process, of its living children and of those that it has buried.
pub fn server_cpu_seconds(pid: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).context("the server's /proc entry")?;
    let mut sum = 0.0;
    // utime, stime, and both of the children that ended.
    for field in 14..=17 {
        sum += ticks(&stat, field)?;
    }
    for entry in std::fs::read_dir("/proc")?.flatten() {
        // A process that ended meanwhile is counted by its parent.
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        if field(&stat, 4)? == pid.to_string() {
            sum += ticks(&stat, 14)? + ticks(&stat, 15)?;
        }
    }
    Ok(sum)
}

fn ticks(stat: &str, number: usize) -> anyhow::Result<f64> {
    Ok(field(stat, number)?.parse::<f64>()? / 100.0)
}

/// Field of `/proc/…/stat`, from 3 on; the first two stand before the last closing parenthesis.
fn field(stat: &str, number: usize) -> anyhow::Result<&str> {
    let fields = stat.rsplit(')').next().unwrap_or_default();
    fields.split_whitespace().nth(number - 3).context("/proc/…/stat is too short")
}

/// CPU milliseconds of the main thread so far, to the nanosecond.
pub fn main_thread_cpu_ms() -> anyhow::Result<f64> {
    let text =
        std::fs::read_to_string("/proc/self/schedstat").context("/proc/self/schedstat (Linux only)")?;
    let nanoseconds: f64 = text.split_whitespace().next().context("schedstat is empty")?.parse()?;
    Ok(nanoseconds / 1e6)
}

/// Highest resident memory so far, in MB (10⁶ bytes).
pub fn peak_memory_mb() -> anyhow::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status").context("/proc/self/status (Linux only)")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).context("no VmHWM")?;
    let kib: f64 = line.split_whitespace().nth(1).context("VmHWM is empty")?.parse()?;
    Ok(kib * 1024.0 / 1e6)
}
