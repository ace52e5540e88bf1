//! `dnd serve` until the system stops it, and `dnd search` from library to neighbours, as processes.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{ChildStderr, Command, Output, Stdio};

use serde_json::{Value, json};

fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("serve")
        .join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn dnd(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dnd"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A library with a broken row, and its index.
fn library(folder: &Path) {
    let lines = "CCO ethanol\nCCCO propanol\nc1ccccc1 benzene\nC1CC broken\nCCO again\nCC(=O)O\n";
    std::fs::write(folder.join("library.smi"), lines).unwrap();
    let words = [
        "search",
        "index",
        "-i",
        "library.smi",
        "-m",
        "gin-128-node",
        "-o",
        "a.index",
    ];
    let made = dnd(folder, &words);
    assert_eq!(made.status.code(), Some(3), "{}", text(&made.stderr));
    let said = text(&made.stderr);
    assert!(
        said.contains("row 3 is left out: ring 1 is never closed"),
        "{said}"
    );
    assert!(said.contains("5 molecules"), "{said}");
}

#[test]
fn neighbours_of_files_and_words() {
    let folder = scratch("search");
    library(&folder);
    let ask = |words: &[&str]| {
        let mut all = vec!["search", "query", "--index", "a.index"];
        all.extend(words);
        dnd(&folder, &all)
    };
    let found = ask(&["CCO", "C1CC", "-k", "3"]);
    assert_eq!(found.status.code(), Some(3));
    let out = text(&found.stdout);
    let mut table = csv::Reader::from_reader(out.as_bytes());
    let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
    let names = "row,query,status,rank,neighbour_row,neighbour,name,distance,error.kind,error.message,error.span";
    assert!(out.starts_with(names), "{out}");
    assert_eq!(rows.len(), 4);
    // Ethanol, which is there twice, then its homologue.
    let columns = |row: usize| [2, 3, 4, 5, 6].map(|column| rows[row][column].to_string());
    assert_eq!(columns(0), ["ok", "1", "0", "CCO", "ethanol"]);
    assert_eq!(columns(1), ["ok", "2", "4", "CCO", "again"]);
    assert_eq!(columns(2), ["ok", "3", "1", "CCCO", "propanol"]);
    assert_eq!(
        (&rows[3][2], &rows[3][8], &rows[3][10]),
        ("error", "unclosed-ring", "1-2")
    );

    // The same from a file of queries, as JSON lines; the same from an index of stored embeddings, with a graph.
    std::fs::write(folder.join("queries.smi"), "CCO\n").unwrap();
    let lines = |index: &str| -> Vec<Value> {
        let words = [
            "search",
            "query",
            "--index",
            index,
            "-i",
            "queries.smi",
            "-k",
            "3",
            "-o",
            "out.jsonl",
        ];
        let done = dnd(&folder, &words);
        assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
        let out = std::fs::read_to_string(folder.join("out.jsonl")).unwrap();
        out.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let direct = lines("a.index");
    assert_eq!(direct[2]["neighbour"], "CCCO");
    assert_eq!(
        (&direct[0]["row"], &direct[0]["rank"]),
        (&json!(0), &json!(1))
    );
    let embedded = [
        "embed",
        "-i",
        "library.smi",
        "-m",
        "gin-128-node",
        "-o",
        "library.npy",
    ];
    assert_eq!(dnd(&folder, &embedded).status.code(), Some(3));
    let index = |input: &str, model: &str| {
        let words = [
            "search",
            "index",
            "-i",
            input,
            "-m",
            model,
            "--vectors",
            "library.npy",
        ];
        let more = ["--graph-from", "1", "-o", "b.index"];
        dnd(&folder, &[&words[..], &more[..]].concat())
    };
    assert_eq!(index("library.smi", "gin-128-node").status.code(), Some(3));
    assert_eq!(lines("b.index"), direct);

    // Vectors of another model, or of other rows, are refused; so is an index that is none.
    let other = index("library.smi", "gin-128-graph");
    assert_eq!(other.status.code(), Some(2));
    assert!(text(&other.stderr).contains("row 0 is not what gin-128-graph says"));
    assert_eq!(index("queries.smi", "gin-128-node").status.code(), Some(2));
    let wrong = dnd(&folder, &["search", "query", "--index", "library.npy", "C"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(
        text(&wrong.stderr).contains("not a valid index"),
        "{}",
        text(&wrong.stderr)
    );
    let foreign = ask(&["CCO", "--model", "gin-128-graph"]);
    assert_eq!(foreign.status.code(), Some(2));
    assert!(text(&foreign.stderr).contains("not comparable"));
}

#[test]
fn an_index_of_stored_embeddings_is_that_of_the_library() {
    let folder = scratch("stored");
    library(&folder);
    let words = |line: &str| dnd(&folder, &line.split(' ').collect::<Vec<_>>());
    let embedded = words("embed -i library.smi -m gin-128-node -o library.parquet");
    assert_eq!(embedded.status.code(), Some(3));
    let made =
        words("search index -i library.smi -m gin-128-node --vectors library.parquet -o b.index");
    assert_eq!(made.status.code(), Some(3), "{}", text(&made.stderr));
    let ask = |index: &str| {
        let found = words(&format!("search query --index {index} CCO CCCN -k 4"));
        assert_eq!(found.status.code(), Some(0), "{}", text(&found.stderr));
        text(&found.stdout)
    };
    assert_eq!(ask("a.index"), ask("b.index"));
}

#[test]
fn a_vector_that_is_not_there_leaves_its_row_out() {
    let folder = scratch("absent");
    library(&folder);
    let words = |line: &str| dnd(&folder, &line.split(' ').collect::<Vec<_>>());
    let embedded = words("embed -i library.smi -m gin-128-node -o library.npy");
    assert_eq!(embedded.status.code(), Some(3));
    let mut file = std::fs::read(folder.join("library.npy")).unwrap();
    let last = file.len() - 4 * 128;
    file[last..].copy_from_slice(&f32::NAN.to_le_bytes().repeat(128));
    std::fs::write(folder.join("library.npy"), file).unwrap();
    let fewer =
        words("search index -i library.smi -m gin-128-node --vectors library.npy -o b.index");
    assert_eq!(fewer.status.code(), Some(3));
    let said = text(&fewer.stderr);
    assert!(said.contains("its vector is not finite"), "{said}");
}

/// A process that does not outlive its test.
struct Ended(std::process::Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn post(address: &str, path: &str, body: &Value) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let body = body.to_string();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Starts `dnd serve` and waits for its address.
fn serve(folder: &Path, models: &[&str]) -> (Ended, BufReader<ChildStderr>, String) {
    let mut server = Command::new(env!("CARGO_BIN_EXE_dnd"))
        .args(["serve", "--port", "0"])
        .args(models)
        .current_dir(folder)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(server.stderr.take().unwrap());
    let server = Ended(server);
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    let (_, rest) = line.split_once("http://").expect(&line);
    let (address, _) = rest.split_once('/').unwrap();
    (server, said, address.to_string())
}

#[cfg(unix)]
#[test]
fn a_server_starts_answers_and_ends_by_a_signal() {
    let folder = scratch("signal");
    library(&folder);
    let (mut server, mut said, address) =
        serve(&folder, &["-m", "gin-128-node", "--index", "a.index"]);
    let answer = post(
        &address,
        "/v1/neighbours",
        &json!({"smiles": ["CCO"], "k": 1}),
    );
    assert!(answer.contains("\"name\":\"ethanol\""), "{answer}");
    let killed = Command::new("kill")
        .arg(server.0.id().to_string())
        .status()
        .unwrap();
    assert!(killed.success());
    assert_eq!(server.0.wait().unwrap().code(), Some(0));
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "stopped: what was in flight is answered\n");
}

#[test]
fn the_models_of_a_table_answer_with_intervals() {
    let folder = scratch("run");
    let exported = dnd(&folder, &["data", "export", "-o", "all.csv"]);
    assert_eq!(exported.status.code(), Some(0));
    let all = csv::Reader::from_path(folder.join("all.csv")).unwrap();
    let mut table = String::from("smiles,gap,narrow\n");
    for row in all.into_records().take(120) {
        let row = row.unwrap();
        let narrow = u8::from(row[7].parse::<f64>().unwrap() < 7.0);
        table += &format!("{},{},{narrow}\n", &row[1], &row[7]);
    }
    std::fs::write(folder.join("gaps.csv"), table).unwrap();
    let words = "finetune gaps.csv --split random --epochs 1 --ensemble 2 -o gaps";
    let tuned = dnd(&folder, &words.split(' ').collect::<Vec<_>>());
    assert_eq!(tuned.status.code(), Some(0), "{}", text(&tuned.stderr));
    let (_server, _said, address) = serve(&folder, &["-m", "gaps"]);
    let body = json!({"smiles": ["CCO", "[Na+].[Cl-]"]});
    let answer = post(&address, "/v1/predict", &body);
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    let row = |row: usize| &body["rows"][row];
    let ends = row(0)["intervals"]["gap"].as_array().unwrap();
    let (low, high) = (ends[0].as_f64().unwrap(), ends[1].as_f64().unwrap());
    let value = row(0)["gap"].as_f64().unwrap();
    assert!(low < value && value < high, "{body}");
    // The set of classes is the one that `dnd predict` gives.
    std::fs::write(folder.join("new.smi"), "CCO\n").unwrap();
    let predicted = dnd(&folder, &["predict", "-q", "-m", "gaps", "-i", "new.smi"]);
    let predicted: Value = serde_json::from_str(&text(&predicted.stdout)).unwrap();
    assert_eq!(row(0)["sets"]["narrow"], predicted["narrow_set"], "{body}");
    assert!(predicted["narrow_set"].is_string());
    assert_eq!(row(1)["in_domain"], json!(false), "sodium is new: {body}");
}

#[test]
fn what_cannot_be_served_is_misuse() {
    let folder = scratch("misuse");
    let no_model = dnd(&folder, &["serve", "-m", "nothing", "--port", "0"]);
    assert_eq!(no_model.status.code(), Some(2));
    assert!(text(&no_model.stderr).contains("there is no model 'nothing'"));
    let small = [
        "serve",
        "-m",
        "gin-128-node",
        "--port",
        "0",
        "--max-queue",
        "5",
    ];
    let small = dnd(&folder, &small);
    assert_eq!(small.status.code(), Some(2));
    assert!(
        text(&small.stderr).contains("queue is 5"),
        "{}",
        text(&small.stderr)
    );
}
