//! `dnd serve`: models over HTTP.

mod ensemble;

use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use dd_serve::{Batching, Limits, ServeConfig, ServedModel, Server, Stop, Student};
use dd_train::CONFIG_FILE;

use ensemble::ServedEnsemble;

use crate::cli::Serve;
use crate::commands::search::read_index;
use crate::failure::{Failure, Outcome};
use crate::progress::say;

/// Loads everything, then answers until the system asks for a stop.
pub(crate) fn run(arguments: &Serve, quiet: bool) -> Outcome {
    let mut models: Vec<Arc<dyn ServedModel>> = Vec::new();
    for model in &arguments.model {
        // A run folder has no model of its own, but one for each seed.
        let run = model.is_dir() && !model.join(CONFIG_FILE).exists();
        models.push(if run {
            let (served, refusals) = ServedEnsemble::load(model, arguments.coverage)?;
            for refusal in refusals.iter().filter(|_| !quiet) {
                say(&format!("no interval: {refusal}"));
            }
            Arc::new(served)
        } else {
            Arc::new(Student::load(model).map_err(Failure::misuse)?)
        });
    }
    let names: Vec<String> = models
        .iter()
        .map(|model| model.card().name.clone())
        .collect();
    let index = arguments.index.as_deref().map(read_index).transpose()?;
    let config = ServeConfig {
        limits: Limits {
            body_bytes: arguments.max_body,
            rows: arguments.max_rows,
            atoms: arguments.max_atoms,
            queue: arguments.max_queue,
            time: Duration::from_secs(arguments.timeout),
        },
        batching: Batching {
            tokens: arguments.batch_tokens,
            wait: Duration::from_millis(arguments.max_wait),
        },
    };
    let server = Server::new(models, index, config).map_err(Failure::misuse)?;
    let address = SocketAddr::new(arguments.bind, arguments.port);
    let listener = TcpListener::bind(address)
        .map_err(|error| Failure::misuse(format!("{address}: {error}")))?;
    if !quiet {
        let address = listener.local_addr().map_err(Failure::work)?;
        say(&format!(
            "{} at http://{address}/ (stop with ctrl-c)",
            names.join(", ")
        ));
    }
    server
        .run(listener, &Stop::new(), true)
        .map_err(Failure::work)?;
    if !quiet {
        say("stopped: what was in flight is answered");
    }
    Ok(ExitCode::SUCCESS)
}
