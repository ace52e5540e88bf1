//! The published reports follow from the published runs.

use std::path::{Path, PathBuf};

use dd_train::evaluation::{Method, Plan, Report, recorded};
use serde_json::Value;

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

fn plan(name: &str) -> Plan {
    let path = docs().join("recipes").join(name);
    Plan::from_toml(&std::fs::read_to_string(path).unwrap(), name).unwrap()
}

fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("published")
        .join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

#[test]
fn reports_are_what_the_stored_runs_give() {
    for (recipe, name) in [
        ("results.toml", "moleculenet"),
        ("label-efficiency.toml", "label-efficiency"),
    ] {
        let plan = plan(recipe);
        let runs = recorded(&plan, &docs().join("results")).unwrap();
        let made = folder(name);
        Report::new(&plan, &runs.entries)
            .unwrap()
            .write(&made)
            .unwrap();
        let mut files = 0;
        for file in std::fs::read_dir(&made).unwrap() {
            let file = file.unwrap();
            let kept = docs().join("results").join(name).join(file.file_name());
            let kept = std::fs::read_to_string(&kept).unwrap();
            let made = std::fs::read_to_string(file.path()).unwrap();
            assert!(made == kept, "{name}/{}", file.file_name().display());
            files += 1;
        }
        let kept = std::fs::read_dir(docs().join("results").join(name)).unwrap();
        assert_eq!(kept.count(), files, "{name}");
    }
}

/// Scores and gains over all sets stand in the text as in the report.
#[test]
fn the_text_shows_the_tables_of_the_report() {
    let text = std::fs::read_to_string(docs().join("RESULTS.md")).unwrap();
    let report = docs().join("results/moleculenet/report.md");
    let report = std::fs::read_to_string(report).unwrap();
    for heading in ["## Scores on the test part", "## Against the rival"] {
        let (_, rest) = report.split_once(heading).unwrap();
        let table = rest.trim_start().split("\n\n").next().unwrap();
        assert!(table.starts_with('|') && table.lines().count() > 10);
        assert!(
            text.contains(table),
            "docs/RESULTS.md lacks the table of '{heading}'"
        );
    }
}

/// Two-sided p of the signed-rank test by counting every pattern of signs.
fn signed_rank_p(gains: &[f64]) -> f64 {
    let gains: Vec<f64> = gains.iter().copied().filter(|gain| *gain != 0.0).collect();
    let rank = |gain: &f64| {
        let below = |other: &&f64| other.abs() < gain.abs();
        let equal = |other: &&f64| other.abs() == gain.abs();
        let (below, equal) = (
            gains.iter().filter(below).count(),
            gains.iter().filter(equal).count(),
        );
        below as f64 + f64::midpoint(equal as f64, 1.0)
    };
    let ranks: Vec<f64> = gains.iter().map(rank).collect();
    let distance = |positive: f64| (2.0 * positive - ranks.iter().sum::<f64>()).abs();
    let found = { gains.iter().zip(&ranks) }
        .filter(|(gain, _)| **gain > 0.0)
        .map(|(_, rank)| rank)
        .sum();
    let patterns = 1_u32 << gains.len();
    let extreme = (0..patterns).filter(|pattern| {
        let positive = ranks.iter().enumerate();
        let positive = positive.filter(|(place, _)| pattern >> place & 1 == 1);
        distance(positive.map(|(_, rank)| rank).sum()) >= distance(found) - 1e-9
    });
    extreme.count() as f64 / f64::from(patterns)
}

#[test]
fn what_the_sets_say_together_follows_from_each() {
    let tests = docs().join("results/moleculenet/tests.json");
    let tests: Value = serde_json::from_str(&std::fs::read_to_string(tests).unwrap()).unwrap();
    let over_sets = tests["over_sets"].as_array().unwrap();
    assert!(over_sets.len() > 8);
    for pair in over_sets {
        let duels = { tests["by_set"].as_array().unwrap().iter() }
            .filter(|duel| duel["contender"] == pair["contender"])
            .collect::<Vec<_>>();
        let gains: Vec<f64> = { duels.iter() }
            .map(|duel| duel["gain"].as_f64().unwrap())
            .collect();
        assert_eq!(pair["sets"], duels.len());
        assert_eq!(pair["better"], gains.iter().filter(|g| **g > 0.0).count());
        let significant = { duels.iter().zip(&gains) }.filter(|(duel, gain)| {
            duel["holm_p"].as_f64().is_some_and(|p| p < 0.05) && **gain > 0.0
        });
        assert_eq!(pair["significantly_better"], significant.count());
        let regression = |duel: &Value| {
            let set = duel["set"].as_str().unwrap();
            ["esol", "freesolv", "lipophilicity"].contains(&set)
        };
        for (task, kept) in [("regression", true), ("classification", false)] {
            let of_task = duels.iter().zip(&gains);
            let of_task = of_task.filter(|(duel, _)| regression(duel) == kept);
            let of_task: Vec<f64> = of_task.map(|(_, gain)| *gain).collect();
            let mean = of_task.iter().sum::<f64>() / of_task.len() as f64;
            match pair[task].as_f64() {
                Some(told) => assert!((told - mean).abs() < 1e-9, "{pair}"),
                None => assert!(of_task.is_empty(), "{pair}"),
            }
        }
        let p = pair["wilcoxon_p"].as_f64().unwrap();
        assert!((p - signed_rank_p(&gains)).abs() < 1e-12, "{pair}");
    }
}

