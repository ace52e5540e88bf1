//! Limits on size, number and time, and how batches are cut.

use std::io::{ErrorKind, Write as _};
use std::time::Duration;

use dd_serve::{Batching, Limits, ServeConfig};
use serde_json::json;

use crate::client::{Client, get, post};
use crate::counter::{counter, gated};

#[test]
fn limits_hold() {
    let limits = Limits {
        body_bytes: 200,
        rows: 4,
        queue: 6,
        ..Limits::default()
    };
    let config = ServeConfig {
        limits,
        ..ServeConfig::default()
    };
    let (server, open) = gated(config);
    let address = server.address;
    let long = json!({"smiles": ["C".repeat(300)]});
    let reply = post(address, "/v1/embed", &long);
    assert_eq!(
        (reply.status, &reply.json()["error"]["kind"]),
        (413, &json!("body-too-large"))
    );
    let many = json!({"smiles": ["C", "C", "C", "C", "C"]});
    let reply = post(address, "/v1/embed", &many);
    assert_eq!(
        (reply.status, &reply.json()["error"]["kind"]),
        (413, &json!("too-many-rows"))
    );

    // Four molecules stand before the gate; four more do not fit, two do.
    let waits = |rows: usize| {
        let mut client = Client::new(address);
        let body = json!({"smiles": vec!["C"; rows]}).to_string();
        client.send("POST", "/v1/embed", "application/json", &body);
        client
    };
    let mut first = waits(4);
    while !get(address, "/metrics")
        .body
        .contains("dnd_queue_molecules{model=\"counter\"} 4\n")
    {
        std::thread::sleep(Duration::from_millis(5));
    }
    let refused = post(
        address,
        "/v1/embed",
        &json!({"smiles": ["C", "C", "C", "C"]}),
    );
    assert_eq!(refused.status, 503);
    assert!(
        refused.head.contains("retry-after: 1\r\n"),
        "{}",
        refused.head
    );
    assert!(
        refused.body.contains("4 of 6 places are taken"),
        "{}",
        refused.body
    );
    assert_eq!(get(address, "/readyz").status, 200);
    let mut second = waits(2);
    while get(address, "/readyz").status == 200 {
        std::thread::sleep(Duration::from_millis(5));
    }
    open.send(()).unwrap();
    open.send(()).unwrap();
    assert_eq!(first.receive().status, 200);
    assert_eq!(second.receive().status, 200);
    assert_eq!(get(address, "/readyz").status, 200);
}

#[test]
fn a_request_that_takes_too_long_is_told_so_and_gives_its_places_back() {
    let limits = Limits {
        time: Duration::from_millis(100),
        rows: 2,
        queue: 2,
        ..Limits::default()
    };
    let config = ServeConfig {
        limits,
        ..ServeConfig::default()
    };
    let (server, open) = gated(config);
    let late = post(server.address, "/v1/embed", &json!({"smiles": ["C", "CC"]}));
    assert_eq!(
        (late.status, &late.json()["error"]["kind"]),
        (504, &json!("time"))
    );
    open.send(()).unwrap();
    open.send(()).unwrap();
    // The batch that nobody waits for ends, and the next is answered.
    let answered = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        post(server.address, "/v1/embed", &json!({"smiles": ["CC"]})).status == 200
    });
    assert!(answered);
}

#[test]
fn a_connection_whose_answers_are_not_read_is_closed() {
    let limits = Limits {
        time: Duration::from_millis(300),
        ..Limits::default()
    };
    let server = counter(ServeConfig {
        limits,
        ..ServeConfig::default()
    });
    let body = json!({"smiles": vec!["C".repeat(400); 1000]}).to_string();
    let request = format!(
        "POST /v1/embed HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = std::net::TcpStream::connect(server.address).unwrap();
    let patience = Duration::from_secs(30);
    stream.set_write_timeout(Some(patience)).unwrap();
    // As much as fits between both; then the server waits for us, and no longer than it says.
    let closed = (0..1000).find_map(|_| stream.write_all(request.as_bytes()).err());
    let kind = closed.expect("no end of answers that nobody reads").kind();
    assert!(
        matches!(kind, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe),
        "{kind}"
    );
}

#[test]
fn batches_are_cut_by_tokens() {
    let batching = Batching {
        tokens: 20,
        wait: Duration::ZERO,
    };
    let config = ServeConfig {
        batching,
        ..ServeConfig::default()
    };
    let server = counter(config);
    // A chain of n atoms has n nodes and 2 (n - 1) directed edges: 7 tokens for 3 atoms, 58 for 20.
    let smiles = ["CCC", "CCC", &"C".repeat(20), "CCC", "CCC", "CCC"];
    let answer = post(server.address, "/v1/embed", &json!({"smiles": smiles})).json();
    let counts: Vec<f64> = (0..6)
        .map(|row| answer["rows"][row]["embedding"][0].as_f64().unwrap())
        .collect();
    assert_eq!(counts, [3.0, 3.0, 20.0, 3.0, 3.0, 3.0]);
    let text = get(server.address, "/metrics").body;
    for line in [
        "dnd_batch_molecules_count 4",
        "dnd_batch_molecules_sum 6",
        "dnd_batch_tokens_bucket{le=\"64\"} 4",
        "dnd_batch_tokens_sum 93",
        "dnd_rows_total{model=\"counter\",task=\"embed\"} 6",
        "dnd_requests_total{route=\"/v1/embed\",status=\"200\"} 1",
        "dnd_request_seconds_count{route=\"/v1/embed\"} 1",
        "dnd_requests_in_flight 1",
        "dnd_queue_molecules{model=\"counter\"} 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}
