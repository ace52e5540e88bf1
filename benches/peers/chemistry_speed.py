"""Times chemistry here and in RDKit, OGB and numpy, in turns, and prints Markdown tables.

    cargo build --release -p dd-benches --examples
    python benches/peers/chemistry_speed.py SMILES_FILE [--sdf SD_FILE] [--rounds 5] [--records 2000]

SMILES_FILE has one SMILES a line, gzipped or not. Both sides get the same records from memory and
use one core; what is compared is processor time, so that other work on the machine matters little.
In each round every task runs there, then here. A rate is the median over the rounds, a ratio the
median of the ratios of each round, with the lowest and the highest.
"""

import argparse
import gzip
import json
import os
import pathlib
import platform
import statistics
import subprocess
import tempfile
import time

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import numpy as np  # noqa: E402
import rdkit  # noqa: E402
from ogb.utils.mol import smiles2graph  # noqa: E402
from rdkit import Chem, RDLogger  # noqa: E402
from rdkit.Chem.Scaffolds.MurckoScaffold import MurckoScaffoldSmiles  # noqa: E402

RDLogger.DisableLog("rdApp.*")
EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "target/release/examples"
NUM_EIGENVECTORS = 16


def each(work):
    """Does the work with every line; returns how many succeeded."""

    def run(text):
        done = 0
        for line in text.splitlines():
            try:
                done += work(line) is not None
            except Exception:  # a record that the peer refuses with any error
                pass
        return done

    return run


def eigenvectors(smiles):
    """The graph, and the first eigenvectors of its normalised Laplacian as TokenGT finds them."""
    graph = smiles2graph(smiles)
    size = graph["num_nodes"]
    adjacency = np.zeros((size, size), dtype=np.float32)
    adjacency[tuple(graph["edge_index"])] = 1
    scale = np.diag(adjacency.sum(1).clip(1) ** -0.5)
    _, vectors = np.linalg.eigh(np.eye(size, dtype=np.float32) - scale @ adjacency @ scale)
    return graph, vectors[:, :NUM_EIGENVECTORS]


def sd_records(text):
    supplier = Chem.SDMolSupplier()
    supplier.SetData(text)
    return sum(molecule is not None for molecule in supplier)


def canonical(smiles):
    return Chem.MolToSmiles(Chem.MolFromSmiles(smiles))


# Task of the program, what it is, the peer, the peer's form of it.
TASKS = [
    ("parse", "SMILES to molecule", "RDKit `MolFromSmiles`", each(Chem.MolFromSmiles)),
    ("graph", "SMILES to OGB graph", "OGB `smiles2graph`", each(smiles2graph)),
    ("graph", "SMILES to OGB graph", "RDKit `MolFromSmiles` alone", each(Chem.MolFromSmiles)),
    ("eigenvectors", "... and 16 Laplacian eigenvectors", "OGB, numpy `eigh`", each(eigenvectors)),
    ("canonical", "SMILES to canonical SMILES", "RDKit", each(canonical)),
    ("scaffold", "SMILES to scaffold SMILES", "RDKit `MurckoScaffoldSmiles`", each(MurckoScaffoldSmiles)),
    ("sdf", "SD records to molecules", "RDKit `SDMolSupplier`", sd_records),
]


def read(path, delimiter, limit):
    """The first records of a file."""
    opened = gzip.open(path, "rt") if path.suffix == ".gz" else open(path)
    lines, records = [], 0
    with opened as file:
        for line in file:
            lines.append(line)
            records += delimiter is None or line.startswith(delimiter)
            if records == limit:
                break
    return "".join(lines)


def here(program, *arguments):
    result = subprocess.run([EXAMPLES / program, *map(str, arguments)], check=True, capture_output=True, text=True)
    return [json.loads(line) for line in result.stdout.splitlines()]


def there(run, text):
    start = time.process_time()
    done = run(text)
    return done / (time.process_time() - start)


def compare(text, path, tasks, rounds, seconds):
    """Rows of the table: description, peer, both rates, ratio, lowest and highest ratio."""
    rows = []
    for task, what, peer, run in tasks:
        [first] = here("chemistry_rates", task, path)
        repeats = max(1, round(seconds / max(first["cpu_s"], 1e-3)))
        theirs, ours = [], []
        for _ in range(rounds):
            theirs.append(there(run, text))
            [found] = here("chemistry_rates", task, path, repeats)
            ours.append(found["done"] / found["cpu_s"])
        ratios = sorted(our / their for our, their in zip(ours, theirs))
        speed = found["bytes"] / found["done"] * statistics.median(ours) / 1e6
        extra = f" ({speed:,.0f} MB/s)" if task == "sdf" else ""
        rows.append(
            f"| {what} | {peer} | {statistics.median(theirs):,.0f} | {statistics.median(ours):,.0f}{extra} "
            f"| {statistics.median(ratios):.1f} | {ratios[0]:.1f} to {ratios[-1]:.1f} |"
        )
    return rows


def scaling(path, rounds, threads, repeats):
    """Rates by the clock on one thread and on several, in turns."""
    rows = []
    for task in ("parse", "graph", "eigenvectors"):
        rates = {number: [] for number in (1, threads)}
        for _ in range(rounds):
            for number, found in rates.items():
                [line] = here("chemistry_rates", task, path, repeats, number)
                found.append(line["done"] / line["wall_s"])
        one, many = (statistics.median(found) for found in rates.values())
        rows.append(f"| {task} | {one:,.0f} | {many:,.0f} | {many / one:.2f} |")
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("smiles", type=pathlib.Path)
    parser.add_argument("--sdf", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--records", type=int, default=2000, help="of each file")
    parser.add_argument("--seconds", type=float, default=1, help="of processor time here, per task and round")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, RDKit {rdkit.__version__}, numpy {np.__version__}.\n")
    with tempfile.TemporaryDirectory() as folder:
        rows = []
        lines = pathlib.Path(folder, "records.smi")
        text = read(options.smiles, None, options.records)
        lines.write_text(text)
        rows += compare(text, lines, [t for t in TASKS if t[0] != "sdf"], options.rounds, options.seconds)
        if options.sdf:
            path = pathlib.Path(folder, "records.sdf")
            text = read(options.sdf, "$$$$", options.records)
            path.write_text(text)
            rows += compare(text, path, [t for t in TASKS if t[0] == "sdf"], options.rounds, options.seconds)
        print("| What | Peer | Peer, records/s | Here, records/s | Ratio | From, to |")
        print("|---|---|---|---|---|---|")
        print("\n".join(rows))
        print(f"\n| Task | 1 thread, records/s | {options.threads} threads | Gain |\n|---|---|---|---|")
        print("\n".join(scaling(lines, options.rounds, options.threads, 20)))
        print("\n| Task | Allocations per molecule | Bytes |\n|---|---|---|")
        for line in here("chemistry_allocations", lines):
            print(f"| {line['task']} | {line['allocations']:.1f} | {line['bytes']:,.0f} |")


if __name__ == "__main__":
    main()
