//! What every atom adds to a prediction.

use super::*;

#[test]
fn explanations_are_exact_or_refused() {
    let at = place("explain");
    let mut text = String::from("smiles,y\n");
    for (smiles, gap) in molecules(&at, 60) {
        writeln!(text, "{smiles},{gap}").unwrap();
    }
    std::fs::write(at.join("real.csv"), text).unwrap();
    // TokenGT students pool by the mean too.
    done(
        &at,
        "finetune real.csv --model tokengt-128-node --epochs 1 --ensemble 1 -o token",
    );
    done(
        &at,
        "predict -q --model token -i real.csv -o y.csv --explain why",
    );
    let answers = rows(&at.join("y.csv"));
    let text = std::fs::read_to_string(at.join("why/explanations.jsonl")).unwrap();
    assert_eq!(text.lines().count(), answers.len());
    for (line, answer) in text.lines().zip(&answers) {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let difference = line["sum"].as_f64().unwrap() - number(answer, "y");
        assert!(difference.abs() < 1e-3, "{difference} {answer:?}");
    }
    let config = std::fs::read_to_string(at.join("token/config.resolved.toml")).unwrap();
    let config = config.replace("kind = \"linear\"", "kind = \"mlp\"\nhidden = 8");
    std::fs::write(at.join("mlp.toml"), config).unwrap();
    done(
        &at,
        "finetune real.csv --config mlp.toml --epochs 1 --ensemble 1 -o mlp",
    );
    refused(
        &at,
        "predict --model mlp -i real.csv -o y.csv --explain why",
        &["no sums over atoms", "its head is not linear"],
    );
}

/// Base and contributions of every line are the sum, and the sum of a regression is the prediction.
pub(crate) fn explanations_add_up(folder: &Path, answers: &Rows) {
    let text = std::fs::read_to_string(folder.join("explanations.jsonl")).unwrap();
    let mut lines = 0;
    for line in text.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let atoms = line["atoms"].as_array().unwrap();
        let parts = atoms
            .iter()
            .map(|atom| atom["contribution"].as_f64().unwrap());
        let sum = line["base"].as_f64().unwrap() + parts.sum::<f64>();
        assert!((sum - line["sum"].as_f64().unwrap()).abs() < 1e-9);
        let answer = &answers[line["row"].as_u64().unwrap() as usize];
        match line["target"].as_str().unwrap() {
            "gap" => assert!(
                (sum - number(answer, "gap")).abs() < 1e-3,
                "{sum} {answer:?}"
            ),
            // The members' probabilities are near each other after so few steps, so their mean is near that of the logit.
            _ => {
                let p = 1.0 / (1.0 + (-sum).exp());
                assert!(
                    (p - number(answer, "narrow")).abs() < 0.05,
                    "{p} {answer:?}"
                );
            }
        }
        lines += 1;
    }
    assert_eq!(lines, 6);
    let svg = std::fs::read_to_string(folder.join("row-1-0-gap.svg")).unwrap();
    assert!(svg.contains("<circle") && svg.contains("gap: "));
}
