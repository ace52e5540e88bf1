//! What is wrong with a request is said, with its place; limits hold; nothing is lost on the way down.

#![allow(clippy::unwrap_used)]

mod client;
mod served;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use client::{Client, get, post};
use dd_data::RowFault;
use dd_graph::{AtomOrder, Featurizer, GraphBatch, Hydrogens, MolGraph, OgbConfig, OgbFeaturizer};
use dd_mol::Molecule;
use dd_serve::{
    Batching, Card, Limits, ModelFailure, Prediction, ServeConfig, ServeError, ServedModel,
    ServedTarget, Server,
};
use serde_json::json;
use served::{Running, model};

/// Counts atoms. It waits for a sign before each batch when it is given somewhere to wait, and stumbles over sulfur.
struct Counter {
    card: Card,
    featurizer: OgbFeaturizer,
    gate: Option<std::sync::Mutex<Receiver<()>>>,
}

impl Counter {
    fn new(gate: Option<Receiver<()>>) -> Arc<Self> {
        let target = ServedTarget {
            name: "atoms".into(),
            kind: dd_encoder2d::TargetKind::Regression,
            unit: None,
        };
        Arc::new(Self {
            card: Card {
                name: "counter".into(),
                width: 1,
                targets: vec![target],
                fingerprint: String::new(),
            },
            featurizer: OgbFeaturizer::new(OgbConfig {
                hydrogens: Hydrogens::Remove,
                laplacian: None,
                order: AtomOrder::AsWritten,
            }),
            gate: gate.map(std::sync::Mutex::new),
        })
    }

    fn counts(&self, batch: &GraphBatch) -> Result<Vec<f32>, ModelFailure> {
        if let Some(gate) = &self.gate {
            gate.lock()
                .unwrap()
                .recv_timeout(Duration::from_secs(60))
                .unwrap();
        }
        // Category 15 is sulfur, 14 phosphorus.
        let numbers = batch.node_features.column(0);
        assert!(numbers.iter().all(|&number| number != 14), "phosphorus");
        if numbers.iter().any(|&number| number == 15) {
            return Err(ModelFailure("sulfur".into()));
        }
        Ok(batch
            .nodes
            .ranges()
            .map(|range| range.len() as f32)
            .collect())
    }
}

impl ServedModel for Counter {
    fn card(&self) -> &Card {
        &self.card
    }

    fn featurize(&self, molecule: &Molecule) -> Result<MolGraph, RowFault> {
        Ok(self.featurizer.featurize(molecule)?)
    }

    fn embed(&self, batch: &GraphBatch) -> Result<Vec<Vec<f32>>, ModelFailure> {
        Ok(self.counts(batch)?.into_iter().map(|n| vec![n]).collect())
    }

    fn predict(
        &self,
        batch: &GraphBatch,
        molecules: &[Molecule],
    ) -> Result<Vec<Prediction>, ModelFailure> {
        let counts = self.counts(batch)?;
        assert_eq!(counts.len(), molecules.len());
        let each = counts.into_iter().zip(molecules);
        Ok(each
            .map(|(count, molecule)| Prediction {
                values: vec![if molecule.num_atoms() == 7 {
                    f32::NAN
                } else {
                    count
                }],
                intervals: vec![Some([count - 1.0, count + 1.0])],
                in_domain: Some(count < 3.0),
            })
            .collect())
    }
}

fn counter(config: ServeConfig) -> Running {
    Running::new(vec![Counter::new(None)], None, config)
}

fn gated(config: ServeConfig) -> (Running, Sender<()>) {
    let (open, gate) = channel();
    (
        Running::new(vec![Counter::new(Some(gate))], None, config),
        open,
    )
}

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

#[test]
fn pictures_and_drawings() {
    let server = counter(ServeConfig::default());
    let picture = get(
        server.address,
        "/v1/depict?smiles=C%5BC%40H%5D(N)C(%3DO)O&values=0.1,0.3,-0.8,0.2,-0.5,-0.4&indices=true",
    );
    assert_eq!(picture.status, 200);
    assert!(picture.head.contains("image/svg+xml"));
    let alanine = dd_mol::smiles::parse("C[C@H](N)C(=O)O").unwrap();
    let options = dd_mol::depict::SvgOptions {
        indices: true,
        values: Some(vec![0.1, 0.3, -0.8, 0.2, -0.5, -0.4]),
        ..Default::default()
    };
    assert_eq!(
        picture.body,
        dd_mol::depict::svg(&alanine, &options).unwrap()
    );

    let atom = |x: u32, symbol: &str| format!("    {x}.0000    0.0000    0.0000 {symbol}   0  0\n");
    let ethanol = "\n\n\n  3  2  0  0  0  0  0  0  0  0999 V2000\n".to_string()
        + &[atom(0, "O"), atom(1, "C"), atom(2, "C")].concat()
        + "  1  2  1  0\n  2  3  1  0\nM  END\n";
    let read = post(server.address, "/v1/read", &json!({"molfile": ethanol})).json();
    assert_eq!(read, json!({"smiles": "CCO", "formula": "C2H6O"}));
    let broken = ethanol.replacen("V2000", "V4000", 1);
    let refused = post(server.address, "/v1/read", &json!({"molfile": broken}));
    assert_eq!(
        (refused.status, &refused.json()["error"]["line"]),
        (400, &json!(4))
    );
    let five = "\n\n\n  6  5  0  0  0  0  0  0  0  0999 V2000\n".to_string()
        + &(0..6).map(|x| atom(x, "C")).collect::<String>()
        + &(2..7)
            .map(|to| format!("  1{to:3}  1  0\n"))
            .collect::<String>()
        + "M  END\n";
    let refused = post(server.address, "/v1/read", &json!({"molfile": five}));
    assert_eq!(
        (refused.status, &refused.json()["error"]["kind"]),
        (400, &json!("valence"))
    );

    let page = get(server.address, "/");
    assert_eq!(page.status, 200);
    assert!(
        page.head
            .contains("content-security-policy: default-src 'none'")
    );
    for outside in ["http://", "https://", "src=\"//", "@import"] {
        let found = page
            .body
            .replace("http://www.w3.org/2000/svg", "")
            .contains(outside);
        assert!(!found, "{outside}");
    }
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
    assert!(dd_serve::Student::load(&model("why", "gin").join("nowhere")).is_err());
}
