"""Embeddings of converted published weights beside PyTorch's, for every checkpoint and molecule.

    python benches/peers/published_weights.py FOLDER_OF_CHECKPOINTS MOLECULES.smi.gz [--limit 1000] [--dnd PROGRAM]
    python benches/peers/published_weights.py FOLDER_OF_CHECKPOINTS MOLECULES.smi.gz --limit 20 --expected FILE.json

Each checkpoint is converted by `dnd convert`, without a configuration; `dnd embed` embeds the molecules, and PyTorch does so
with the same file in double precision. A molecule that the original refuses must be refused by `dnd` too, and no other.
Prints a Markdown table; exits with 1 when the refusals differ, when `dnd embed --double` is off by more than 1e-5, or when
single precision is off by more than 1e-5 and more than ten times what PyTorch's own single precision is. With `--expected` PyTorch's
embeddings are written for the tests, and nothing is compared.
"""

import argparse
import csv
import gzip
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from rdkit import RDLogger

from torch_models import chemprop_model, mol_clr, pretrain_gnn

BOUND = 1e-5
MARGIN = 10
# File, and the network that is known to be in it.
CHECKPOINTS = [
    ("pretrain-gnns_chem_gcn_contextpred.pth", ("pretrain", "gcn")),
    ("pretrain-gnns_chem_gcn_supervised_contextpred.pth", ("pretrain", "gcn")),
    ("pretrain-gnns_chem_graphsage_supervised_contextpred.pth", ("pretrain", "graphsage")),
    ("pretrain-gnns_chem_gat_supervised_contextpred.pth", ("pretrain", "gat")),
    ("molclr_gcn.pth", ("molclr", "gcn")),
    ("chemprop_example_model_v2_regression_mol.pt", ("chemprop", "regression")),
    ("chemprop_example_model_v2_classification_mol.pt", ("chemprop", "classification")),
]
BATCH = 64
# Of an embedding one number in so many is written for the tests, which keeps the file small.
STRIDE = 16


def molecules(path, limit):
    opened = gzip.open(path, "rt") if path.suffix == ".gz" else open(path)
    with opened as lines:
        return [line.split()[0] for line in lines if line.strip()][:limit]


def featurized(smiles, featurize):
    """The graph of each row, or `None` where the original has none."""
    graphs = []
    for text in smiles:
        try:
            graphs.append(featurize(text))
        except (ValueError, IndexError):
            graphs.append(None)
    return graphs


def packed(graphs):
    """One graph of many, as PyTorch Geometric packs them."""
    offsets = np.cumsum([0] + [len(x) for x, _, _ in graphs])
    x = torch.cat([x for x, _, _ in graphs])
    edges = torch.cat([edges + int(first) for (_, edges, _), first in zip(graphs, offsets)], 1)
    bonds = torch.cat([bonds for _, _, bonds in graphs])
    batch = torch.repeat_interleave(torch.arange(len(graphs)), torch.tensor(np.diff(offsets)))
    return x, edges, bonds, batch


def reference(path, network, smiles, dtype):
    """Embeddings [R, D] (rows of NaN where there are none), and predictions or `None`."""
    family, kind = network
    if family == "chemprop":
        model, featurize = chemprop_model.load(path), chemprop_model.graph
    else:
        model = pretrain_gnn.PretrainGnn(kind) if family == "pretrain" else mol_clr.MolClr(kind)
        model.load_state_dict(torch.load(path, map_location="cpu"), strict=True)
        featurize = pretrain_gnn.graph
    model = model.to(dtype).eval()
    graphs = featurized(smiles, featurize)
    rows = [row for row, graph in enumerate(graphs) if graph is not None]
    embeddings, predictions = {}, {}
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        chosen = [graphs[row] for row in part]
        if family == "chemprop":
            _, vectors, outputs = chemprop_model.answers(model, chosen)
            predictions.update(zip(part, outputs.numpy()))
        else:
            with torch.no_grad():
                vectors = model(*packed(chosen))[1]
        embeddings.update(zip(part, vectors.numpy()))

    def table(values):
        empty = np.full(len(values[rows[0]]), np.nan)
        return np.array([values.get(row, empty) for row in range(len(smiles))], dtype=np.float64)

    return table(embeddings), table(predictions) if predictions else None


