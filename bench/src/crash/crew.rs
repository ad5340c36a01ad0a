//! Those who are killed.

use super::{WORKERS, task::now};
use anyhow::ensure;
use backstock_queue::Draws;
use std::{
    ffi::OsString,
    process::{Child, Command, Stdio},
};

/// A worker that was killed: which process, and when (milliseconds since the epoch).
#[derive(Clone, Copy, Debug)]
pub struct Kill {
    pub pid: u32,
    pub at: i64,
}

/// The worker processes. Dropped, it kills them all.
pub struct Crew {
    part: &'static str,
    variables: Vec<(&'static str, OsString)>,
    workers: Vec<Child>,
}

impl Crew {
    /// Starts [`WORKERS`] processes of this program as `part`, with `variables` in their environment.
    pub fn hire(part: &'static str, variables: Vec<(&'static str, OsString)>) -> anyhow::Result<Self> {
        let mut crew = Self { part, variables, workers: Vec::with_capacity(WORKERS) };
        (0..WORKERS).try_for_each(|_| crew.hire_one())?;
        Ok(crew)
    }

    /// Kills one at random and hires another.
    pub fn kill_one(&mut self, draws: &Draws) -> anyhow::Result<Kill> {
        let mut worker = self.workers.swap_remove(draws.next() as usize % self.workers.len());
        ensure!(worker.try_wait()?.is_none(), "a worker ended by itself");
        let kill = Kill { pid: worker.id(), at: now() };
        worker.kill()?;
        worker.wait()?;
        self.hire_one()?;
        Ok(kill)
    }

    fn hire_one(&mut self) -> anyhow::Result<()> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(self.part).envs(self.variables.iter().cloned());
        // The pipe ends with us, and the worker with the pipe.
        self.workers.push(command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?);
        Ok(())
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        for worker in &mut self.workers {
            let _ = worker.kill();
            let _ = worker.wait();
        }
    }
}
