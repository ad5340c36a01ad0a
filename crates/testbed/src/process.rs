//! A server process: signals, the log, the CPU time.

use crate::error::{Doing, TestbedError, end_of};
use crate::wait;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::fs::OpenOptions;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A running server. Dropping it kills it.
pub(crate) struct Process {
    server: &'static str,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` as leader of a process group; what it prints is added to `log`.
    pub(crate) fn start(
        server: &'static str,
        command: &mut Command,
        log: &Path,
    ) -> Result<Self, TestbedError> {
        let starting = || format!("starting {server} ({})", command.get_program().display());
        let output = OpenOptions::new().create(true).append(true).open(log).doing(starting)?;
        let errors = output.try_clone().doing(starting)?;
        command.stdin(Stdio::null()).stdout(output).stderr(errors).process_group(0);
        let child =
            command.spawn().doing(|| format!("starting {server} ({})", command.get_program().display()))?;
        Ok(Self { server, child, log: log.to_owned() })
    }

    /// Waits until `ready` says so; an error when the process ends before or `limit` passes.
    pub(crate) fn wait_ready(
        &mut self,
        limit: Duration,
        mut ready: impl FnMut(u32) -> bool,
    ) -> Result<(), TestbedError> {
        let ended = |process: &mut Self| process.child.try_wait().ok().flatten();
        let result = wait::until(limit, || match ended(self) {
            Some(status) => Some(Err(TestbedError::Ended {
                server: self.server,
                status: status.to_string(),
                log: end_of(&self.log),
            })),
            None => ready(self.pid()).then_some(Ok(())),
        });
        let slow = || TestbedError::TooSlow {
            server: self.server,
            seconds: limit.as_secs(),
            log: end_of(&self.log),
        };
        result.unwrap_or_else(|| Err(slow()))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Stops the process and its children without telling them: connections stay open and nothing answers.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets a frozen process go on.
    pub(crate) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Kills the process and its children (`SIGKILL`) and returns when it is gone.
    pub(crate) fn kill(&mut self) {
        self.signal(Signal::KILL);
        let _ = self.child.wait();
    }

    /// Lets it outlive this value; a keeper must know its group.
    pub(crate) fn leave_running(self) {
        std::mem::forget(self);
    }

    /// Signals the group, and the children that made groups of their own. Whoever is gone needs no signal.
    fn signal(&self, signal: Signal) {
        let pid = self.pid();
        let children = children(pid);
        if let Some(group) = pid_of(pid) {
            let _ = kill_process_group(group, signal);
        }
        for child in children.into_iter().filter_map(pid_of) {
            let _ = kill_process(child, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn pid_of(number: u32) -> Option<Pid> {
    i32::try_from(number).ok().and_then(Pid::from_raw)
}

/// The direct children of a process, as far as the system tells.
fn children(pid: u32) -> Vec<u32> {
    let list = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split_whitespace().filter_map(|number| number.parse().ok()).collect()
}

/// Whether a process with this number lives (of whatever program).
pub(crate) fn lives(pid: u32) -> bool {
    pid_of(pid).is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
}

/// The processor time that a process has used so far, all its threads together, without its children. Read it before
/// and after and subtract: resolution 10 ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CpuTime {
    /// Time in the program itself.
    pub user: Duration,
    /// Time in the kernel on its behalf.
    pub system: Duration,
}

impl CpuTime {
    /// Of the process `pid`. `None` when there is none, or no `/proc`.
    pub fn of(pid: u32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name in parentheses may hold anything; the numbers begin after the last parenthesis.
        let mut fields = stat[stat.rfind(')')? + 1..].split_whitespace().skip(11);
        let ticks = rustix::param::clock_ticks_per_second();
        let mut time = || Some(Duration::from_millis(fields.next()?.parse::<u64>().ok()? * 1000 / ticks));
        Some(Self { user: time()?, system: time()? })
    }

    /// Of the process `pid` and of its children that live.
    pub(crate) fn of_family(pid: u32) -> Option<Self> {
        let add = |sum: Self, one: Self| Self { user: sum.user + one.user, system: sum.system + one.system };
        Some(children(pid).into_iter().filter_map(Self::of).fold(Self::of(pid)?, add))
    }

    /// Both together.
    pub fn total(self) -> Duration {
        self.user + self.system
    }
}
