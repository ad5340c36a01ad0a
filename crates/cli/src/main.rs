//! The `backstock` binary: parses the command line, loads the configuration, runs one command.

mod app;
mod args;
mod commands;
mod failure;
mod show;
mod stop;

use args::{Cli, Command, Global};
use backstock_config::{Config, LogFormat, Sources};
use clap::Parser;
use commands::roles::Roles;
use failure::Failure;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    compute_on_own_threads(&cli.command);
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            show::error(&failure);
            failure.exit_code()
        }
    }
}

/// Starts this process over (same id, same arguments) with `CANDLE_NUM_THREADS=1`, unless the variable is set.
///
/// Texts are embedded by as many threads as `worker.cpu_threads` allows, each computing a batch. candle would spread the
/// larger steps of every batch over a pool of its own, whose threads spin while they wait, and it reads how large that
/// pool is nowhere but in the environment, which a process cannot safely change while it runs.
fn compute_on_own_threads(command: &Command) {
    const VARIABLE: &str = "CANDLE_NUM_THREADS";
    let embeds = matches!(
        command,
        Command::Demo(_) | Command::Import(_) | Command::Search(_) | Command::Up(_) | Command::Worker
    );
    if !embeds || std::env::var_os(VARIABLE).is_some() {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    let mut arguments = std::env::args_os();
    let mut again = std::process::Command::new(program);
    if let Some(name) = arguments.next() {
        again.arg0(name);
    }
    // Comes back only when it fails; then everything works, only slower.
    let _ = again.args(arguments).env(VARIABLE, "1").exec();
}

fn run(cli: &Cli) -> Result<(), Failure> {
    let config = load(&cli.global)?;
    let log = backstock_telemetry::LogOptions {
        format: match config.log.format {
            LogFormat::Pretty => backstock_telemetry::LogFormat::Pretty,
            LogFormat::Plain => backstock_telemetry::LogFormat::Plain,
            LogFormat::Json => backstock_telemetry::LogFormat::Json,
        },
        filter: config.log.filter.clone(),
        ..backstock_telemetry::LogOptions::default()
    };
    backstock_telemetry::init(&log).map_err(Failure::usage)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::failed)?;
    let done = runtime.block_on(dispatch(cli, config));
    // A blocking thread that reads a pipe or a picture must not keep the process.
    runtime.shutdown_background();
    done
}

async fn dispatch(cli: &Cli, config: Config) -> Result<(), Failure> {
    let json = cli.global.json;
    match &cli.command {
        Command::Demo(args) => commands::demo::run(args, config, json).await,
        Command::Import(args) => commands::import::run(args, config, json).await,
        Command::Search(args) => commands::search::run(args, config, json).await,
        Command::Up(args) => Box::pin(commands::roles::up(args, config)).await,
        Command::Worker => commands::roles::run(config, Roles::WORKER).await,
        Command::Scheduler => commands::roles::run(config, Roles::SCHEDULER).await,
        Command::Status => commands::status::run(&config, json).await,
        Command::Jobs(args) => commands::jobs::run(args, &*app::existing_store(&config).await?, json).await,
        Command::Queues(args) => {
            commands::queues::run(args, &*app::existing_store(&config).await?, json).await
        }
        Command::Views(args) => commands::views::run(args, &config, json).await,
        Command::Popularity(args) => commands::popularity::run(args, &config, json).await,
        Command::Doctor(args) => Box::pin(commands::doctor::run(args, &config, json)).await,
        Command::Locks(args) => commands::locks::run(args, &*app::existing_store(&config).await?, json).await,
        Command::Images(args) => commands::images::run(args, &config, json).await,
        Command::Config(args) => commands::config::run(args, &config, json),
    }
}

/// Defaults, profile, file, environment, then the options of the command line.
fn load(global: &Global) -> Result<Config, Failure> {
    let usual = Path::new("backstock.toml");
    let file = global.config.clone().or_else(|| usual.exists().then(|| usual.to_owned()));
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let sources = Sources { profile: global.profile.clone(), file, environment };
    let mut config = Config::load(&sources).map_err(Failure::usage)?;
    if let Some(dir) = &global.data_dir {
        config.data_dir.clone_from(dir);
    }
    Ok(config)
}
