//! The `seedbed` command: parse, plan, execute, report.
//!
//! One module a subcommand under `commands`; everything that knows the
//! terminal, the exit codes or the process is here and in no other crate.

mod area;
mod base_grid;
mod cli;
mod commands;
mod context;
mod encoding;
mod examples;
mod failure;
mod headers;
mod interrupt;
mod machine;
mod overriding;
mod page;
mod placing;
mod points;
mod preparing;
mod progress;
mod query;
mod quicklook;
mod report;
mod selection;
mod stack;
mod state;
mod table;
mod unread;
mod whole_file;
mod workplace;

use clap::{CommandFactory, FromArgMatches};
use cli::{Cli, Global};
use context::Ctx;
use progress::Stderr;
use report::{Format, Status};
use std::io::Write;
use std::process::ExitCode;
use tracing::level_filters::LevelFilter;

/// Documents are many small values: with it they take a third less time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let mut command = examples::folded(Cli::command());
    let given = command.try_get_matches_from_mut(std::env::args_os());
    let cli = given.and_then(|given| Cli::from_arg_matches(&given).map_err(|e| e.format(&mut command)));
    let cli = cli.unwrap_or_else(|error| refuse(&error));
    let name = cli.command.name();
    let json = cli.global.json;
    let code = match run(cli, name) {
        Ok(status) => status.code(),
        Err(error) => {
            if json {
                // Still one object on stdout; the text for people follows on stderr.
                let _ = writeln!(std::io::stdout(), "{:#}", failure::as_json(name, &error));
            }
            let _ = failure::print(&error, &mut Stderr);
            failure::kind(&error).code()
        }
    };
    ExitCode::from(code)
}

/// Says what is wrong with the command line, and ends. An address in it may have a password.
fn refuse(error: &clap::Error) -> ! {
    let (plain, mut shown) = (error.render().to_string(), error.render().to_string());
    for text in std::env::args().flat_map(|arg| arg.split('=').map(str::to_owned).collect::<Vec<_>>()) {
        let clean = seedbed_storage::shown_text(&text);
        if text.contains("://") && text.contains('@') && clean != text {
            shown = shown.replace(&text, &clean);
        }
    }
    if error.use_stderr() && std::env::args().any(|arg| arg == "--json") {
        let _ = writeln!(std::io::stdout(), "{:#}", failure::object(None, shown.trim(), None, 2));
    }
    if shown == plain {
        error.exit();
    }
    let _ = write!(Stderr, "{shown}");
    std::process::exit(error.exit_code());
}

fn run(cli: Cli, name: &'static str) -> anyhow::Result<Status> {
    interrupt::watch(name, cli.global.json)?;
    log_to_stderr(&cli.global);
    let runtime = cli.command.runtime().enable_all().build()?;
    let ctx = context(&cli.global)?;
    interrupt::heed(&ctx.stores);
    let status = runtime.block_on(cli.command.run(&ctx));
    // A blocking read that was given up must not hold the process.
    runtime.shutdown_background();
    status
}

fn context(global: &Global) -> anyhow::Result<Ctx> {
    let stores_file = cli::said(global.stores.as_ref());
    Ok(Ctx {
        stores: context::stores(stores_file.as_deref(), context::Limits::default())?,
        projections: seedbed_raster::Proj,
        state: cli::said(global.state.as_ref()).unwrap_or_else(state::usual),
        stores_file,
        format: if global.json { Format::Json } else { Format::Text },
        progress: progress::Mode::detect(!global.no_progress && !global.quiet),
        quiet: global.quiet,
    })
}

fn log_to_stderr(global: &Global) {
    let level = match (global.quiet, global.verbose) {
        (true, _) => LevelFilter::ERROR,
        (false, 0) => LevelFilter::WARN,
        (false, 1) => LevelFilter::INFO,
        (false, 2) => LevelFilter::DEBUG,
        (false, _) => LevelFilter::TRACE,
    };
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(|| Stderr)
        .with_ansi(false)
        .without_time()
        .with_target(level >= LevelFilter::DEBUG)
        .init();
}
