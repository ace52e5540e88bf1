//! `POST /v1/neighbours`: the entries of the index that are nearest to each row.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use dd_data::RowFault;
use dd_search::{Index, Neighbour};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::answer::{Answers, answer};
use crate::app::App;
use crate::batcher::Task;
use crate::json::{self, Body, json};
use crate::refusal::Refusal;
use crate::run::Answer;

/// What the index says of a row.
type Found = Result<Vec<Neighbour>, RowFault>;

/// Most neighbours of a row.
const MAX_NEIGHBOURS: usize = 1000;
/// Most neighbours of all rows of a request, about 7 MB of them.
const MAX_ANSWERS: usize = 100_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    smiles: Vec<String>,
    #[serde(default = "ten")]
    k: usize,
}

fn ten() -> usize {
    10
}

#[derive(Serialize)]
struct Answered<'a> {
    model: &'a str,
    metric: &'static str,
    rows: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    row: usize,
    input: &'a str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    neighbours: Option<Vec<Near<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<RowFault>,
}

#[derive(Serialize)]
struct Near<'a> {
    rank: usize,
    row: u64,
    input: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    distance: f32,
}

/// Neighbours.
pub(crate) async fn neighbours(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let question: Question = json::read(&headers, body)?;
    let Some((index, maker)) = &app.index else {
        return Err(Refusal::new(
            StatusCode::NOT_FOUND,
            "index",
            "the server was started without an index",
        ));
    };
    if question.k == 0 || question.k > MAX_NEIGHBOURS {
        let message = format!("k is {}, not within 1..={MAX_NEIGHBOURS}", question.k);
        return Err(Refusal::bad("k", message));
    }
    let all = question.smiles.len().saturating_mul(question.k);
    if all > MAX_ANSWERS {
        let message = format!("rows times k are {all}, more than {MAX_ANSWERS}: ask in parts");
        return Err(Refusal::bad("k", message));
    }
    let (inputs, answers) = answer(&app, maker, Task::Embed, question.smiles).await?;
    let lost = || {
        let message = "the search failed: this is a fault of the server";
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "lost", message)
    };
    let turn = app.turn().await.ok_or_else(lost)?;
    let searched = Arc::clone(index);
    let (reply, found) = oneshot::channel();
    tokio::task::spawn_blocking(move || {
        search_each(&searched, answers, question.k, reply);
        drop(turn);
    });
    let found = found.await.map_err(|_| lost())?;
    let rows = inputs
        .iter()
        .zip(found)
        .enumerate()
        .map(|(row, (input, outcome))| {
            let status = if outcome.is_ok() { "ok" } else { "error" };
            let (neighbours, error) = match outcome {
                Ok(found) => (Some(near(index, &found)), None),
                Err(fault) => (None, Some(fault)),
            };
            Row {
                row,
                input,
                status,
                neighbours,
                error,
            }
        })
        .collect();
    Ok(json(&Answered {
        model: &maker.model.card().name,
        metric: index.metric().name(),
        rows,
    }))
}

/// Searches for every row, as long as somebody waits for it; the number of rows that were looked at.
fn search_each(
    index: &Index,
    answers: Answers,
    k: usize,
    reply: oneshot::Sender<Vec<Found>>,
) -> usize {
    let mut found = Vec::with_capacity(answers.len());
    for answer in answers {
        if reply.is_closed() {
            return found.len();
        }
        found.push(answer.and_then(|answer| search(index, answer, k)));
    }
    let count = found.len();
    // The request may have been given up meanwhile.
    let _ = reply.send(found);
    count
}

fn search(index: &Index, answer: Answer, k: usize) -> Found {
    let Answer::Vector(vector) = answer else {
        return Err(RowFault::new("model", "the model gave no vector"));
    };
    index
        .nearest(&vector, k, index.usual_search())
        .map_err(|error| RowFault::new("search", error.to_string()))
}

fn near<'a>(index: &'a Index, found: &[Neighbour]) -> Vec<Near<'a>> {
    found
        .iter()
        .enumerate()
        .map(|(rank, neighbour)| {
            let label = index.label(neighbour.entry);
            Near {
                rank: rank + 1,
                row: label.row,
                input: &label.input,
                name: &label.name,
                distance: neighbour.distance,
            }
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use dd_search::{IndexConfig, Label, Metric, Origin};

    use super::*;

    #[test]
    fn a_search_ends_with_its_request() {
        let label = |row| Label {
            row,
            input: "C".into(),
            name: String::new(),
        };
        let config = IndexConfig {
            metric: Metric::Euclidean,
            graph: None,
        };
        let (labels, vectors) = ((0..3).map(label).collect(), [0.0, 1.0, 4.0]);
        let index = Index::build(&vectors, labels, config, Origin::default(), &mut |_| ()).unwrap();
        let answers = || vec![Ok(Answer::Vector(vec![0.9])); 5];
        let (reply, mut found) = oneshot::channel();
        assert_eq!(search_each(&index, answers(), 2, reply), 5);
        let found = found.try_recv().unwrap();
        let first = |row: Found| row.unwrap()[0].entry;
        assert_eq!(found.into_iter().map(first).collect::<Vec<_>>(), [1; 5]);
        let (reply, given_up) = oneshot::channel();
        drop(given_up);
        assert_eq!(search_each(&index, answers(), 2, reply), 0);
    }
}
