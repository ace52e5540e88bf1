"""Times the models here and in PyTorch, in turns, on the same weights and molecules, and prints Markdown tables.

    cargo build --release -p dnd
    cargo build --release -p dd-benches --examples
    python benches/peers/model_speed.py GOLDEN [--rounds 5] [--models et tokengt] [--threads 1 2] [--parts models] [--write]

GOLDEN is the folder of golden cases, whose `bench` has the batches. First outputs and gradients of both sides are
compared. Then each side is a process of its own, and in each round does its work once while the other is stopped.
A rate is the median over the rounds, a ratio the median of the ratios of each round. Peak memory is the most that a
process held, without what it held before it built the model. The parts `embedding` and `growth` are those of
`end_to_end.py` and `cost_growth.py`. `--write` puts the tables into docs/BENCHMARKS.md.
"""

import argparse
import itertools
import pathlib
import statistics
import sys

import torch
from safetensors.torch import load_file

import cost_growth
import end_to_end
import turns
from model_cases import PROGRAM, compare_with_program, in_bf16, is_equal, prepare, rounded_differences
from operations import count
from torch_worker import GEMM_SIZE
from turns import KEEP_MEMORY, Side, in_turns, rate, ratio_cells, table

MODELS = {
    "et": "equivariant transformer 256 x 8, 70 conformers",
    "et:whitened": "the same, whitened vectors",
    "tokengt": "TokenGT 768 x 12, 64 molecules",
    "student": "TokenGT 256 x 6, 64 molecules",
    "gin": "GIN 300 x 5, 64 molecules",
}
# What the peer is: the worker's variant, and its environment; and whether dense layers here are in bf16.
VARIANTS = {
    "plain": ("PyTorch", "eager", {}, False),
    "tuned": ("PyTorch tuned", "fused", KEEP_MEMORY, False),
    "compile": ("PyTorch compiled", "compile", KEEP_MEMORY, False),
    "here-bf16": ("PyTorch; here bf16", "eager", {}, True),
    "bf16": ("PyTorch bf16; here bf16", "bf16", KEEP_MEMORY, True),
}
# Losses of the first steps count as equal up to this; those of later steps part, as rounding errors grow.
LOSSES_EQUAL, LOSSES_EQUAL_BF16, STEPS_COMPARED = 1e-3, 2e-2, 4

COMMANDS = """```console
$ cargo build --release -p dnd
$ cargo build --release -p dd-benches --examples
$ python benches/peers/check_torch_models.py GOLDEN
$ python benches/peers/model_speed.py GOLDEN --write
```"""
NOTES = f"""PyTorch {torch.__version__} on {turns.processor()}; float32 on both sides unless said.
"PyTorch" is the model in the usual eager form. "Tuned" has PyTorch's fused attention and AdamW, and an allocator that
keeps freed memory, which spares most page faults and costs memory. "Compiled" and "bf16" (autocast) are tuned too.
"Here bf16": dense layers multiply numbers rounded to bf16 (`--bf16`), all else is in float32.
A step is forward, backward and AdamW; no dropout, so that both sides can be compared number by number. The loss is
the denoising loss (transformer), the square difference from a fixed target of the graph token (TokenGT 768 x 12,
as in supervised training) or of every atom (the others, as in distillation).
Shares of the peak: operations that the model needs (products and sums of matrices, messages and attention; a pair of
atoms has one filter, padding does not count, a step counts as three forward passes), per second, as a share of the
fastest product of two {GEMM_SIZE} x {GEMM_SIZE} matrices by PyTorch in the same run."""


EQUALITY = """Largest differences from PyTorch in float64, relative to the largest entry of each tensor, on 16 molecules:
outputs and loss, and gradients of all parameters. In float32 both are compared with float64: ours
must be within ten times PyTorch's own error. In bf16 both are told; PyTorch's is autocast."""


def check_equal(models, golden):
    """Rows of differences from PyTorch in float64, and whether all are small."""
    rows, equal = [], True
    for model in models:
        double, single, peer = compare_with_program(model, golden)
        compared = [double, single, peer, *rounded_differences(model, golden)]
        numbers = [number for found in compared for number in (found.output, found.gradients)]
        cells = [f"{number:.1e}" for number in numbers] + [""] * (10 - len(numbers))
        rows.append([MODELS.get(model, model), *cells, double.count])
        good = is_equal(double, single, peer)
        print(rows[-1], "" if good else f"DIFFERENT: {double.worst}, {single.worst}", file=sys.stderr, flush=True)
        equal &= good
    return rows, equal


def first_losses_differ(a, b):
    """The largest relative difference among the losses of the first steps of both sides."""
    losses = [[answer["loss"] for answer in side.answers[:STEPS_COMPARED]] for side in (a, b)]
    return max(abs(x - y) / abs(y) for x, y in zip(*losses))


