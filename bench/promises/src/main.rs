//! `make promises`: every promise of the shop, tried under races, crashes and lost answers, and a table of what came of it.
//!
//! Each trial runs in a process of its own (`--one`), which the table's process starts twice: as the code is, where nothing may be found, and
//! with a variant of the code that breaks the promise, which must be noticed.

mod aftermath;
mod check;
mod checks;
mod client;
mod history;
mod shop;
mod sim;
mod table;

use std::process::ExitCode;

use clap::Parser;

use check::{Kind, Setting, Size};

/// Tries every promise of the shop, and whether a broken one would be noticed.
#[derive(Parser, Debug)]
struct Arguments {
    /// Only the promises whose name begins like this
    #[arg(long, default_value = "")]
    only: String,
    /// Only one of the two shops
    #[arg(long)]
    shop: Option<Kind>,
    /// A tenth of the tries or fewer, as the tests do
    #[arg(long)]
    small: bool,
    /// The names of the promises, and nothing else
    #[arg(long)]
    names: bool,
    /// One trial in this process; prints what came of it as JSON
    #[arg(long, hide = true)]
    one: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let size = if arguments.small { Size::Small } else { Size::Full };
    let done = if arguments.names {
        table::names().map(|()| true)
    } else if arguments.one {
        let setting = Setting { kind: arguments.shop.unwrap_or(Kind::Standalone), size };
        checks::run_one(&arguments.only, &setting).map(|()| true)
    } else {
        table::print(&arguments.only, arguments.shop, size)
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}
