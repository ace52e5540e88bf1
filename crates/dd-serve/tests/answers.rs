//! Answers over a socket are those of the libraries, in order, whatever is asked beside.

#![allow(clippy::unwrap_used)]

mod client;
mod served;

use client::{Client, get, post};
use dd_encoder2d::{DType, Device, Encoder, ModelFolder};
use dd_graph::GraphBatch;
use dd_nn::ParamStore;
use dd_search::{Index, IndexConfig, Label, Metric, Origin, Search};
use dd_serve::{ServeConfig, ServedModel, Student};
use serde_json::{Value, json};
use served::{Running, model};

const SMILES: [&str; 6] = [
    "CCO",
    "c1ccccc1O phenol",
    "C[C@H](N)C(=O)O",
    "CC(=O)Oc1ccccc1C(=O)O",
    "C",
    "CN1C=NC2=C1C(=O)N(C(=O)N2C)C",
];

fn floats(value: &Value) -> Vec<f32> {
    let numbers = value.as_array().unwrap().iter();
    numbers.map(|x| x.as_f64().unwrap() as f32).collect()
}

/// Equal but for the order of sums, which the number of rows in a matrix product may change.
fn close(a: &[f32], b: &[f32]) -> bool {
    let peak = b.iter().fold(1e-3_f32, |peak, x| peak.max(x.abs()));
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-5 * peak)
}

#[test]
fn embeddings_and_predictions_are_those_of_the_library() {
    let (gin, token) = (model("equal", "gin"), model("equal", "token"));
    let server = Running::of_folders(&[token.clone(), gin.clone()], ServeConfig::default());
    let encoder = Encoder::from_pretrained(&token).unwrap();
    let answer = post(server.address, "/v1/embed", &json!({"smiles": SMILES}));
    assert_eq!(answer.status, 200, "{}", answer.body);
    let answer = answer.json();
    assert_eq!(
        (&answer["model"], &answer["width"]),
        (&json!("token"), &json!(64))
    );
    for (row, expected) in encoder.embed_smiles(&SMILES).into_iter().enumerate() {
        let got = floats(&answer["rows"][row]["embedding"]);
        assert!(close(&got, &expected.unwrap().graph), "row {row}");
    }

    let folder = ModelFolder::open(&gin).unwrap();
    let store = ParamStore::new(0, DType::F32, &Device::Cpu).frozen();
    let predictor = folder.config().build_predictor(&store).unwrap();
    folder.load(&store).unwrap();
    let featurizer = folder.config().build_featurizer();
    let graph = |text: &str| {
        let molecule = dd_mol::smiles::parse(text).unwrap();
        featurizer.featurize(&molecule).unwrap()
    };
    let graphs: Vec<_> = SMILES.into_iter().map(graph).collect();
    let batch = GraphBatch::collate(&graphs, &Device::Cpu).unwrap();
    let expected = predictor.predict(&batch).unwrap();
    // The first model that predicts is asked when none is named.
    let answer = post(server.address, "/v1/predict", &json!({"smiles": SMILES})).json();
    assert_eq!(answer["model"], "gin");
    assert_eq!(
        answer["targets"],
        json!([{"name": "gap", "kind": "regression", "unit": "eV"}, {"name": "toxic", "kind": "binary", "unit": null}])
    );
    for (row, expected) in expected.rows().into_iter().enumerate() {
        let got = &answer["rows"][row];
        assert_eq!((&got["row"], &got["status"]), (&json!(row), &json!("ok")));
        let got = floats(&json!([got["gap"], got["toxic"]]));
        let expected: Vec<f32> = expected.iter().map(|&x| x as f32).collect();
        assert!(close(&got, &expected), "{got:?} {expected:?}");
    }
}

#[test]
fn every_row_is_answered_in_its_place() {
    let server = Running::of_folders(&[model("places", "gin")], ServeConfig::default());
    let mut smiles: Vec<String> = Vec::new();
    for row in 0..200 {
        smiles.push(match row % 4 {
            0 => "C1CC".into(),
            1 => format!("{}O", "C".repeat(1 + row % 30)),
            2 => " ".into(),
            _ => "C".repeat(600),
        });
    }
    let answer = post(server.address, "/v1/predict", &json!({"smiles": smiles}));
    assert_eq!(answer.status, 200);
    let rows = answer.json()["rows"].as_array().unwrap().clone();
    assert_eq!(rows.len(), 200);
    for (row, got) in rows.iter().enumerate() {
        assert_eq!(
            (&got["row"], &got["input"]),
            (&json!(row), &json!(smiles[row]))
        );
        let kind = &got["error"]["kind"];
        match row % 4 {
            0 => {
                assert_eq!(kind, "unclosed-ring");
                assert_eq!(got["error"]["span"], json!([1, 2]));
            }
            1 => assert!(got["status"] == "ok" && got["gap"].is_number()),
            2 => assert_eq!(kind, "empty"),
            _ => assert_eq!(kind, "too-many-atoms"),
        }
        assert_eq!(got["status"] == "error", got["error"].is_object());
    }
}

