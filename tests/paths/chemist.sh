#!/usr/bin/env bash
# A chemist has a table and no wish to program: models with a report, then predictions that say how far to trust them.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
start=$SECONDS
cd "$root"

cargo build --release --quiet
dnd="${CARGO_TARGET_DIR:-$root/target}/release/dnd"
cd "$work"
"$dnd" data export --output all.csv
head -n 301 all.csv | cut -d, -f2,8,9 > data.csv
head -n 1 data.csv
"$dnd" finetune data.csv --output gap --split random --epochs 8 --ensemble 3
test -s gap/report.html

printf 'CCO\nc1ccccc1O\nnot a molecule\n' > new.smi
code=0
"$dnd" predict --input new.smi --model gap --output predictions.csv --explain why || code=$?
test "$code" -eq 3 # one row has no answer
cat predictions.csv
grep -q "^1,c1ccccc1O,ok," predictions.csv
grep -q "^2,not,error," predictions.csv
ls why
echo "the chemist's path: $((SECONDS - start)) s"
