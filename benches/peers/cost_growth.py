"""How the cost of a training step grows with molecules, atoms, width, depth and threads; a table and a picture.

    cargo build --release -p dnd
    cargo build --release -p dd-benches --examples
    python benches/peers/cost_growth.py GOLDEN [--models et student] [--rounds 3] [--peer] [--svg FILE]

Each series changes one thing of a batch or a model. The exponent is the slope of log(seconds) over log(size) by least
squares: 1 is linear. `--peer` times PyTorch in turns. Series: number of molecules; atoms per molecule (cubes of carbon
atoms, the same number of atoms in all); width; depth; threads; tokens per batch (`dnd embed`).
"""

import argparse
import gzip
import math
import os
import pathlib
import statistics
import sys
import tempfile

import torch
from safetensors.torch import load_file, save_file

import turns
from model_cases import INPUTS, PROGRAM, TARGET, Spec, first_molecules, prepare
from turns import KEEP_MEMORY, Side, in_turns, table

MOLECULES = {"et": [4, 9, 18, 35, 70], "student": [4, 8, 16, 32, 64], "tokengt": [2, 4, 8, 16]}
WIDTHS = {"et": [64, 128, 256, 512], "student": [64, 128, 256, 512], "tokengt": [192, 384, 768]}
LAYERS = {"et": [1, 2, 4, 8], "student": [1, 3, 6, 12], "tokengt": [1, 3, 6, 12]}
# Molecules of the batches for width, depth and threads: small enough to be quick, large enough to be typical.
FEW = 16
# Cubes of atoms for the growth with a molecule's size, and atoms in a batch of them.
SIDES, ATOMS = [2, 3, 4, 5, 6], 500
BATCH_TOKENS = [256, 1024, 4096, 16384]
NAMES = {"et": "transformer 256 x 8", "student": "TokenGT 256 x 6", "tokengt": "TokenGT 768 x 12", "embed": "embed"}


def lattice(side, teacher):
    """About `ATOMS` carbon atoms in cubes of `side`^3 atoms, 1.6 angstrom apart, bonded to the next ones."""
    places = torch.cartesian_prod(*[torch.arange(side)] * 3)
    size = len(places)
    copies = max(1, round(ATOMS / size))
    if teacher:
        noise = torch.randn(copies * size, 3, generator=torch.Generator().manual_seed(0)) * 0.04
        return {
            "z": torch.full((copies * size,), 6),
            "pos": 1.6 * places.float().repeat(copies, 1),
            "noise": noise,
            "batch": torch.arange(copies).repeat_interleave(size),
        }
    apart = (places.unsqueeze(0) - places.unsqueeze(1)).abs().sum(-1)
    edges = (apart == 1).nonzero().t()
    scale = torch.diag((apart == 1).sum(1).double() ** -0.5)
    laplacian = torch.eye(size, dtype=torch.float64) - scale @ (apart == 1).double() @ scale
    vectors = torch.linalg.eigh(laplacian)[1][:, :16].float()
    carbon = torch.tensor([5, 0, 4, 5, 0, 0, 2, 0, 1])
    shift = 512 * torch.arange(9) + 2
    node_feat, edge_feat = carbon.repeat(copies * size, 1), torch.tensor([0, 0, 0]).repeat(copies * edges.shape[1], 1)
    return {
        "node_feat": node_feat,
        "node_data": node_feat + shift,
        "edge_feat": edge_feat,
        "edge_data": edge_feat + shift[:3],
        "edge_index": edges.repeat(1, copies),
        "node_num": torch.full((copies,), size),
        "edge_num": torch.full((copies,), edges.shape[1]),
        "lap_eigvec": torch.nn.functional.pad(vectors, (0, max(0, 16 - size))).repeat(copies, 1),
    }