#[test]
fn fifty_clients_at_once_get_what_one_gets() {
    let server = Running::of_folders(
        &[model("crowd", "gin"), model("crowd", "token")],
        ServeConfig::default(),
    );
    let address = server.address;
    let question = |client: usize| -> (String, Value) {
        let own = format!("{}{}", "C".repeat(1 + client % 12), SMILES[client % 6]);
        let model = if client.is_multiple_of(2) {
            "gin"
        } else {
            "token"
        };
        let smiles = [own.as_str(), "C1CC", SMILES[(client + 1) % 6]];
        (own.clone(), json!({"smiles": smiles, "model": model}))
    };
    let alone: Vec<Value> = (0..50)
        .map(|client| post(address, "/v1/embed", &question(client).1).json())
        .collect();
    let crowd: Vec<_> = (0..50)
        .map(|client| {
            let body = question(client).1;
            std::thread::spawn(move || {
                let mut kept = Client::new(address);
                let mut ask = || kept.ask("POST", "/v1/embed", &body.to_string());
                (0..4).map(|_| ask()).collect::<Vec<_>>()
            })
        })
        .collect();
    for (client, thread) in crowd.into_iter().enumerate() {
        for reply in thread.join().unwrap() {
            assert_eq!(reply.status, 200, "{}", reply.body);
            let (got, expected) = (reply.json(), &alone[client]);
            assert_eq!(got["rows"][0]["input"], json!(question(client).0));
            assert_eq!(got["rows"][1], expected["rows"][1]);
            for row in [0, 2] {
                let got = floats(&got["rows"][row]["embedding"]);
                let expected = floats(&expected["rows"][row]["embedding"]);
                assert!(close(&got, &expected), "client {client}, row {row}");
            }
        }
    }
    // Molecules of several requests shared batches.
    let text = get(address, "/metrics").body;
    let count = |name: &str| -> f64 {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    let mean = count("dnd_batch_molecules_sum") / count("dnd_batch_molecules_count");
    assert_eq!(count("dnd_batch_molecules_sum"), 500.0);
    assert!(mean > 2.0, "{mean} molecules in a batch");
}

#[test]
fn neighbours_come_from_the_index() {
    let folder = model("neighbours", "token");
    let student = Student::load(&folder).unwrap();
    let encoder = Encoder::from_pretrained(&folder).unwrap();
    let library = ["CCO", "CCCO", "c1ccccc1", "c1ccccc1C", "CC(=O)O"];
    let embeddings = encoder.embed_smiles(&library);
    let numbers: Vec<f32> = embeddings
        .into_iter()
        .flat_map(|e| e.unwrap().graph)
        .collect();
    let labels = library.iter().zip(10..).map(|(smiles, row)| Label {
        row,
        input: (*smiles).to_string(),
        name: String::new(),
    });
    let origin = Origin {
        model: "elsewhere/token".into(),
        fingerprint: student.card().fingerprint.clone(),
    };
    let config = IndexConfig {
        metric: Metric::Euclidean,
        graph: None,
    };
    let build = |origin: Origin| {
        Index::build(
            &numbers,
            labels.clone().collect(),
            config,
            origin,
            &mut |_| (),
        )
        .unwrap()
    };
    let index = build(origin);
    let query = encoder.embed_smiles(&["CCCCO"]).remove(0).unwrap().graph;
    let expected = index.nearest(&query, 3, Search::Exact).unwrap();
    let server = Running::new(
        vec![std::sync::Arc::new(student)],
        Some(index),
        ServeConfig::default(),
    );
    let question = json!({"smiles": ["CCCCO", "CC)"], "k": 3});
    let answer = post(server.address, "/v1/neighbours", &question).json();
    let found = answer["rows"][0]["neighbours"].as_array().unwrap();
    assert_eq!(answer["metric"], "euclidean");
    assert_eq!((found.len(), expected.len()), (3, 3));
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found["row"], json!(10 + expected.entry));
        assert_eq!(found["input"], library[expected.entry]);
        assert_eq!(
            found["distance"].as_f64().map(|x| x as f32),
            Some(expected.distance)
        );
    }
    assert_eq!(answer["rows"][1]["error"]["kind"], "unopened-branch");
    let none = json!({"smiles": ["C"], "k": 0});
    assert_eq!(post(server.address, "/v1/neighbours", &none).status, 400);
    let many = json!({"smiles": vec!["C"; 101], "k": 1000});
    let refused = post(server.address, "/v1/neighbours", &many);
    assert_eq!(refused.status, 400);
    assert!(
        refused.body.contains("more than 100000"),
        "{}",
        refused.body
    );

    // Vectors of another model are not searched.
    let foreign = build(Origin {
        model: "token".into(),
        fingerprint: "0".into(),
    });
    let other = Student::load(&folder).unwrap();
    let refused = dd_serve::Server::new(
        vec![std::sync::Arc::new(other)],
        Some(foreign),
        ServeConfig::default(),
    );
    assert!(
        refused
            .err()
            .unwrap()
            .to_string()
            .contains("not served here")
    );
}
