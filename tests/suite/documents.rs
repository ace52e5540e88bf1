//! What the documents name is there.

use std::path::Path;

/// The tests that docs/FAQ.md names, each as `file`: `name` in the last cell of a row.
#[test]
fn the_tests_of_the_faq_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = std::fs::read_to_string(root.join("docs/FAQ.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| ")).skip(1);
    let mut named = 0;
    for row in rows {
        let cell = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        let words: Vec<&str> = cell.split('`').collect();
        let [_, file, ": ", name, _] = words.as_slice() else {
            panic!("no test is named in: {row}");
        };
        let source = std::fs::read_to_string(root.join(file)).unwrap();
        assert!(
            source.contains(&format!("fn {name}(")),
            "{file} has no {name}"
        );
        named += 1;
    }
    assert_eq!(named, 31);
}
