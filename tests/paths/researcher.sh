#!/usr/bin/env bash
# A researcher has a new architecture: copy the example, change it, have it checked and trained.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
start=$SECONDS
cd "$root"

mine=crates/dd-train/examples/my_encoder.rs
trap 'rm -f "$mine"' EXIT
sed -e 's/\.tanh()/.relu()/' -e 's/tanh(/relu(/' crates/dd-train/examples/custom_encoder.rs > "$mine"
grep -q '\.relu()' "$mine"
cargo build --release --quiet --workspace --example my_encoder
"${CARGO_TARGET_DIR:-target}/release/examples/my_encoder"
echo "the researcher's path: $((SECONDS - start)) s"
