//! What is there is not overwritten, and what is not there is named.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("folders")
        .join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// Exit code and all that was said.
fn dnd(folder: &Path, words: &str) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_dnd"))
        .args(words.split_whitespace())
        .current_dir(folder)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = std::fs::read_dir(folder).unwrap();
    let paths = files.map(|file| file.unwrap().path());
    let mut contents: Vec<_> = paths
        .map(|path| (path.clone(), std::fs::read(path).unwrap()))
        .collect();
    contents.sort();
    contents
}

#[test]
fn a_model_is_no_place_for_a_run_and_a_run_none_for_a_model() {
    let folder = folder("taken");
    let refused = |words: &str, said: &str| {
        let (code, message) = dnd(&folder, words);
        assert!(matches!(code, Some(1 | 2)), "{words}: {message}");
        assert!(message.contains(said), "{words}: {message}");
    };
    let done = |words: &str| {
        let (code, message) = dnd(&folder, words);
        assert_eq!(code, Some(0), "{words}: {message}");
    };
    done("data export -o all.csv");
    let all = std::fs::read_to_string(folder.join("all.csv")).unwrap();
    let few: Vec<&str> = all.lines().take(31).collect();
    std::fs::write(folder.join("few.csv"), few.join("\n")).unwrap();
    // A model that ships, given away under a name of its own.
    done("export -m et-128 -o model");
    let model = contents(&folder.join("model"));
    assert_eq!(model.len(), 2);
    refused("export -m gin-128-node -o model", "it holds another model");
    // Said before the rows are computed.
    let index = "search index -m gin-128-node -i few.csv -o";
    refused(
        &format!("{index} nowhere/few.index"),
        "there is no folder nowhere",
    );
    refused(&format!("{index} model"), "it is a folder");
    let (_, config) = dnd(&folder, "pretrain --print-config --steps 2");
    let small = config.replace("valid = 100", "valid = 4");
    assert_ne!(small, config);
    std::fs::write(folder.join("small.toml"), &small).unwrap();
    let wrong = small.replace("log_every = 10", "log_every = 0");
    std::fs::write(folder.join("wrong.toml"), wrong).unwrap();
    let taken = "it holds a model and no run";
    refused("pretrain -i few.csv --config small.toml -o model", taken);
    refused(
        "pretrain -i few.csv --config small.toml -m et-128 -o model",
        taken,
    );
    assert!(contents(&folder.join("model")) == model);
    refused(
        "pretrain -i few.csv --config wrong.toml -o run",
        "fit.log_every",
    );
    let vast = small.replace(
        "embedding_dimension = 64",
        "embedding_dimension = 100000000",
    );
    assert_ne!(vast, small);
    std::fs::write(folder.join("vast.toml"), vast).unwrap();
    refused(
        "pretrain -i few.csv --config vast.toml -o run",
        "more numbers than there may be",
    );
    assert!(contents(&folder.join("run")).is_empty());
    done("pretrain -i few.csv --config small.toml -o run");
    let run = contents(&folder.join("run"));
    // What a killed run leaves is gone when the run is called again; all else is as it was.
    std::fs::write(folder.join("run/checkpoint.safetensors.1.tmp"), "cut").unwrap();
    done("pretrain -i few.csv --config small.toml -o run");
    assert!(contents(&folder.join("run")) == run);
    refused("export -m et-128 -o run", "it holds a run");
    let weights = "convert -i model/model.safetensors --config model/config.json -o run";
    refused(weights, "it holds a run");
    assert!(contents(&folder.join("run")) == run);

    // The folder of `dnd finetune` holds models of its own.
    std::fs::create_dir_all(folder.join("tuned")).unwrap();
    std::fs::write(folder.join("tuned/choices.json"), "{}").unwrap();
    let taken = "it holds the models of `dnd finetune`";
    refused("pretrain -i few.csv --config small.toml -o tuned", taken);
    refused("export -m et-128 -o tuned", "it holds a run");
    // A report of something else is not overwritten.
    std::fs::create_dir_all(folder.join("mine")).unwrap();
    std::fs::write(folder.join("mine/report.html"), "mine").unwrap();
    refused(
        "finetune few.csv --epochs 1 --ensemble 1 --split random -o mine",
        "it holds report.html and no run",
    );
    // What nobody could use is not handed out.
    done("export -m gin-128-node -o broken");
    let config = std::fs::read_to_string(folder.join("broken/config.json")).unwrap();
    let wider = config.replace("\"width\": 128", "\"width\": 64");
    assert_ne!(wider, config);
    std::fs::write(folder.join("broken/config.json"), wider).unwrap();
    refused("export -m broken -o given", "mis-shaped");
    assert!(!folder.join("given").exists());

    let distill = "distill -i few.csv -o student --teacher";
    refused(&format!("{distill} gin-128-node"), "it is a student");
    refused(&format!("{distill} nowhere"), "no such folder");
    done("export -m gin-128-node -o student");
    refused(
        "distill -i few.csv -o other --teacher student",
        "describes no teacher",
    );
}

