//! Pictures, drawings and the page.

use dd_serve::ServeConfig;
use serde_json::json;

use crate::client::{get, post};
use crate::counter::counter;

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
}

#[test]
fn a_layout_is_read_back() {
    let server = counter(ServeConfig::default());
    let ask = |smiles: &str| get(server.address, &format!("/v1/layout?smiles={smiles}"));
    let found = ask("O=C%5BO-%5D").json();
    assert_eq!(
        (&found["same"], &found["smiles"]),
        (&json!(true), &json!("[O-]C=O"))
    );
    assert_eq!(found["atoms"][2]["charge"], -1);
    assert_eq!(found["bonds"][0], json!({"from": 0, "to": 1, "order": 2}));
    assert_eq!(ask("%5B13CH4%5D").json()["same"], false);
    let refused = ask("C1CC");
    assert_eq!(
        (refused.status, &refused.json()["error"]["kind"]),
        (400, &json!("unclosed-ring"))
    );
}

#[test]
fn the_page_needs_nothing_from_elsewhere() {
    let server = counter(ServeConfig::default());
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