class Series:
    """Seconds of one repetition against one size."""

    def __init__(self, model, what, sizes):
        self.model, self.what, self.sizes = model, what, sizes
        self.seconds = {}

    def add(self, who, seconds):
        self.seconds.setdefault(who, []).append(seconds)

    def exponent(self, who):
        points = [(math.log(x), math.log(y)) for x, y in zip(self.sizes, self.seconds[who])]
        mean_x, mean_y = (statistics.fmean(axis) for axis in zip(*points))
        spread = sum((x - mean_x) ** 2 for x, _ in points)
        return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread


class Runner:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder

    def run(self, series, text, tensors, threads=1, per=1.0):
        """Adds a point: a step of the model on the batch, in seconds per `per`."""
        inputs = self.folder / "inputs.safetensors"
        save_file(tensors, inputs)
        prepared = prepare(text, self.options.golden, inputs)
        files = [inputs, prepared.weights]
        with Side([PROGRAM, text, "step", *files], threads) as ours:
            sides = [ours]
            if self.options.peer:
                worker = [sys.executable, turns.HERE / "torch_worker.py", text, "step", *files]
                worker += ["--variant", "fused", "--threads", threads]
                sides.append(Side(worker, threads, KEEP_MEMORY))
            times = in_turns(sides, self.options.rounds, self.options.clock, least_seconds=0.3)
            for side in sides[1:]:
                side.__exit__()
        for who, found in zip(["here", "PyTorch tuned"], times):
            series.add(who, statistics.median(found) / per)
        print(series.model, series.what, series.seconds, file=sys.stderr, flush=True)

    def of_model(self, model):
        all_of_them = load_file(self.options.golden / INPUTS[Spec(model).name])
        few = first_molecules(all_of_them, FEW)
        found = []
        series = Series(model, "molecules", MOLECULES[model])
        for count in series.sizes:
            self.run(series, model, first_molecules(all_of_them, count))
        found.append(series)
        series = Series(model, "atoms per molecule, time per atom", [side**3 for side in SIDES])
        for side in SIDES:
            batch = lattice(side, Spec(model).name == "et")
            self.run(series, model, batch, per=len(batch.get("z", batch.get("node_feat"))))
        found.append(series)
        for what, key, sizes in [("width", "width", WIDTHS[model]), ("layers", "layers", LAYERS[model])]:
            series = Series(model, what, sizes)
            for size in sizes:
                self.run(series, f"{model}:{key}={size}", few)
            found.append(series)
        cores = [threads for threads in (1, 2, 4, 8, 16) if threads <= (os.cpu_count() or 1)]
        if len(cores) > 1 and self.options.clock == "wall_s":
            series = Series(model, "threads", cores)
            for threads in cores:
                self.run(series, model, few, threads)
            found.append(series)
        return found

    def of_embedding(self):
        """Seconds per molecule of `dnd embed` against its budget of tokens."""
        from end_to_end import program, write_folder

        model = self.folder / "student"
        model.mkdir()
        write_folder("student", model)
        source = self.options.golden / "bench/drug_like_5k.smi.gz"
        records = self.folder / "records.smi"
        with gzip.open(source, "rt") as file:
            lines = [line for line, _ in zip(file, range(self.options.records))]
        records.write_text("".join(lines))
        series = Series("student", "tokens per batch, `dnd embed`", BATCH_TOKENS)
        command = [TARGET / "release/dnd", "--quiet", "embed", "--input", records, "--model", model]
        command += ["--output", self.folder / "out.npy", "--batch-tokens"]
        for budget in series.sizes:
            times = [program([*command, budget], 1)[0] for _ in range(self.options.rounds)]
            series.add("here", statistics.median(times) / len(lines))
        return series


