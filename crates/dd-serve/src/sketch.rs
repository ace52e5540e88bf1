//! `GET /v1/depict` and `POST /v1/read`: from a SMILES to its picture, from a drawing to its SMILES.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use dd_data::RowFault;
use dd_mol::depict::{self, SvgOptions};
use dd_mol::molfile::{self, MolfileOptions};
use dd_mol::smiles;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::app::App;
use crate::json::{self, Body, json};
use crate::refusal::Refusal;

/// What is to be drawn.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Drawing {
    smiles: String,
    /// Numbers by atom, separated by commas.
    #[serde(default)]
    values: Option<String>,
    #[serde(default)]
    indices: bool,
}

/// A picture.
pub(crate) async fn depict(
    State(app): State<Arc<App>>,
    drawing: Result<Query<Drawing>, QueryRejection>,
) -> Result<Response, Refusal> {
    let Query(drawing) =
        drawing.map_err(|rejection| Refusal::bad("query", rejection.body_text()))?;
    let options = SvgOptions {
        indices: drawing.indices,
        values: drawing.values.as_deref().map(numbers).transpose()?,
        ..SvgOptions::default()
    };
    let svg = work(&app, move |app| {
        let molecule = app.parse(&drawing.smiles)?;
        depict::svg(&molecule, &options).map_err(|error| Refusal::bad("depict", error.to_string()))
    })
    .await?;
    let headers = [
        (CONTENT_TYPE, "image/svg+xml"),
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'",
        ),
    ];
    Ok((headers, svg).into_response())
}

fn numbers(text: &str) -> Result<Vec<f64>, Refusal> {
    text.split(',')
        .map(|word| {
            let number = word.trim().parse().ok().filter(|x: &f64| x.is_finite());
            number.ok_or_else(|| Refusal::bad("values", format!("{word:?} is not a finite number")))
        })
        .collect()
}

/// What is to be read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reading {
    molfile: String,
}

/// A mol block as SMILES.
pub(crate) async fn read(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    #[derive(Serialize)]
    struct Read {
        smiles: String,
        formula: String,
    }
    let reading: Reading = json::read(&headers, body)?;
    let read = work(&app, move |app| {
        let options = MolfileOptions {
            sanitize: app.sanitize(),
        };
        let molecule = molfile::parse_with(&reading.molfile, &options).map_err(|error| {
            let column = (!error.columns.is_empty()).then_some(error.columns.start + 1);
            Refusal::bad(error.kind.name(), error.to_string()).at(error.line, column)
        })?;
        if molecule.num_atoms() == 0 {
            return Err(RowFault::new("empty", "the molecule has no atoms").into());
        }
        Ok(Read {
            smiles: smiles::write(&molecule),
            formula: molecule.formula(),
        })
    })
    .await?;
    Ok(json(&read))
}

/// Runs on a thread for work, of which only so many may be waited for, and some stay free for others; not at all when nobody
/// waits for it any more.
pub(crate) async fn work<T: Send + 'static>(
    app: &Arc<App>,
    job: impl FnOnce(&App) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let lost = || {
        let message = "the molecule could not be worked on: this is a fault of the server";
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "lost", message)
    };
    let place = app.sketch()?;
    let turn = app.turn().await.ok_or_else(lost)?;
    let worker = Arc::clone(app);
    let (reply, done) = oneshot::channel();
    tokio::task::spawn_blocking(move || {
        if !reply.is_closed() {
            // The request may be given up meanwhile.
            let _ = reply.send(job(&worker));
        }
        drop((place, turn));
    });
    done.await.map_err(|_| lost())?
}
