//! Every golden case at hand, within its tolerance.

use std::io::Write;
use std::path::{Path, PathBuf};

/// The golden cases of one sub-folder; a note on standard error when there are none to read.
fn golden(folder: &str) -> Vec<PathBuf> {
    let Some(shared) = dd_tests::shared_folder() else {
        let note = format!(
            "parity: no reference data beside the workspace; golden/{folder} is not compared\n"
        );
        std::io::stderr()
            .write_all(note.as_bytes())
            .expect("standard error can be written");
        return Vec::new();
    };
    let cases = dd_tests::cases_below(&shared.join("golden").join(folder))
        .expect("the folder can be listed");
    assert!(!cases.is_empty(), "golden/{folder} holds no case");
    cases
}

fn check(case: &Path) {
    let Some(check) = dd_tests::check_for(case).expect("the kind of the case is known") else {
        return;
    };
    let rows = check(case).expect("the case can be run");
    assert!(!rows.is_empty(), "{}: nothing was compared", case.display());
    let missed: Vec<String> = rows
        .iter()
        .filter(|row| !row.ok)
        .map(ToString::to_string)
        .collect();
    assert!(
        missed.is_empty(),
        "{} of {} rows miss:\n{}",
        missed.len(),
        rows.len(),
        missed.join("\n")
    );
}

#[test]
fn equivariant_transformer() {
    golden("et").iter().for_each(|case| check(case));
}

#[test]
fn tokengt() {
    golden("tokengt").iter().for_each(|case| check(case));
}

#[test]
fn distillation() {
    golden("distill").iter().for_each(|case| check(case));
}

#[test]
fn features() {
    golden("features").iter().for_each(|case| check(case));
}

#[test]
fn splits() {
    golden("splits").iter().for_each(|case| check(case));
}

#[test]
fn metrics() {
    golden("metrics").iter().for_each(|case| check(case));
}
