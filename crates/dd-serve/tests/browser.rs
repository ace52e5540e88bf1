//! The page in a real browser: what is typed and what is drawn is answered on it.
//!
//! Needs `chromium` and `chromedriver`. Without them it says that it did not run, and fails where
//! `DND_BROWSER_TEST=required`, as `cargo xtask ci` has it.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod client;
mod served;

use client::webdriver::Browser;
use dd_search::{Index, IndexConfig, Label, Metric, Origin};
use dd_serve::{ServeConfig, ServedModel, Student};
use serde_json::json;
use served::{Running, model, scratch};

/// A server with a predictor and an index of four molecules.
fn server() -> Running {
    let student = Student::load(&model("browser", "gin")).unwrap();
    let encoder = dd_encoder2d::Encoder::from_pretrained(model("browser", "gin")).unwrap();
    let library = ["CCCO", "CC", "c1ccccc1", "CC(=O)O"];
    let embeddings = encoder.embed_smiles(&library);
    let numbers: Vec<f32> = embeddings
        .into_iter()
        .flat_map(|e| e.unwrap().graph)
        .collect();
    let labels = library.iter().zip(0..).map(|(smiles, row)| Label {
        row,
        input: (*smiles).to_string(),
        name: format!("molecule {row}"),
    });
    let origin = Origin {
        model: "gin".into(),
        fingerprint: student.card().fingerprint.clone(),
    };
    let config = IndexConfig {
        metric: Metric::Cosine,
        graph: None,
    };
    let index = Index::build(&numbers, labels.collect(), config, origin, &mut |_| ()).unwrap();
    let models: Vec<std::sync::Arc<dyn ServedModel>> = vec![std::sync::Arc::new(student)];
    Running::new(models, Some(index), ServeConfig::default())
}

#[test]
fn type_and_draw() {
    let profile = scratch("profile");
    let _ = std::fs::remove_dir_all(&profile);
    let browser = match Browser::start(&profile) {
        Ok(browser) => browser,
        Err(reason) => {
            assert!(
                std::env::var("DND_BROWSER_TEST").as_deref() != Ok("required"),
                "{reason}"
            );
            eprintln!("the page was not tested: {reason}");
            return;
        }
    };
    let server = server();
    browser.open(&format!("http://{}/", server.address));

    // Typed: picture, prediction with its unit, neighbours.
    browser.keys("#smiles", "CCO");
    let shown = "return document.getElementById('answer').dataset.shown";
    browser.wait(shown, &json!("CCO"));
    let drawn = "const i = document.querySelector('#picture img'); return i.complete && i.naturalWidth > 50";
    browser.wait(drawn, &json!(true));
    let answer = client::post(server.address, "/v1/predict", &json!({"smiles": ["CCO"]})).json();
    let gap = answer["rows"][0]["gap"].as_f64().unwrap();
    let cell = browser.run("return document.querySelector('#predictions dd').textContent");
    let cell = cell.as_str().unwrap();
    let value: f64 = cell.strip_suffix(" eV").unwrap().parse().unwrap();
    assert!((value - gap).abs() <= 1e-3 * gap.abs(), "{cell}, {gap}");
    let count = "return document.querySelectorAll('#neighbours li').length";
    browser.wait(count, &json!(4));

    // A fault has the parser's caret, and nothing of the last answer stays.
    browser.keys("#smiles", "C)");
    browser.wait(
        "return document.getElementById('fault').hidden",
        &json!(false),
    );
    let fault = browser.run("return document.getElementById('fault').textContent");
    assert!(fault.as_str().unwrap().contains("CCOC)\n    ^"), "{fault}");
    assert_eq!(
        browser.run("return document.querySelectorAll('#predictions dd').length"),
        0
    );

    // Drawn: an atom, a neighbour by a click on it, an oxygen by a drag from that.
    let place = browser.run(
        "const r = document.getElementById('canvas').getBoundingClientRect();
         return [r.left, r.top, r.width / 560]",
    );
    let at = |x: f64, y: f64| {
        let number = |i: usize| place[i].as_f64().unwrap();
        (number(0) + x * number(2), number(1) + y * number(2))
    };
    browser.drag(&[at(200.0, 170.0)]);
    browser.wait(shown, &json!("C"));
    browser.drag(&[at(200.0, 170.0)]);
    browser.wait(shown, &json!("CC"));
    browser.click("#elements button:nth-child(3)");
    let second = browser.run("return [sketcher.atoms[1].x, sketcher.atoms[1].y]");
    let (x, y) = (second[0].as_f64().unwrap(), second[1].as_f64().unwrap());
    browser.drag(&[at(x, y), at(x + 30.0, y + 15.0), at(x + 60.0, y + 30.0)]);
    browser.wait(shown, &json!("CCO"));
    assert_eq!(
        browser.run("return document.getElementById('smiles').value"),
        "CCO"
    );

    // A double bond by a click on the last bond, then back.
    browser.click("#orders button:nth-child(2)");
    let third = browser.run("return [sketcher.atoms[2].x, sketcher.atoms[2].y]");
    let middle = (
        f64::midpoint(x, third[0].as_f64().unwrap()),
        f64::midpoint(y, third[1].as_f64().unwrap()),
    );
    browser.drag(&[at(middle.0, middle.1)]);
    browser.wait(shown, &json!("CC=O"));
    browser.keys("#canvas", "z");
    browser.wait(shown, &json!("CCO"));

    // By keyboard alone: the oxygen is chosen by arrows and becomes nitrogen; it is erased.
    let [left, right, enter, delete] = ["\u{E012}", "\u{E014}", "\u{E007}", "\u{E017}"];
    browser.keys("#canvas", &format!("{right}{right}{right}n "));
    browser.wait(shown, &json!("CCN"));
    browser.keys("#canvas", delete);
    browser.wait(shown, &json!("CC"));

    // Two triple bonds on one carbon can be drawn, and are refused with a reason.
    browser.keys("#canvas", &format!("3c{right}{enter}{left}{left}{enter}"));
    let hidden = "return document.getElementById('fault').hidden";
    browser.wait(hidden, &json!(false));
    let fault = browser.run("return document.getElementById('fault').textContent");
    assert!(fault.as_str().unwrap().contains("valence"), "{fault}");

    a_typed_molecule_opens_in_the_drawing(&browser);
    assert_eq!(browser.run("return document.title"), "denoise-and-distill");
    server.end().unwrap();
}

/// A change of the drawing is one of the molecule; what a drawing cannot hold is said.
fn a_typed_molecule_opens_in_the_drawing(browser: &Browser) {
    let shown = "return document.getElementById('answer').dataset.shown";
    let left = "\u{E012}";
    browser.click("#others button:nth-child(5)");
    browser.keys("#smiles", "c1ccccc1O");
    browser.wait(shown, &json!("c1ccccc1O"));
    browser.click("#open");
    browser.wait("return sketcher.atoms.length", &json!(7));
    browser.keys("#canvas", &format!("{left}n "));
    browser.wait(shown, &json!("Nc1ccccc1"));
    browser.keys("#canvas", "z");
    browser.wait(shown, &json!("Oc1ccccc1"));
    browser.click("#others button:nth-child(5)");
    browser.keys("#smiles", "C[C@H](N)C(=O)O");
    browser.wait(shown, &json!("C[C@H](N)C(=O)O"));
    browser.click("#open");
    browser.wait(
        "return document.getElementById('trouble').hidden",
        &json!(false),
    );
    let said = browser.run("return document.getElementById('trouble').textContent");
    assert!(said.as_str().unwrap().contains("CC(N)C(=O)O"), "{said}");
}
