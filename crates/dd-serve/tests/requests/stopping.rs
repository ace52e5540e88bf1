//! A server that is told to stop.

use std::time::Duration;

use dd_serve::{Limits, ServeConfig};
use serde_json::json;

use crate::client::{Client, get, post};
use crate::counter::gated;

#[test]
fn a_stop_finishes_what_is_in_flight() {
    let (server, open) = gated(ServeConfig::default());
    let address = server.address;
    let mut client = Client::new(address);
    client.send(
        "POST",
        "/v1/embed",
        "application/json",
        "{\"smiles\": [\"CCC\"]}",
    );
    while !get(address, "/metrics")
        .body
        .contains("dnd_queue_molecules{model=\"counter\"} 1\n")
    {
        std::thread::sleep(Duration::from_millis(5));
    }
    server.stop.now();
    while std::net::TcpStream::connect(address).is_ok() {
        std::thread::sleep(Duration::from_millis(5));
    }
    open.send(()).unwrap();
    let reply = client.receive();
    assert_eq!(reply.status, 200);
    assert_eq!(reply.json()["rows"][0]["embedding"], json!([3.0]));
    server.end().unwrap();
}

#[test]
fn a_stop_does_not_wait_for_a_model_that_hangs() {
    let limits = Limits {
        time: Duration::from_millis(50),
        ..Limits::default()
    };
    let config = ServeConfig {
        limits,
        ..ServeConfig::default()
    };
    let (server, _shut) = gated(config);
    let late = post(server.address, "/v1/embed", &json!({"smiles": ["C"]}));
    assert_eq!(late.status, 504);
    let start = std::time::Instant::now();
    server.end().unwrap();
    assert!(start.elapsed() < Duration::from_secs(20));
}
