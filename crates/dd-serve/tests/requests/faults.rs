//! What is wrong with a row, a request or a server is said, and takes nothing else with it.

use std::sync::Arc;

use dd_serve::{Limits, ServeConfig, ServeError, ServedModel, Server};
use serde_json::json;

use crate::client::{Client, post};
use crate::counter::{Counter, counter};
use crate::served::model;

#[test]
fn one_bad_molecule_takes_no_other_with_it() {
    let server = counter(ServeConfig::default());
    let smiles = json!({"smiles": ["CC", "CSC", "CCC", "CP", "CCCCCCC", "O"]});
    let answer = post(server.address, "/v1/predict", &smiles).json();
    let row = |row: usize| &answer["rows"][row];
    for (at, atoms) in [(0, 2.0), (2, 3.0), (5, 1.0)] {
        assert_eq!(row(at)["atoms"], json!(atoms));
        assert_eq!(
            row(at)["intervals"]["atoms"],
            json!([atoms - 1.0, atoms + 1.0])
        );
        assert_eq!(row(at)["in_domain"], json!(atoms < 3.0));
        let set = if atoms > 2.0 { "0 or 1" } else { "0" };
        assert_eq!(row(at)["sets"], json!({"atoms": set}));
    }
    assert_eq!(
        row(1)["error"],
        json!({"kind": "model", "message": "sulfur"})
    );
    assert_eq!(row(3)["error"]["message"], "the model panicked");
    assert_eq!(row(4)["error"]["kind"], "not-finite");
    // The thread of the model lives on.
    let again = post(server.address, "/v1/embed", &json!({"smiles": ["CCCC"]})).json();
    assert_eq!(again["rows"][0]["embedding"], json!([4.0]));
}

#[test]
fn faults_of_a_request_have_a_reason_and_a_place() {
    let server = counter(ServeConfig::default());
    let mut client = Client::new(server.address);
    for (body, line, column, reason) in [
        (
            "{\"smiles\": [\"C\"],\n \"modle\": \"x\"}",
            2,
            8,
            "unknown field `modle`",
        ),
        (
            "{\"smiles\": [\"C\", 5]}",
            1,
            18,
            "invalid type: integer `5`, expected a string",
        ),
        ("{\"smiles\": \"C\"}", 1, 14, "expected a sequence"),
        ("{\"smiles\": [\"C\"]", 1, 16, "EOF while parsing"),
        ("{}", 1, 2, "missing field `smiles`"),
        ("", 1, 0, "EOF while parsing"),
    ] {
        let reply = client.ask("POST", "/v1/predict", body);
        assert_eq!(reply.status, 400, "{body}");
        let error = &reply.json()["error"];
        assert_eq!(error["kind"], "json");
        assert!(
            error["message"].as_str().unwrap().contains(reason),
            "{error}"
        );
        assert_eq!(
            (&error["line"], &error["column"]),
            (&json!(line), &json!(column)),
            "{body}"
        );
    }
    client.send("POST", "/v1/predict", "text/plain", "{\"smiles\": []}");
    assert_eq!(client.receive().status, 415);
    for (method, path, body, status, kind) in [
        (
            "POST",
            "/v1/predict",
            "{\"smiles\": [], \"model\": \"x\"}",
            404,
            "model",
        ),
        ("POST", "/v1/neighbours", "{\"smiles\": []}", 404, "index"),
        ("GET", "/v1/nothing", "", 404, "address"),
        ("GET", "/v1/predict", "", 405, "method"),
        ("GET", "/v1/depict", "", 400, "query"),
        ("GET", "/v1/depict?smiles=C1CC", "", 400, "unclosed-ring"),
        ("GET", "/v1/depict?smiles=CC&values=1", "", 400, "depict"),
        ("GET", "/v1/depict?smiles=CC&values=1,x", "", 400, "values"),
        ("GET", "/v1/depict?smiles=CC&colour=1", "", 400, "query"),
        ("POST", "/v1/read", "{\"molfile\": \"\"}", 400, "truncated"),
    ] {
        let reply = client.ask(method, path, body);
        assert_eq!(reply.status, status, "{path}: {}", reply.body);
        assert_eq!(
            reply.json()["error"]["kind"],
            kind,
            "{path}: {}",
            reply.body
        );
    }
    let empty = client.ask("POST", "/v1/predict", "{\"smiles\": []}");
    assert_eq!((empty.status, &empty.json()["rows"]), (200, &json!([])));
}

#[test]
fn a_server_that_cannot_serve_says_why() {
    let config = |limits| ServeConfig {
        limits,
        ..ServeConfig::default()
    };
    let new = |models: Vec<Arc<dyn ServedModel>>, limits| Server::new(models, None, config(limits));
    let limits = Limits::default();
    assert!(matches!(new(Vec::new(), limits), Err(ServeError::NoModel)));
    let twice: Vec<Arc<dyn ServedModel>> = vec![Counter::new(None), Counter::new(None)];
    assert!(matches!(new(twice, limits), Err(ServeError::SameName(_))));
    let small = Limits { queue: 1, ..limits };
    assert!(matches!(
        new(vec![Counter::new(None)], small),
        Err(ServeError::Limit { name: "queue", .. })
    ));
    let endless = Limits {
        time: std::time::Duration::MAX,
        ..limits
    };
    assert!(matches!(
        new(vec![Counter::new(None)], endless),
        Err(ServeError::Limit {
            name: "timeout",
            ..
        })
    ));
    assert!(dd_serve::Student::load(&model("why", "gin").join("nowhere")).is_err());
}