#[test]
fn rows_of_a_single_column_are_scored_where_they_stand() {
    let folder = folder("scored");
    std::fs::write(folder.join("p.csv"), "y\n1\n2\n\n4\n").unwrap();
    std::fs::write(folder.join("l.csv"), "y\n1\n\n3\n4\n").unwrap();
    let words = "evaluate -p p.csv -l l.csv --target-columns y";
    let (code, said) = dnd(&folder, words);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("y mae: 0.0000"), "{said}");
    assert!(said.contains("1 of 4 rows without a prediction"), "{said}");
    assert!(said.contains("prediction, 1 without a label"), "{said}");
    std::fs::write(folder.join("l.csv"), "y\n\n\n\n\n").unwrap();
    let (code, said) = dnd(&folder, words);
    assert_eq!(code, Some(1), "{said}");
    std::fs::write(folder.join("p.csv"), "y,y\n1,2\n").unwrap();
    let (code, said) = dnd(&folder, words);
    assert!(code == Some(2) && said.contains("both called"), "{said}");
}

#[test]
fn rows_are_scored_by_their_numbers_and_classes_by_their_words() {
    let folder = folder("scored-by-row");
    let labels = "\"log S, 25\",class\n1,active\n2,inactive\n3,inactive\n4,active\n";
    std::fs::write(folder.join("l.csv"), labels).unwrap();
    // As two parts of a run that were put together, with a row left out.
    let predictions = "row,\"log S, 25\",class\n0,1,0.9\n3,4,0.8\n1,2,0.1\n";
    std::fs::write(folder.join("p.csv"), predictions).unwrap();
    let (code, said) = dnd(
        &folder,
        "evaluate -p p.csv -l l.csv --target-columns class --task binary",
    );
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("class roc_auc: 1.0000"), "{said}");
    let run = std::process::Command::new(env!("CARGO_BIN_EXE_dnd"))
        .args([
            "evaluate",
            "-p",
            "p.csv",
            "-l",
            "l.csv",
            "--target-columns",
            "log S, 25",
        ])
        .current_dir(&folder)
        .output()
        .unwrap();
    let said = String::from_utf8(run.stdout).unwrap();
    assert!(said.contains("log S, 25 mae: 0.0000"), "{said}");
    assert!(said.contains("1 of 4 rows without a prediction"), "{said}");
    for (rows, fault) in [
        ("1,2,0\n1,2,0\n", "row 1 of the input is there twice"),
        ("4,2,0\n", "none of 4 rows"),
    ] {
        std::fs::write(
            folder.join("p.csv"),
            format!("row,\"log S, 25\",class\n{rows}"),
        )
        .unwrap();
        let (code, said) = dnd(&folder, "evaluate -p p.csv -l l.csv --target-columns class");
        assert!(code == Some(2) && said.contains(fault), "{said}");
    }
}

#[test]
#[cfg(unix)]
fn a_corpus_is_written_by_one_command_at_a_time() {
    let folder = folder("corpus");
    dnd(&folder, "data export -o all.csv");
    let prepare = "data prepare -i all.csv --hold-out 0.1 -o corpus";
    std::fs::create_dir_all(folder.join("corpus")).unwrap();
    let lock = dd_train::FolderLock::default();
    assert!(lock.hold(&folder.join("corpus")));
    let (code, said) = dnd(&folder, prepare);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("another corpus is being written"), "{said}");
    drop(lock);
    let (code, said) = dnd(&folder, prepare);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn a_number_of_threads_that_is_none_is_refused() {
    for wrong in ["0", "-1", "many", "100000000"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dnd"));
        let output = command
            .arg("doctor")
            .env("RAYON_NUM_THREADS", wrong)
            .output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(2), "{wrong}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("RAYON_NUM_THREADS"), "{said}");
    }
}
