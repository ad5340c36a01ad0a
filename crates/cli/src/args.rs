//! The command line, one struct a command. The comments are the help texts.

use backstock_queue::Rate;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::num::NonZeroU32;
use std::path::PathBuf;

/// The back room of a product catalog: imports product files as durable background jobs.
#[derive(Debug, Parser)]
#[command(name = "backstock", version, max_term_width = 110, arg_required_else_help = true)]
#[command(after_help = "Exit codes: 0 done · 1 failed · 2 wrong usage or configuration · 3 input refused · \
                        4 data folder or store unusable · 130 interrupted\n\
                        Every setting: `backstock config show`. Environment: BACKSTOCK__SECTION__KEY=value.")]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// Configuration file [default: ./backstock.toml if it exists]
    #[arg(long, global = true, value_name = "FILE", env = "BACKSTOCK_CONFIG")]
    pub config: Option<PathBuf>,
    /// Set of defaults: default or production
    #[arg(long, global = true, value_name = "NAME", env = "BACKSTOCK_PROFILE")]
    pub profile: Option<String>,
    /// Folder of queue, catalog, vectors, thumbnails and models [default: ./backstock-data]
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Machine-readable output on standard output, one JSON object last
    #[arg(long, global = true)]
    pub json: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show everything on a synthetic catalog: import, import again, change prices, search
    Demo(Demo),
    /// Import a product file (CSV, TSV, JSON Lines, Google Merchant XML; plain, gz, zst or zip)
    Import(Import),
    /// Search the catalog by meaning
    Search(Search),
    /// Run worker and scheduler in one process until stopped
    Up(Up),
    /// Run a worker until stopped
    Worker,
    /// Run a scheduler until stopped
    Scheduler,
    /// Show queues, workers, recent imports and the catalog
    Status,
    /// List, show, retry or cancel jobs
    #[command(subcommand)]
    Jobs(Jobs),
    /// List, pause, resume or limit queues
    #[command(subcommand)]
    Queues(Queues),
    /// List views or bring them up to date
    #[command(subcommand)]
    Views(Views),
    /// Count orders or views of products, which the cache is warmed by
    #[command(subcommand)]
    Popularity(Popularity),
    /// Check that what is stored is sound, and heal what can be healed
    Doctor(Doctor),
    /// Show who holds which unique key, who leads, what is paused or limited
    Locks(Locks),
    /// Find pictures that look alike
    #[command(subcommand)]
    Images(Images),
    /// Check or show the configuration
    #[command(subcommand)]
    Config(Config),
}

/// `demo`
#[derive(Debug, Args)]
pub struct Demo {
    /// Where the generated files and the data folder go [default: a fresh temporary folder]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// `import`
#[derive(Clone, Debug, Args)]
pub struct Import {
    /// The product file
    pub file: PathBuf,
    /// Folder that relative image paths start from
    #[arg(long, value_name = "DIR")]
    pub images: Option<PathBuf>,
    /// Check everything, write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// The file is the whole catalog: archive products that are not in it
    #[arg(long)]
    pub full_sync: bool,
    /// Column of the file that holds a field, e.g. --map "Artikelnummer=sku" (repeatable)
    #[arg(long, value_name = "COLUMN=FIELD", value_parser = pair)]
    pub map: Vec<(String, String)>,
    /// Where rejected rows are written [default: rejects/ in the data folder]
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
    /// Whose delivery it is: suppliers share the workers fairly [default: the name of the file, without its ending]
    #[arg(long, value_name = "NAME")]
    pub supplier: Option<String>,
    /// Only enqueue: workers that run elsewhere (`backstock up`) do the work
    #[arg(long, conflicts_with = "dry_run")]
    pub detach: bool,
}

/// `up`
#[derive(Clone, Copy, Debug, Args)]
pub struct Up {
    /// End when no job waits or runs any more (jobs of paused queues do not count)
    #[arg(long)]
    pub until_done: bool,
}

/// `search`
#[derive(Debug, Args)]
pub struct Search {
    /// What to look for, in words
    pub text: String,
    /// By SKU, number on the box or all words of title, brand and category instead of by meaning
    #[arg(long, conflicts_with_all = ["category", "max_price"])]
    pub words: bool,
    /// Most results
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub limit: u16,
    /// Only this category and what is below it, e.g. "Outdoor > Tents"
    #[arg(long)]
    pub category: Option<String>,
    /// Only products that cost at most this, e.g. 49.90
    #[arg(long, value_name = "PRICE")]
    pub max_price: Option<f64>,
}

/// `jobs`
#[derive(Debug, Subcommand)]
pub enum Jobs {
    /// List jobs, newest first
    List(Filter),
    /// Show one job with its payload and last error
    Show {
        /// Id of the job
        id: String,
    },
    /// Run dead, quarantined or cancelled jobs again
    Retry {
        #[command(flatten)]
        filter: Filter,
        /// At most this many due in each second
        #[arg(long, value_name = "N")]
        per_second: Option<u32>,
    },
    /// Cancel waiting jobs and ask running ones to stop
    Cancel(Filter),
}

/// Which jobs.
#[derive(Clone, Debug, Args)]
pub struct Filter {
    /// Only these jobs
    pub ids: Vec<String>,
    /// Only jobs in this state (repeatable)
    #[arg(long, value_enum)]
    pub state: Vec<State>,
    /// Only jobs of this kind
    #[arg(long)]
    pub kind: Option<String>,
    /// Only jobs of this queue
    #[arg(long)]
    pub queue: Option<String>,
    /// Only jobs whose last error contains this text
    #[arg(long, value_name = "TEXT")]
    pub error: Option<String>,
    /// Most jobs
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=500))]
    pub limit: u16,
    /// Every job, when nothing else narrows the choice (retry and cancel ask for it)
    #[arg(long)]
    pub all: bool,
}

