use super::rig::Rig;
use crate::KeeperHome;
use backstock_queue::{Context, Handler, Job, JobError, JobState, One, Registry};
use serde::{Deserialize, Serialize};
use std::{
    sync::{Mutex, mpsc},
    time::Duration,
};

/// Keeps the only thread of the runtime busy until leases were renewed three times.
#[derive(Serialize, Deserialize)]
struct Selfish;

impl Job for Selfish {
    const KIND: &'static str = "selfish";
}

struct Hog(Mutex<mpsc::Receiver<usize>>);

impl Handler for Hog {
    type Work = One<Selfish>;
    async fn handle(&self, _: &mut One<Selfish>, _: &Context) -> Result<(), JobError> {
        let renewals = self.0.lock().unwrap();
        let mut seen = 0;
        while seen < 3 {
            seen += renewals.recv_timeout(Duration::from_mins(1)).map_err(JobError::discard)?;
        }
        Ok(())
    }
}

#[tokio::test]
async fn handlers_that_keep_the_runtime_busy_lose_no_lease() {
    let mut rig = Rig::new();
    rig.options.keeper = KeeperHome::OwnThread;
    rig.options.renew_every = Duration::from_millis(1);
    let (tell, renewals) = mpsc::channel();
    *rig.store.renewals.lock().unwrap() = Some(tell);
    let run = rig.run_with(Registry::default().register(Hog(Mutex::new(renewals))));
    let id = rig.enqueue(&Selfish).await;
    rig.reaches(id, JobState::Completed).await;
    run.stop().await;
}
