//! `backstock jobs`: list, show, retry, cancel.

use crate::args::{Filter, Jobs, State};
use crate::failure::Failure;
use crate::show::{self, Table};
use backstock_queue::{Edit, JobFilter, JobId, JobRecord, JobState, Page, Replay, Store, Timestamp};
use serde_json::{Value, json};

/// Runs the subcommand against `store`.
pub async fn run(command: &Jobs, store: &dyn Store, as_json: bool) -> Result<(), Failure> {
    match command {
        Jobs::List(filter) => list(filter, store, as_json).await,
        Jobs::Show { id } => show_one(id, store, as_json).await,
        Jobs::Retry { filter, per_second } => {
            let replay = Replay {
                filter: narrowed(filter, "retry")?,
                edit: Edit::default(),
                per_second: *per_second,
                limit: usize::from(filter.limit),
            };
            report("retried", store.replay(&replay).await.map_err(Failure::data)?, as_json);
            Ok(())
        }
        Jobs::Cancel(filter) => {
            let cancelled = store.cancel(&narrowed(filter, "cancel")?).await.map_err(Failure::data)?;
            report("cancelled", cancelled, as_json);
            Ok(())
        }
    }
}

fn report(what: &str, number: u64, as_json: bool) {
    if as_json {
        show::json(&json!({ what: number }));
    } else {
        show::line(format!("{what}: {}", show::count(number)));
    }
}

async fn list(filter: &Filter, store: &dyn Store, as_json: bool) -> Result<(), Failure> {
    let page = Page { offset: 0, limit: usize::from(filter.limit) };
    let jobs = store.jobs(&choice(filter)?, page).await.map_err(Failure::data)?;
    if as_json {
        show::json(&jobs.iter().map(as_value).collect::<Vec<_>>());
        return Ok(());
    }
    let mut table =
        Table::new(&["ID", "KIND", "STATE", "PRIORITY", ">ERRORS", ">CRASHES", "QUEUE", "LAST ERROR"]);
    for job in &jobs {
        table.row([
            job.id.to_string(),
            job.kind.clone(),
            job.state.to_string(),
            format!("{:?}", job.priority).to_lowercase(),
            job.errors.to_string(),
            job.crashes.to_string(),
            job.queue.clone(),
            shortened(job.last_error.as_deref().unwrap_or_default(), 60),
        ]);
    }
    if table.is_empty() {
        show::line("no jobs match");
    } else {
        show::line(table);
    }
    Ok(())
}

async fn show_one(id: &str, store: &dyn Store, as_json: bool) -> Result<(), Failure> {
    let id = parse(id)?;
    let job = store.job(id).await.map_err(Failure::data)?;
    let job = job
        .ok_or_else(|| Failure::input(format!("there is no job {id}; finished jobs are kept for a time")))?;
    if as_json {
        show::json(&as_value(&job));
        return Ok(());
    }
    let moment = |at: Option<Timestamp>| at.map_or_else(|| "-".to_owned(), utc);
    show::line(format!("job        {}", job.id));
    show::line(format!("kind       {} (version {})", job.kind, job.version));
    show::line(format!("queue      {} ({:?})", job.queue, job.priority).to_lowercase());
    show::line(format!("state      {}", job.state));
    show::line(format!("errors     {}    crashes {}", job.errors, job.crashes));
    show::line(format!("enqueued   {}", utc(job.enqueued_at)));
    show::line(format!("due        {}", utc(job.due_at)));
    show::line(format!("started    {}", moment(job.started_at)));
    show::line(format!("finished   {}", moment(job.finished_at)));
    if let Some(worker) = &job.worker {
        show::line(format!("worker     {worker}"));
    }
    if let Some(group) = job.group {
        show::line(format!("group      {group}"));
    }
    if let Some(error) = &job.last_error {
        show::line(format!("last error {error}"));
    }
    let payload = payload(&job);
    show::line(format!("payload    {}", serde_json::to_string_pretty(&payload).unwrap_or_default()));
    Ok(())
}

/// The filter; refuses to touch every job unless asked in so many words.
fn narrowed(filter: &Filter, verb: &str) -> Result<JobFilter, Failure> {
    let chosen = choice(filter)?;
    if chosen == JobFilter::default() && !filter.all {
        return Err(Failure::usage(format!(
            "name the jobs to {verb}, narrow them (--state, --kind, …), or say --all"
        )));
    }
    Ok(chosen)
}

fn choice(filter: &Filter) -> Result<JobFilter, Failure> {
    Ok(JobFilter {
        states: filter.state.iter().copied().map(JobState::from).collect(),
        kind: filter.kind.clone(),
        queue: filter.queue.clone(),
        group: None,
        ids: filter.ids.iter().map(|id| parse(id)).collect::<Result<_, _>>()?,
        error_contains: filter.error.clone(),
    })
}

fn parse(id: &str) -> Result<JobId, Failure> {
    id.parse().map_err(|_| {
        Failure::usage(format!("{id:?} is not the id of a job; `backstock jobs list` shows ids"))
    })
}

fn payload(job: &JobRecord) -> Value {
    serde_json::from_slice(&job.payload)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&job.payload).into_owned()))
}

fn as_value(job: &JobRecord) -> Value {
    let mut value = serde_json::to_value(job).unwrap_or_default();
    value["payload"] = payload(job);
    value
}

fn shortened(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    text.chars().take(limit - 1).chain(['…']).collect()
}

/// RFC 3339 in UTC, to the second.
pub fn utc(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.as_millis())
        .map_or_else(|_| at.to_string(), |moment| moment.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

impl From<State> for JobState {
    fn from(state: State) -> Self {
        match state {
            State::Scheduled => Self::Scheduled,
            State::Available => Self::Available,
            State::Running => Self::Running,
            State::Retryable => Self::Retryable,
            State::Completed => Self::Completed,
            State::Cancelled => Self::Cancelled,
            State::Discarded => Self::Discarded,
            State::Quarantined => Self::Quarantined,
        }
    }
}
