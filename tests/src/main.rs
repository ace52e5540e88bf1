//! Runs every golden case below a folder and prints one row per compared quantity.
//!
//! Exit code 0 when all agree, 1 on any miss or on a case that could not be run, 2 for misuse.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "printing the table is what this program does"
)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;

use dd_tests::{ParityError, Row};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(folder), filter) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: parity FOLDER [PART_OF_A_CASE_NAME]");
        return ExitCode::from(2);
    };
    let cases = match dd_tests::cases_below(&PathBuf::from(folder)) {
        Ok(cases) => cases,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let filter = filter
        .map(|part| part.to_string_lossy().into_owned())
        .unwrap_or_default();
    let (mut passed, mut failed) = (0, 0);
    for case in cases
        .iter()
        .filter(|case| case.to_string_lossy().contains(&filter))
    {
        let rows = match dd_tests::check_for(case) {
            Ok(None) => continue,
            Ok(Some(check)) => caught(|| check(case)),
            Err(error) => Err(error),
        };
        match rows {
            Ok(rows) => {
                for row in &rows {
                    println!("{row}");
                    *(if row.ok { &mut passed } else { &mut failed }) += 1;
                }
            }
            Err(error) => {
                println!("FAIL {}: {error}", case.display());
                failed += 1;
            }
        }
    }
    println!("parity: {passed} passed, {failed} failed");
    ExitCode::from(u8::from(failed > 0 || passed == 0))
}

/// A panic in one case is its failure, and the others still run.
fn caught(check: impl FnOnce() -> Result<Vec<Row>, ParityError>) -> Result<Vec<Row>, ParityError> {
    let panicked = |_| ParityError::Failed("the check panicked".to_string());
    catch_unwind(AssertUnwindSafe(check)).unwrap_or_else(|panic| Err(panicked(panic)))
}