/// A choice sees validation scores of one seed alone, and stands for the runs of the chosen one on every seed.
#[test]
fn choices_are_those_of_the_validation_part() {
    let tests = docs().join("results/moleculenet/tests.json");
    let tests: Value = serde_json::from_str(&std::fs::read_to_string(tests).unwrap()).unwrap();
    let stored = std::fs::read_to_string(docs().join("results/runs.jsonl")).unwrap();
    let runs: Vec<Value> = { stored.lines() }
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let valid = |set: &Value, contender: &Value| {
        let run = runs.iter().find(|run| {
            (&run["set"], &run["contender"]) == (set, contender)
                && (&run["share"], &run["seed"]) == (&1.0.into(), &0.into())
        });
        run.map(|run| run["valid"].as_f64().unwrap())
    };
    let means = |contender: &Value, set: &Value| {
        let duels = tests["by_set"].as_array().unwrap();
        let duel = { duels.iter() }
            .find(|duel| (&duel["contender"], &duel["set"]) == (contender, set))
            .unwrap();
        (duel["means"].clone(), duel["pairs"].clone())
    };
    let choices = tests["choices"].as_array().unwrap();
    let mut against_the_usual = 0;
    for contender in &plan("results.toml").contenders {
        let Method::Chosen { among } = &contender.method else {
            continue;
        };
        let own = { choices.iter() }.filter(|choice| choice["contender"] == contender.name);
        let own: Vec<&Value> = own.collect();
        assert_eq!(own.len(), 10, "{}", contender.name);
        for choice in own {
            let (set, chosen) = (&choice["set"], &choice["chosen"]);
            let kept = valid(set, chosen).unwrap();
            let error = ["esol", "freesolv", "lipophilicity"].contains(&set.as_str().unwrap());
            for member in among {
                let other = valid(set, &member.as_str().into());
                assert!(
                    other.is_none_or(|other| if error { kept <= other } else { kept >= other }),
                    "{choice}"
                );
            }
            assert_eq!(means(&choice["contender"], set), means(chosen, set));
            against_the_usual += usize::from(*chosen != among[0]);
        }
    }
    assert!(against_the_usual > 3);
}

#[test]
fn a_part_of_a_plan_keeps_the_rival_and_the_choice() {
    let names =
        |plan: Plan| -> Vec<String> { plan.contenders.into_iter().map(|one| one.name).collect() };
    let part = plan("results.toml")
        .only(&["GIN D&D-Node, slow encoder".into()])
        .unwrap();
    assert_eq!(
        part.contenders[1].against.as_deref(),
        Some("GIN from scratch")
    );
    assert_eq!(
        names(part),
        ["GIN from scratch", "GIN D&D-Node, slow encoder"]
    );
    let part = plan("results.toml")
        .only(&["TokenGT D&D-Node, encoder rate chosen".into()])
        .unwrap();
    assert_eq!(part.contenders.len(), 4);
    part.validate().unwrap();
    // A rival is kept for the contender's sake, without a rival of its own.
    let part = plan("label-efficiency.toml");
    let mut chain = part.clone();
    chain.contenders[0].against = Some(chain.contenders[2].name.clone());
    let part = chain.only(&[part.contenders[1].name.clone()]).unwrap();
    assert_eq!(part.contenders[0].against, None);
    assert_eq!(part.contenders.len(), 2);
    let error = plan("results.toml").only(&["nobody".into()]).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("no contender 'nobody'; there are 'GIN untrained")
    );
    for (among, reason) in [
        (vec!["GIN D&D-Node"], "needs two different contenders"),
        (vec!["GIN D&D-Node"; 2], "needs two different contenders"),
        (
            vec!["GIN D&D-Node", "GIN from scratch"],
            "no fine-tuned contender 'GIN from scratch'",
        ),
    ] {
        let mut part = plan("results.toml");
        part.contenders[0].method = Method::Chosen {
            among: among.into_iter().map(String::from).collect(),
        };
        let error = part.validate().unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn runs_of_two_settings_are_refused_where_nothing_tells_which_counts() {
    let plan = plan("results.toml");
    let place = folder("two-settings");
    let stored = std::fs::read_to_string(docs().join("results/runs.jsonl")).unwrap();
    let line = { stored.lines() }
        .find(|line| {
            line.starts_with("{\"set\":\"esol\",\"contender\":\"GIN from scratch\",\"share\":1.0")
        })
        .unwrap();
    let mut other: Value = serde_json::from_str(line).unwrap();
    other["settings"] = "0".repeat(64).into();
    std::fs::write(place.join("runs.jsonl"), format!("{line}\n{other}\n")).unwrap();
    let error = recorded(&plan, &place).unwrap_err().to_string();
    assert!(
        error.contains("esol, GIN from scratch") && error.contains("2 runs of different settings"),
        "{error}"
    );
    std::fs::write(place.join("runs.jsonl"), format!("{line}\n")).unwrap();
    let one = recorded(&plan, &place).unwrap();
    assert_eq!((one.entries.len(), one.others), (1, 0));
}
