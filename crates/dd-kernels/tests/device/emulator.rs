//! Builds the program that imitates a GPU, from the CUDA sources and two headers, with the system's C++ compiler.

use std::path::{Path, PathBuf};
use std::process::Command;

#[allow(dead_code, unreachable_pub, reason = "shared with the library")]
#[path = "../../src/cuda/sources.rs"]
mod sources;

use sources::{MODULES, Number, TYPES};

/// Turns the emulator on; says so when there is no C++ compiler, and leaves the operations to the CPU's kernels.
#[allow(clippy::print_stderr, reason = "a test that is left out says so")]
pub(super) fn start() {
    if dd_kernels::testing::emulates_cuda() {
        return;
    }
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".to_string());
    if Command::new(&compiler).arg("--version").output().is_err() {
        eprintln!("no C++ compiler ({compiler}): the CUDA kernels are NOT tested");
        return;
    }
    dd_kernels::testing::emulate_cuda(|| build(&compiler)).expect("the emulator starts");
}

/// The program, compiled unless it has been from the same text.
fn build(compiler: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("emulator");
    std::fs::create_dir_all(&folder).expect("a folder for the emulator");
    let (text, program, source) = (text(), folder.join("emulator"), folder.join("emulator.cpp"));
    let same = std::fs::read_to_string(&source).is_ok_and(|old| old == text);
    if same && program.exists() {
        return program;
    }
    let fresh = folder.join(format!("emulator-{}", std::process::id()));
    let draft = fresh.with_extension("cpp");
    std::fs::write(&draft, text).expect("the emulator's source");
    let output = Command::new(compiler)
        .args(["-std=c++17", "-O1", "-U_FORTIFY_SOURCE", "-w", "-o"])
        .args([&fresh, &draft])
        .output()
        .expect("the compiler runs");
    assert!(
        output.status.success(),
        "the kernels do not compile as C++:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    std::fs::rename(&fresh, &program).expect("the emulator in place");
    std::fs::rename(&draft, &source).expect("its source in place");
    program
}

/// The emulator, every module in a namespace of its own for each number type, and a table of the kernels.
fn text() -> String {
    let mut text = [
        include_str!("../emulator/emulate.h"),
        TYPES,
        include_str!("../emulator/serve.h"),
    ]
    .join("\n");
    let mut table = String::new();
    for number in [Number::F32, Number::F64, Number::Bf16] {
        for module in &MODULES {
            let namespace = format!("{}_{}", module.name, number.name());
            text += &format!(
                "namespace {namespace} {{\n#line 1 \"{}.cu\"\n{}\n}}\n",
                module.name,
                module.body(number)
            );
            for kernel in module.kernels {
                let name = format!("{kernel}_{}", number.name());
                table += &format!("{{\"{name}\", serve::entry({namespace}::{kernel})}},\n");
            }
        }
    }
    text + &format!("int main() {{ return serve::main({{{table}}}); }}\n")
}
