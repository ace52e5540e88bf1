//! `cargo xtask ci`: every check, in the order in which failures are cheapest to fix.

use std::process::Command;
use std::time::Instant;

use crate::{gpu, root, tidy};

/// Runs all checks and stops at the first that fails.
///
/// # Errors
/// Names the check that failed.
pub(crate) fn run() -> Result<(), String> {
    step("format", "cargo fmt --all --check", &[])?;
    println!("== tidy");
    tidy::run(&root())?;
    step(
        "lints",
        "cargo clippy --workspace --all-targets -- -D warnings",
        &[],
    )?;
    // They are only checked: no engine is needed, and where it would be keeps it from being compiled.
    step(
        "fuzz targets",
        "cargo check --manifest-path tests/fuzz/Cargo.toml --features data --bins --target-dir target/fuzz",
        &[("CUSTOM_LIBFUZZER_PATH", "/absent/libfuzzer.a")],
    )?;
    println!("== CUDA side of dd-kernels");
    gpu::run(&["check"])?;
    browser()?;
    step(
        "tests",
        "cargo test --workspace --release",
        &[("DND_BROWSER_TEST", browser_test())],
    )?;
    // Without optimisation arithmetic is checked, as it is for those who build on these crates. They build without candle.
    step(
        "tests, arithmetic checked",
        "cargo test -p dd-mol -p dd-eval -p dd-baselines -p dd-search -p dd-torch",
        &[],
    )?;
    println!("== CUDA kernels to PTX");
    gpu::run(&["ptx"])?;
    web()?;
    for person in ["engineer", "chemist", "researcher"] {
        step(
            &format!("path of the {person}"),
            &format!("bash tests/paths/{person}.sh"),
            &[],
        )?;
    }
    step(
        "docs",
        "cargo doc --workspace --no-deps",
        &[("RUSTDOCFLAGS", "-D warnings")],
    )
}

/// The front door must compile for a browser.
fn web() -> Result<(), String> {
    const TARGET: &str = "wasm32-unknown-unknown";
    if !has_target(TARGET) {
        let add = format!("rustup target add {TARGET}");
        step("target for the web", &add, &[])?;
    }
    step(
        "web",
        &format!("cargo check -p dd-encoder2d --features pretrained --target {TARGET}"),
        &[],
    )
}

/// Whether the toolchain has the standard library of a target.
fn has_target(target: &str) -> bool {
    let place = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", target])
        .output();
    place.is_ok_and(|output| {
        let folder = String::from_utf8_lossy(&output.stdout).trim().to_string();
        std::path::Path::new(&folder).is_dir()
    })
}

/// On a runner the page is tested in a browser, which is installed when there is none; elsewhere it is when there is one.
fn browser() -> Result<(), String> {
    if browser_test() != REQUIRED || ["chromium", "chromedriver"].into_iter().all(answers) {
        return Ok(());
    }
    if !is_root() {
        // The test itself fails with what is missing.
        return Ok(());
    }
    step("browser", "apt-get update", &[])?;
    let install = "apt-get install --yes --no-install-recommends chromium chromium-driver";
    step("browser", install, &[("DEBIAN_FRONTEND", "noninteractive")])
}

/// Makes the test of the page fail, not pass over, without a browser.
const REQUIRED: &str = "required";

fn browser_test() -> &'static str {
    let runner = std::env::var("CI").is_ok_and(|value| value == "true");
    if runner { REQUIRED } else { "optional" }
}

fn answers(program: &str) -> bool {
    let version = Command::new(program).arg("--version").output();
    version.is_ok_and(|output| output.status.success())
}

fn is_root() -> bool {
    let user = Command::new("id").arg("-u").output();
    user.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn step(name: &str, command: &str, environment: &[(&str, &str)]) -> Result<(), String> {
    println!("== {name}: {command}");
    let start = Instant::now();
    let mut words = command.split(' ');
    let program = words.next().unwrap_or_default();
    let status = Command::new(program)
        .args(words)
        .envs(environment.iter().copied())
        .current_dir(root())
        .status()
        .map_err(|error| format!("{name}: {program}: {error}"))?;
    println!("== {name}: {:.0} s", start.elapsed().as_secs_f64());
    if status.success() {
        Ok(())
    } else {
        Err(format!("{name} failed"))
    }
}
