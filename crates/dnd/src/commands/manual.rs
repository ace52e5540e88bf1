//! `dnd completions` and `dnd manual`: what the command line says of itself, for shells and for `man`.

use std::path::Path;
use std::process::ExitCode;

use clap::{Command, CommandFactory};
use clap_complete::Shell;

use crate::cli::Cli;
use crate::failure::{Failure, Outcome};
use crate::output::{answer, create_folder};

/// Prints the script of a shell.
pub(crate) fn completions(shell: Shell) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "dnd", &mut script);
    answer(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}

/// Writes `dnd.1`, `dnd-embed.1`, `dnd-search-index.1`, ...
pub(crate) fn pages(folder: &Path) -> Outcome {
    create_folder(folder)?;
    let mut root = Cli::command();
    root.build();
    write_pages(&root, "dnd", folder)?;
    Ok(ExitCode::SUCCESS)
}

/// A page for a command, and one for each below it.
fn write_pages(command: &Command, name: &str, folder: &Path) -> Result<(), Failure> {
    for below in command.get_subcommands() {
        if below.get_name() != "help" {
            write_pages(below, &format!("{name}-{}", below.get_name()), folder)?;
        }
    }
    let path = folder.join(format!("{name}.1"));
    let mut page = Vec::new();
    let man = clap_mangen::Man::new(command.clone()).title(name);
    man.render(&mut page)
        .and_then(|()| std::fs::write(&path, &page))
        .map_err(|error| Failure::work(format!("{}: {error}", path.display())))
}
