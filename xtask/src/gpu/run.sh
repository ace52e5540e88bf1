#!/bin/sh
# Runs the pack on a machine with a GPU: correctness, then speed, then a training run that stops and goes on.
# Needs the driver and CUDA 13's libraries (cudart, cublas, curand, nvrtc); PyTorch for the comparison of speed.
set -eu
cd "$(dirname "$0")"
report=${1:-report}
mkdir -p "$report"
nvidia-smi >"$report/gpu.txt"

echo "== correctness: the CPU's suites on the GPU, in double and single precision and bf16"
failed=
for suite in operations attention et_message et_layer equivariant isomorphism dense optimizer; do
    DD_TEST_DEVICE=cuda bin/$suite --test-threads 1 >"$report/$suite.txt" 2>&1 || failed="$failed $suite"
    cat "$report/$suite.txt"
done

echo "== speed: kernels by events, beside PyTorch eager and compiled"
bin/gpu_bench >"$report/kernels.jsonl"
if python3 -c 'import torch' 2>/dev/null; then
    python3 gpu_kernels.py "$report/kernels.jsonl" >"$report/kernels.md" || failed="$failed gpu_kernels.py"
    cat "$report/kernels.md"
else
    echo "no PyTorch: see $report/kernels.jsonl"
fi

echo "== training: 200 steps; then the same, stopped after 100 and gone on with"
bin/dnd data export --output "$report/conformers.csv"
pretrain() {
    bin/dnd pretrain --device cuda --input "$report/conformers.csv" --seed 1 --steps 200 "$@"
}
pretrain --output "$report/whole"
pretrain --output "$report/parts" --stop-after 100
pretrain --output "$report/parts"
cmp "$report/whole/model.safetensors" "$report/parts/model.safetensors" || failed="$failed training"
if [ -n "$failed" ]; then
    echo "== failed:$failed; see $report"
    exit 1
fi
echo "== all of it has run: $report"
