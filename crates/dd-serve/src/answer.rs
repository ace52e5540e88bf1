//! `POST /v1/predict`, `POST /v1/embed`: one answer for each row, in order.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use dd_data::RowFault;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::unbounded_channel;

use crate::app::{App, Hosted};
use crate::batcher::{Job, Task};
use crate::json::{self, Body, json};
use crate::model::ServedTarget;
use crate::refusal::Refusal;
use crate::row::{Row, rows};
use crate::run::Answer;

/// What is asked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    smiles: Vec<String>,
    #[serde(default)]
    model: Option<String>,
}

/// Predictions.
pub(crate) async fn predict(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    #[derive(Serialize)]
    struct Predictions<'a> {
        model: &'a str,
        targets: &'a [ServedTarget],
        rows: Vec<Row<'a>>,
    }
    let question: Question = json::read(&headers, body)?;
    let predicts = |hosted: &Hosted| !hosted.model.card().targets.is_empty();
    let hosted = app.choose(question.model.as_deref(), predicts, "predicts")?;
    let inputs = question.smiles;
    let (inputs, answers) = answer(&app, hosted, Task::Predict, inputs).await?;
    let card = hosted.model.card();
    Ok(json(&Predictions {
        model: &card.name,
        targets: &card.targets,
        rows: rows(&inputs, answers, &card.targets),
    }))
}

/// Embeddings.
pub(crate) async fn embed(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    #[derive(Serialize)]
    struct Embeddings<'a> {
        model: &'a str,
        width: usize,
        rows: Vec<Row<'a>>,
    }
    let question: Question = json::read(&headers, body)?;
    let hosted = app.choose(question.model.as_deref(), |_| true, "embeds")?;
    let (inputs, answers) = answer(&app, hosted, Task::Embed, question.smiles).await?;
    let card = hosted.model.card();
    Ok(json(&Embeddings {
        model: &card.name,
        width: card.width,
        rows: rows(&inputs, answers, &card.targets),
    }))
}

/// One outcome for each input.
pub(crate) type Answers = Vec<Result<Answer, RowFault>>;

/// Answers all inputs, and gives them back.
///
/// Reading and featurizing runs on a thread for work; it holds the places of the queue, which every molecule that is read
/// takes along. A request that is given up lets go of what still waits.
pub(crate) async fn answer(
    app: &Arc<App>,
    hosted: &Arc<Hosted>,
    task: Task,
    inputs: Vec<String>,
) -> Result<(Vec<String>, Answers), Refusal> {
    let limit = app.config.limits.rows;
    if inputs.len() > limit {
        return Err(Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-many-rows",
            format!("{} rows, at most {limit} in one request", inputs.len()),
        ));
    }
    let places = hosted.batcher.reserve(inputs.len()).ok_or_else(|| {
        let (length, limit) = (hosted.batcher.length(), app.config.limits.queue);
        Refusal::busy(format!(
            "{} molecules do not fit: {length} of {limit} places are taken",
            inputs.len()
        ))
    })?;
    let (reply, mut replies) = unbounded_channel();
    let (reader, queue) = (Arc::clone(app), Arc::clone(hosted));
    let read = tokio::task::spawn_blocking(move || {
        let mut places = places;
        let mut jobs = Vec::with_capacity(inputs.len());
        for (row, text) in inputs.iter().enumerate() {
            if reply.is_closed() {
                break;
            }
            let place = places.split(1).expect("there are as many places as inputs");
            let read = reader.parse(text).and_then(|molecule| {
                let graph = queue.model.featurize(&molecule)?;
                Ok((molecule, graph))
            });
            match read {
                Ok((molecule, graph)) => jobs.push(Job {
                    task,
                    molecule,
                    graph,
                    row,
                    reply: reply.clone(),
                    place,
                }),
                // Nobody listens when the request was given up.
                Err(fault) => drop(reply.send((row, Err(fault)))),
            }
        }
        queue.batcher.submit(jobs);
        inputs
    });
    let inputs = read.await.map_err(|_| lost())?;
    let mut answers: Vec<Option<Result<Answer, RowFault>>> = vec![None; inputs.len()];
    while let Some((row, outcome)) = replies.recv().await {
        answers[row] = Some(outcome);
    }
    let answers: Answers = answers
        .into_iter()
        .collect::<Option<_>>()
        .ok_or_else(lost)?;
    let errors = answers.iter().filter_map(|answer| answer.as_ref().err());
    let kinds = errors.map(|fault| fault.kind);
    let name = &hosted.model.card().name;
    app.metrics.rows(name, task.name(), inputs.len(), kinds);
    Ok((inputs, answers))
}

fn lost() -> Refusal {
    Refusal::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "lost",
        "a row was lost: this is a fault of the server",
    )
}
