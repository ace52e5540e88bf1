//! Requests that get no answer, and what they are told.

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use dd_data::RowFault;
use serde::Serialize;

use crate::json::json;

/// Seconds after which a client may try again: batches take milliseconds.
const RETRY_SECONDS: &str = "1";

/// Why a request as a whole is refused: `{"error": {"kind", "message", ...}}`.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    status: StatusCode,
    fault: Fault,
}

#[derive(Debug, Clone, Serialize)]
struct Fault {
    kind: &'static str,
    message: String,
    /// Line and column of the text at fault, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    /// Byte range of the input at fault, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    span: Option<(usize, usize)>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            fault: Fault {
                kind,
                message: message.into(),
                line: None,
                column: None,
                span: None,
            },
        }
    }

    /// A request that is wrong as it stands.
    pub(crate) fn bad(kind: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, kind, message)
    }

    /// A request for which there is no room now.
    pub(crate) fn busy(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message)
    }

    /// The same at a line of the text, and a column of it where one is known; both from 1.
    pub(crate) fn at(mut self, line: usize, column: Option<usize>) -> Self {
        self.fault.line = Some(line);
        self.fault.column = column;
        self
    }
}

impl From<RowFault> for Refusal {
    /// One input, one fault.
    fn from(fault: RowFault) -> Self {
        let mut refusal = Self::bad(fault.kind, fault.message);
        refusal.fault.span = fault.span.map(|span| (span.start, span.end));
        refusal
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Body {
            error: Fault,
        }
        let mut response = json(&Body { error: self.fault });
        *response.status_mut() = self.status;
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            let seconds = HeaderValue::from_static(RETRY_SECONDS);
            response.headers_mut().insert(RETRY_AFTER, seconds);
        }
        response
    }
}
