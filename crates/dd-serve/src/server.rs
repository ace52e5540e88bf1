//! From a socket to answers, until it is told to stop.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use dd_search::Index;
use tokio::sync::watch;

use crate::app::{App, blocking_threads};
use crate::config::ServeConfig;
use crate::error::Result;
use crate::model::ServedModel;
use crate::patience::Patient;
use crate::refusal::Refusal;
use crate::{answer, layout, neighbours, page, sketch, status};

/// Addresses that are counted by name.
const ROUTES: [&str; 11] = [
    "/",
    "/v1/predict",
    "/v1/embed",
    "/v1/neighbours",
    "/v1/models",
    "/v1/depict",
    "/v1/layout",
    "/v1/read",
    "/healthz",
    "/readyz",
    "/metrics",
];

/// Time beyond that of a request after which a stop no longer waits for a connection.
const GRACE: Duration = Duration::from_secs(1);

/// Models, ready to be asked over HTTP.
pub struct Server {
    app: Arc<App>,
}

/// Stops a server from another thread: what is in flight is answered first.
#[derive(Debug, Clone)]
pub struct Stop(watch::Sender<bool>);

impl Stop {
    /// Not yet.
    pub fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Now.
    pub fn now(&self) {
        self.0.send_replace(true);
    }

    async fn asked(&self) {
        // The sender lives as long as this borrow of it.
        let _ = self.0.subscribe().wait_for(|stop| *stop).await;
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}

impl Server {
    /// Starts a thread for each model. Requests that name no model go to the first that can answer them.
    ///
    /// # Errors
    /// When there is no model, two have one name, a limit refuses everything, or none of the models made the vectors of
    /// the index.
    pub fn new(
        models: Vec<Arc<dyn ServedModel>>,
        index: Option<Index>,
        config: ServeConfig,
    ) -> Result<Self> {
        Ok(Self {
            app: Arc::new(App::new(models, index, config)?),
        })
    }

    /// Answers what comes to the listener until `stop` says so, or, with `signals`, the system does (ctrl-c, SIGTERM).
    /// Then no new connection is taken, and what is in flight is finished.
    ///
    /// # Errors
    /// When the system does not give what a server needs.
    pub fn run(self, listener: TcpListener, stop: &Stop, signals: bool) -> Result<()> {
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads.clamp(2, 8))
            .max_blocking_threads(blocking_threads())
            .thread_name("server")
            .enable_io()
            .enable_time()
            .build()?;
        let served = runtime.block_on(self.serve(listener, stop, signals));
        runtime.shutdown_timeout(GRACE);
        for hosted in &self.app.models {
            hosted.batcher.finish(self.app.config.limits.time + GRACE);
        }
        served
    }

    async fn serve(&self, listener: TcpListener, stop: &Stop, signals: bool) -> Result<()> {
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?.tap_io(|stream| {
            // Without it a small answer waits for the acknowledgement of the one before; with an error it only waits.
            let _ = stream.set_nodelay(true);
        });
        if signals {
            let (stop, signal) = (stop.clone(), signal()?);
            tokio::spawn(async move {
                signal.await;
                stop.now();
            });
        }
        let listener = Patient {
            listener,
            patience: self.app.config.limits.time,
        };
        let (app, asked) = (Arc::clone(&self.app), stop.clone());
        let graceful =
            axum::serve(listener, router(&self.app)).with_graceful_shutdown(async move {
                asked.asked().await;
                app.stop();
            });
        let patience = async {
            stop.asked().await;
            tokio::time::sleep(self.app.config.limits.time + GRACE).await;
        };
        tokio::select! {
            done = async { graceful.await } => Ok(done?),
            () = patience => Ok(()),
        }
    }
}

fn router(app: &Arc<App>) -> Router {
    Router::new()
        .route("/", get(page::page))
        .route("/v1/predict", post(answer::predict))
        .route("/v1/embed", post(answer::embed))
        .route("/v1/neighbours", post(neighbours::neighbours))
        .route("/v1/models", get(status::models))
        .route("/v1/depict", get(sketch::depict))
        .route("/v1/layout", get(layout::layout))
        .route("/v1/read", post(sketch::read))
        .route("/healthz", get(status::live))
        .route("/readyz", get(status::ready))
        .route("/metrics", get(status::metrics))
        .fallback(status::unknown)
        .method_not_allowed_fallback(status::wrong_method)
        .layer(DefaultBodyLimit::max(app.config.limits.body_bytes))
        .layer(from_fn_with_state(Arc::clone(app), watch_over))
        .with_state(Arc::clone(app))
}

/// Counts a request, and ends it in time.
async fn watch_over(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let _in_flight = app.metrics.begin();
    let start = Instant::now();
    let path = request.uri().path();
    let route = ROUTES.into_iter().find(|route| *route == path);
    let limit = app.config.limits.time;
    let response = match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Refusal::new(
            StatusCode::GATEWAY_TIMEOUT,
            "time",
            format!("no answer within {} s", limit.as_secs_f64()),
        )
        .into_response(),
    };
    let status = response.status().as_u16();
    let route = route.unwrap_or("other");
    app.metrics.request(route, status, start.elapsed());
    response
}

/// Ends when the system asks for it.
#[cfg(unix)]
fn signal() -> Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => (),
            _ = interrupt.recv() => (),
        }
    })
}

/// Ends when the system asks for it.
#[cfg(not(unix))]
fn signal() -> Result<impl Future<Output = ()>> {
    Ok(async {
        // Without a handler, ctrl-c ends the process as it always does.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