/// States by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum State {
    Scheduled,
    Available,
    Running,
    Retryable,
    Completed,
    Cancelled,
    Discarded,
    Quarantined,
}

/// `queues`
#[derive(Debug, Subcommand)]
pub enum Queues {
    /// List queues with their counts
    List,
    /// Claim nothing from a queue until it is resumed
    Pause {
        /// Name of the queue
        queue: String,
    },
    /// End a pause
    Resume {
        /// Name of the queue
        queue: String,
    },
    /// Limit what each fairness key (supplier) of a queue may have; replaces earlier limits
    #[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
    Limit {
        /// Name of the queue
        queue: String,
        /// Jobs of one key that run at once, over all workers
        #[arg(long, value_name = "N", group = "what")]
        running: Option<NonZeroU32>,
        /// Jobs of one key over time, as in 100/s, 5/10m or 1/250ms
        #[arg(long, value_name = "JOBS/TIME", group = "what")]
        rate: Option<Rate>,
        /// Lift all limits
        #[arg(long, group = "what", conflicts_with_all = ["running", "rate"])]
        clear: bool,
    },
}

/// `views`
#[derive(Debug, Subcommand)]
pub enum Views {
    /// List views: fresh or stale, and of materialized ones (PostgreSQL) what a refresh costs and when the next is due
    List,
    /// Bring a view up to date, after those that it reads; `all`: every one that is stale and due
    Refresh {
        /// Name of the view, or `all`
        view: String,
        /// Compute everything again, stale or not, due or not
        #[arg(long)]
        full: bool,
    },
}

/// `popularity`
#[derive(Debug, Subcommand)]
pub enum Popularity {
    /// Count a file of orders or views (CSV or JSON Lines; plain, gz, zst or zip): a column with the SKU, perhaps one with
    /// a number and one with a time. The same content is not counted twice
    Import(PopularityImport),
    /// Show the most popular products with their shares of all requests as they have faded, and what was counted
    List {
        /// Most products
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=10_000))]
        limit: u16,
    },
}

/// `popularity import`
#[derive(Debug, Args)]
pub struct PopularityImport {
    /// The file
    pub file: PathBuf,
    /// When rows without a time were asked for, and from when ages are counted, e.g. 2026-11-21 [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub at: Option<jiff::Timestamp>,
    /// Column of the file to read as sku, count or time, e.g. --map "Article=sku" (repeatable)
    #[arg(long, value_name = "COLUMN=NAME", value_parser = pair)]
    pub map: Vec<(String, String)>,
    /// The file holds all there ever was: forget what was counted before
    #[arg(long)]
    pub replace: bool,
    /// Read and check, count nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `doctor`
#[derive(Debug, Args)]
pub struct Doctor {
    /// Heal what can be healed without a doubt, safe while workers run; the rest is only reported
    #[arg(long)]
    pub repair: bool,
}

/// `locks`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Locks {
    /// Only those whose kind, key or role contains this text
    pub text: Option<String>,
    #[command(subcommand)]
    pub action: Option<LockAction>,
}

/// What to do with a lock.
#[derive(Debug, Subcommand)]
pub enum LockAction {
    /// Take a unique key from its holder, so that the next request is stored
    Release {
        /// Kind of the jobs the key is among
        kind: String,
        /// The key
        key: String,
        /// Even while its holder waits or runs: a second job may then do the same work beside it
        #[arg(long)]
        force: bool,
    },
}

/// `images`
#[derive(Debug, Subcommand)]
pub enum Images {
    /// List groups of pictures of the catalog that look alike, with the products that show them
    Duplicates {
        /// Bits in which two pictures may differ, of 64; 0 finds scaled and recompressed copies
        #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(0..=7))]
        distance: u32,
    },
}

/// `config`
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Check configuration, schedule and the models and folders they name
    Check,
    /// Show every setting as it is in force
    Show,
    /// Show the cron entries with their next slots
    Schedule,
}

fn moment(text: &str) -> Result<jiff::Timestamp, String> {
    let date = || text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok();
    let parsed = text.parse().ok().or_else(|| Some(date()?.timestamp()));
    parsed.ok_or_else(|| "expected a time such as 2026-11-21 or 2026-11-21T10:00:00Z".into())
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((column, field)) if !column.is_empty() && !field.is_empty() => Ok((column.into(), field.into())),
        _ => Err("expected COLUMN=FIELD, for example \"Artikelnummer=sku\"".into()),
    }
}
