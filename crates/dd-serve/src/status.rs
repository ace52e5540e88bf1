//! `GET /v1/models`, `/healthz`, `/readyz`, `/metrics`: what is served, and how it is going.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::app::App;
use crate::json::json;
use crate::model::Card;
use crate::refusal::Refusal;

#[derive(Serialize)]
struct Served<'a> {
    models: Vec<&'a Card>,
    index: Option<IndexCard<'a>>,
    limits: LimitsCard,
}

#[derive(Serialize)]
struct IndexCard<'a> {
    model: &'a str,
    metric: &'static str,
    entries: usize,
}

#[derive(Serialize)]
struct LimitsCard {
    body_bytes: usize,
    rows: usize,
    atoms: usize,
    queue: usize,
    seconds: f64,
}

/// What is served, and within which limits.
pub(crate) async fn models(State(app): State<Arc<App>>) -> Response {
    let limits = app.config.limits;
    json(&Served {
        models: app
            .models
            .iter()
            .map(|hosted| hosted.model.card())
            .collect(),
        index: app.index.as_ref().map(|(index, maker)| IndexCard {
            model: &maker.model.card().name,
            metric: index.metric().name(),
            entries: index.len(),
        }),
        limits: LimitsCard {
            body_bytes: limits.body_bytes,
            rows: limits.rows,
            atoms: limits.atoms,
            queue: limits.queue,
            seconds: limits.time.as_secs_f64(),
        },
    })
}

/// The process lives.
pub(crate) async fn live() -> &'static str {
    "live\n"
}

/// New requests are welcome: models are loaded, no stop was asked for, and a queue has room.
pub(crate) async fn ready(State(app): State<Arc<App>>) -> Response {
    if app.is_stopping() {
        return Refusal::busy("the server is stopping").into_response();
    }
    let full =
        |hosted: &&Arc<crate::app::Hosted>| hosted.batcher.length() >= app.config.limits.queue;
    match app.models.iter().find(full) {
        Some(hosted) => {
            let name = &hosted.model.card().name;
            Refusal::busy(format!("the queue of {name} is full")).into_response()
        }
        None => "ready\n".into_response(),
    }
}

/// Counts for Prometheus.
pub(crate) async fn metrics(State(app): State<Arc<App>>) -> Response {
    let queues: Vec<(&str, usize)> = app
        .models
        .iter()
        .map(|hosted| (hosted.model.card().name.as_str(), hosted.batcher.length()))
        .collect();
    let kind = [(CONTENT_TYPE, "text/plain; version=0.0.4")];
    (kind, app.metrics.text(&queues)).into_response()
}

/// An address that leads nowhere.
pub(crate) async fn unknown() -> Refusal {
    let message = "no such address; POST /v1/predict, /v1/embed, /v1/neighbours, /v1/read; \
                   GET /, /v1/models, /v1/depict, /v1/layout, /healthz, /readyz, /metrics";
    Refusal::new(StatusCode::NOT_FOUND, "address", message)
}

/// A method that an address does not know.
pub(crate) async fn wrong_method() -> Refusal {
    let message = "this address does not know the method";
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method", message)
}
