//! `GET /`: one page that needs nothing but itself.

use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

/// The page: markup, then style and programs where it says so. A build without one of them does not compile.
const PAGE: [&str; 7] = [
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<style>\n",
    include_str!("page/style.css"),
    "</style>\n",
    include_str!("page/index.html"),
    "<script>\n",
    concat!(
        include_str!("page/sketcher.js"),
        include_str!("page/results.js"),
        include_str!("page/main.js")
    ),
    "</script>\n</body>\n</html>\n",
];

/// Nothing from elsewhere, and nothing that talks to elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
                      img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page.
pub(crate) async fn page() -> Response {
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, POLICY),
    ];
    (headers, PAGE.concat()).into_response()
}
