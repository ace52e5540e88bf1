//! The layer table of `docs/ARCHITECTURE.md` against what cargo knows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde::Deserialize;

/// Crate name to the workspace crates that it may use.
pub(crate) type Allowed = BTreeMap<String, BTreeSet<String>>;

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
    path: Option<String>,
}

/// Reads the table: rows `| layer | crate | sentence | may use |`, crate names in backticks.
pub(crate) fn read_table(text: &str) -> Allowed {
    text.lines()
        .filter(|line| line.starts_with('|'))
        .filter_map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
            let [_, name, _, may_use] = cells.as_slice() else {
                return None;
            };
            let name = quoted(name).into_iter().next()?;
            Some((name, quoted(may_use).into_iter().collect()))
        })
        .collect()
}

fn quoted(cell: &str) -> Vec<String> {
    cell.split('`')
        .skip(1)
        .step_by(2)
        .map(ToString::to_string)
        .collect()
}

/// Every dependency between workspace crates that the table does not allow, and every crate that it lacks.
///
/// # Errors
/// When cargo or the table cannot be read.
pub(crate) fn violations(root: &Path) -> Result<Vec<String>, String> {
    let table = root.join("docs/ARCHITECTURE.md");
    let text = std::fs::read_to_string(&table).map_err(|e| format!("{}: {e}", table.display()))?;
    let output = Command::new("cargo")
        .args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
            "--offline",
        ])
        .current_dir(root)
        .output()
        .map_err(|e| format!("cargo metadata: {e}"))?;
    let metadata: Metadata =
        serde_json::from_slice(&output.stdout).map_err(|e| format!("cargo metadata: {e}"))?;
    Ok(compare(&read_table(&text), &metadata))
}

fn compare(allowed: &Allowed, metadata: &Metadata) -> Vec<String> {
    let mut found = Vec::new();
    for package in metadata
        .packages
        .iter()
        .filter(|package| package.name.starts_with("dd-"))
    {
        if ["dd-tests", "dd-benches"].contains(&package.name.as_str()) {
            continue;
        }
        let Some(may_use) = allowed.get(&package.name) else {
            found.push(format!(
                "docs/ARCHITECTURE.md: the layer table lacks {}",
                package.name
            ));
            continue;
        };
        for dependency in &package.dependencies {
            let ours = dependency.path.is_some() && dependency.kind.is_none();
            if ours && !may_use.contains(&dependency.name) {
                found.push(format!(
                    "{} may not use {} (docs/ARCHITECTURE.md)",
                    package.name, dependency.name
                ));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sideways_dependency_is_found() {
        let allowed = read_table(
            "| parts | `dd-a` | One thing. | `dd-c` |\n| parts | `dd-b` | Another. | |\n",
        );
        let metadata = r#"{"packages":[
            {"name":"dd-a","dependencies":[{"name":"dd-b","kind":null,"path":"x"},{"name":"dd-c","kind":null,"path":"x"}]},
            {"name":"dd-d","dependencies":[]}]}"#;
        let found = compare(
            &allowed,
            &serde_json::from_str(metadata).expect("the sample is valid"),
        );
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("dd-a may not use dd-b"));
        assert!(found[1].contains("lacks dd-d"));
    }
}