def number(value):
    """Three digits, without exponents."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def rows(series):
    for who, seconds in series.seconds.items():
        points = "; ".join(f"{number(size)}: {number(1e3 * value)}" for size, value in zip(series.sizes, seconds))
        yield [NAMES[series.model], series.what, who, points, f"{series.exponent(who):.2f}"]


COLOURS = {"here": "#0b6e99", "PyTorch tuned": "#b5532a"}
CELL, MARGIN = (250, 170), 46


def picture(found):
    """One small plot for each series, both axes logarithmic, as a self-contained SVG."""
    columns = 3
    width = columns * CELL[0] + 20
    height = -(-len(found) // columns) * CELL[1] + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="10">',
        "<title>Growth of the cost of a training step</title>",
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for place, (who, colour) in enumerate(COLOURS.items()):
        if any(who in series.seconds for series in found):
            x = 20 + 120 * place
            parts.append(f'<circle cx="{x}" cy="14" r="4" fill="{colour}"/><text x="{x + 8}" y="18">{who}</text>')
    parts.append(f'<text x="{width - 10}" y="18" text-anchor="end">milliseconds, logarithmic axes</text>')
    for index, series in enumerate(found):
        left, top = 10 + index % columns * CELL[0], 30 + index // columns * CELL[1]
        parts.append(f'<g transform="translate({left} {top})">{plot(series)}</g>')
    return "\n".join([*parts, "</svg>\n"])


def plot(series):
    values = [1e3 * value for seconds in series.seconds.values() for value in seconds]
    span_x, span_y = spread(series.sizes), spread(values)
    box = (MARGIN, 20, CELL[0] - 14, CELL[1] - 34)

    def at(x, y):
        u = (math.log(x) - span_x[0]) / (span_x[1] - span_x[0])
        v = (math.log(y) - span_y[0]) / (span_y[1] - span_y[0])
        return box[0] + u * (box[2] - box[0]), box[3] - v * (box[3] - box[1])

    parts = [
        f'<text x="{box[0]}" y="12" font-weight="bold">{NAMES[series.model]}</text>',
        f'<path d="M{box[0]} {box[1]}V{box[3]}H{box[2]}" fill="none" stroke="#888"/>',
        f'<text x="{(box[0] + box[2]) / 2}" y="{CELL[1] - 8}" text-anchor="middle">{series.what.replace("`", "")}</text>',
    ]
    for size in series.sizes:
        x, _ = at(size, values[0])
        parts.append(f'<text x="{x:.1f}" y="{box[3] + 12}" text-anchor="middle">{number(size)}</text>')
    for value in (min(values), max(values)):
        _, y = at(series.sizes[0], value)
        parts.append(f'<text x="{box[0] - 4}" y="{y + 3:.1f}" text-anchor="end">{number(value)}</text>')
    for who, seconds in series.seconds.items():
        points = [at(size, 1e3 * value) for size, value in zip(series.sizes, seconds)]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{COLOURS[who]}" stroke-width="1.5"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{COLOURS[who]}"/>' for x, y in points]
    return "".join(parts)


def spread(values):
    """Logarithms of the ends of an axis, with some room."""
    low, high = math.log(min(values)), math.log(max(values))
    room = 0.06 * max(high - low, 1)
    return low - room, high + room


def report(options):
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner(options, pathlib.Path(folder))
        found = [series for model in options.models for series in runner.of_model(model)]
        found.append(runner.of_embedding())
    head = ["Model", "Size", "Who", "Milliseconds by size", "Exponent"]
    text = f"""A training step (for tokens per batch: one molecule of `dnd embed`); one thread where threads are not the size.
The exponent is the slope between logarithms of time and size: 1 is linear, 0 constant.
Atoms per molecule: {ATOMS} atoms in equal cubes, time of one atom, so that cost linear in the atoms gives 0.
Width, layers and threads: {FEW} molecules.

{table(head, [row for series in found for row in rows(series)])}"""
    return text, picture(found)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("golden", type=pathlib.Path, metavar="GOLDEN")
    parser.add_argument("--models", nargs="+", default=["et", "student"], choices=[*MOLECULES])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--records", type=int, default=1000, help="SMILES for `dnd embed`")
    parser.add_argument("--clock", default="wall_s", choices=["wall_s", "cpu_s"], help="cpu_s on a busy machine")
    parser.add_argument("--peer", action="store_true", help="time PyTorch too")
    parser.add_argument("--svg", type=pathlib.Path, help="where the picture goes")
    options = parser.parse_args()
    text, svg = report(options)
    print(text)
    if options.svg:
        options.svg.write_text(svg)


if __name__ == "__main__":
    main()
