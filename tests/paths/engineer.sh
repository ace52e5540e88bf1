#!/usr/bin/env bash
# A Rust engineer wants molecular embeddings in a service: a new project, one dependency, a model that ships.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
start=$SECONDS

cargo init --quiet --name service "$work/service"
cd "$work/service"
cargo add --quiet --offline --path "$root/crates/dd-encoder2d" --features pretrained
cp "$root/Cargo.lock" .
cat > src/main.rs <<'RUST'
fn main() -> Result<(), dd_encoder2d::EncoderError> {
    let encoder = dd_encoder2d::Encoder::from_pretrained("gin-128-node")?;
    for row in encoder.embed_smiles(&["CCO", "c1ccccc1O", "not a molecule"]) {
        match row {
            Ok(embedding) => println!("{} atoms, {} numbers", embedding.atoms.nrows(), embedding.graph.len()),
            Err(error) => println!("{error}"),
        }
    }
    Ok(())
}
RUST
CARGO_TARGET_DIR="$root/target/paths" cargo run --release --quiet --offline > answer.txt

cat answer.txt
grep -q "3 atoms, 128 numbers" answer.txt
grep -q "7 atoms, 128 numbers" answer.txt
grep -q "row 2" answer.txt
echo "the engineer's path: $((SECONDS - start)) s"