def run(program, *arguments):
    """Runs `dnd`; some rows may fail (3), nothing else may."""
    done = subprocess.run([*program, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode not in (0, 3):
        sys.exit(f"{' '.join(map(str, arguments))}: {done.stderr}")
    return done.stderr


def difference(ours, theirs):
    """Largest difference over the rows that both have; rows that only one of them has."""
    ours_missing, theirs_missing = np.isnan(ours).any(1), np.isnan(theirs).any(1)
    both = ~(ours_missing | theirs_missing)
    return np.abs(ours[both] - theirs[both]).max(), np.flatnonzero(ours_missing != theirs_missing)


def compare(folder, file, network, smiles, arguments, scratch):
    path, model = folder / file, scratch / Path(file).stem
    program = arguments.dnd.split()
    told = run(program, "convert", "-i", path, "-o", model)
    listed = scratch / "molecules.smi"
    listed.write_text("\n".join(smiles) + "\n")
    out = scratch / "embeddings.npy"
    run(program, "embed", "-i", listed, "-m", model, "-o", out)
    ours = np.load(out).astype(np.float64)
    run(program, "embed", "--double", "-i", listed, "-m", model, "-o", out)
    ours_double = np.load(out).astype(np.float64)
    exact, predicted = reference(path, network, smiles, torch.float64)
    single, _ = reference(path, network, smiles, torch.float32)
    worst, odd = difference(ours, exact)
    worst_double, _ = difference(ours_double, exact)
    own, _ = difference(single, exact)
    scale = np.nanmax(np.abs(exact))
    failed = worst_double > BOUND or worst > max(BOUND, MARGIN * own) or len(odd) > 0
    rows = int((~np.isnan(exact).any(1)).sum())
    line = f"| `{file}` | {rows} | {scale:.2f} | {worst_double:.1e} | {worst:.1e} | {own:.1e} |"
    if predicted is not None:
        answers = scratch / "predictions.csv"
        run(program, "predict", "-i", listed, "-m", model, "-o", answers)
        with open(answers, newline="") as lines:
            rows_of_answers = list(csv.DictReader(lines))
        columns = [name for name in rows_of_answers[0] if name.startswith("target_")]
        ours = np.array([[float(row[name] or "nan") for name in columns] for row in rows_of_answers])
        off, odd_predictions = difference(ours, predicted)
        failed |= off > BOUND * max(1, np.nanmax(np.abs(predicted))) or len(odd_predictions) > 0
        line += f" {off:.1e} |"
    else:
        line += " |"
    print(line, flush=True)
    for row in odd[:5]:
        print(f"  only one of the two has row {row}: {smiles[row]}")
    return failed, told


def write_expected(arguments, smiles):
    cases = {}
    for file, network in CHECKPOINTS:
        vectors, _ = reference(arguments.checkpoints / file, network, smiles, torch.float64)
        cases[file] = {"molecules": [[float(f"{x:.9g}") for x in row[::STRIDE]] for row in vectors]}
    arguments.expected.write_text(json.dumps({"smiles": smiles, "cases": cases}) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoints", type=Path)
    parser.add_argument("molecules", type=Path)
    parser.add_argument("--limit", type=int, default=1000)
    parser.add_argument("--dnd", default="cargo run --quiet --release --")
    parser.add_argument("--expected", type=Path)
    arguments = parser.parse_args()
    RDLogger.DisableLog("rdApp.*")
    torch.manual_seed(0)
    smiles = molecules(arguments.molecules, arguments.limit)
    if arguments.expected:
        return write_expected(arguments, smiles)
    print("| Checkpoint | Molecules | Largest number | `--double` | single | PyTorch, single | `dnd predict` |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    failed = False
    with tempfile.TemporaryDirectory() as scratch:
        for file, network in CHECKPOINTS:
            if (arguments.checkpoints / file).is_file():
                failed |= compare(arguments.checkpoints, file, network, smiles, arguments, Path(scratch))[0]
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