def measure(prepared, work, variant, threads, options, peaks):
    """One row: both sides in turns, and the peak of the matrix product in the same rounds."""
    name, worker, environment, rounded = VARIANTS[variant]
    files = [prepared.inputs, prepared.weights]
    script = [sys.executable, turns.HERE / "torch_worker.py"]
    there = [*script, prepared.spec.text, work, *files, "--variant", worker, "--threads", threads]
    gemm = [*script, "-", "gemm", "-", "-", "--threads", threads]
    here = [PROGRAM, in_bf16(prepared.spec) if rounded else prepared.spec.text, work, *files]
    with (
        Side(there, threads, environment) as theirs,
        Side(here, threads) as ours,
        Side(gemm, threads) as product,
    ):
        times = in_turns([theirs, ours, product], options.rounds, options.clock)
        molecules = ours.answers[0]["molecules"]
        assert molecules == theirs.answers[0]["molecules"]
        if work == "step":
            difference = first_losses_differ(ours, theirs)
            if not difference < (LOSSES_EQUAL_BF16 if rounded else LOSSES_EQUAL):
                sys.exit(f"{prepared.spec.text}, {name}: losses of the first steps differ by {difference:.1e}")
        peaks.setdefault(threads, []).append(2 * GEMM_SIZE**3 / min(times[2]))
        needed = count(prepared.spec, load_file(prepared.inputs))[work == "step"]
        shares = [needed / statistics.median(found) for found in times[:2]]
        memory = [theirs.gigabytes(), ours.gigabytes()]
    return {
        "cells": [work, threads, name, rate(molecules, times[0]), rate(molecules, times[1])],
        "ratio": ratio_cells(times[0], times[1]),
        "memory": memory,
        "shares": shares,
        "threads": threads,
    }


def speed_table(rows, peaks):
    head = ["Work", "Threads", "Peer", "Peer, mol/s", "Here, mol/s", "Ratio", "From, to"]
    head += ["Peer, peak GB", "Here, peak GB", "Peer, share of GEMM peak", "Here, share"]
    lines = []
    for row in rows:
        peak = max(peaks[row["threads"]])
        shares = [f"{share / peak:.0%}" for share in row["shares"]]
        memory = [f"{gigabytes:.2f}" for gigabytes in row["memory"]]
        lines.append([*row["cells"], *row["ratio"], *memory, *shares])
    return table(head, lines)


def report(options):
    equalities, equal = check_equal(options.models, options.golden)
    parts, peaks, found = [], {}, {}
    for model in options.models:
        prepared = prepare(model, options.golden)
        for work, threads, variant in itertools.product(options.work, options.threads, options.variants):
            if VARIANTS[variant][3] and prepared.spec.name == "et":
                continue  # computes in float32 alone
            row = measure(prepared, work, variant, threads, options, peaks)
            found.setdefault(model, []).append(row)
            print(model, row, file=sys.stderr, flush=True)
    each = [f"{max(values) / 1e9:.0f} GFLOP/s on {threads}" for threads, values in sorted(peaks.items())]
    peak = f"peak of the matrix product {', '.join(each)} threads"
    for model, rows in found.items():
        title = MODELS.get(model, model)
        parts.append(f"{title[0].upper() + title[1:]} ({peak}):\n\n{speed_table(rows, peaks)}")
    head = ["Model"]
    for side in ("Here, float64", "Here, float32", "PyTorch, float32", "Here, bf16", "PyTorch, bf16"):
        head += [side, "gradients"]
    head.append("Tensors")
    equality = f"{EQUALITY}\n\n{table(head, equalities)}"
    if not equal:
        sys.exit(f"{table(head, equalities)}\nthe sides differ")
    return "\n\n".join([COMMANDS, NOTES, *parts, equality])


def embedding(options):
    source = options.golden / "bench/drug_like_5k.smi.gz"
    return end_to_end.report(source, 2000, options.rounds, options.threads)


def growth(options):
    """The growth of cost; the picture goes where the document shows it."""
    arguments = argparse.Namespace(
        golden=options.golden, models=["et", "student"], rounds=3, records=1000, clock=options.clock, peer=True
    )
    text, picture = cost_growth.report(arguments)
    if options.write:
        (turns.BENCHMARKS.parent / PICTURE).write_text(picture)
    return f"{text}\n\n![growth of the cost]({PICTURE})"


PICTURE = "images/cost_growth.svg"
PARTS = {
    "models": ("Models", report),
    "embedding": ("From SMILES to embeddings", embedding),
    "growth": ("Growth of the cost", growth),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("golden", type=pathlib.Path, metavar="GOLDEN")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--models", nargs="+", default=[*MODELS])
    parser.add_argument("--work", nargs="+", default=["forward", "step"], choices=["forward", "step"])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--variants", nargs="+", default=["plain", "tuned", "here-bf16", "bf16"], choices=[*VARIANTS])
    parser.add_argument("--clock", default="wall_s", choices=["wall_s", "cpu_s"], help="cpu_s on a busy machine")
    parser.add_argument("--parts", nargs="+", default=[*PARTS], choices=[*PARTS])
    parser.add_argument("--write", action="store_true", help="into docs/BENCHMARKS.md")
    options = parser.parse_args()
    for part in options.parts:
        title, make = PARTS[part]
        text = f"## {title}\n\n{make(options)}"
        print(text, flush=True)
        if options.write:
            turns.write_section(part, text)


if __name__ == "__main__":
    main()
