"""Small random networks of published architectures with PyTorch's own answers, for the tests of `dnd convert`.

    python benches/peers/weights_fixtures.py crates/dd-encoder2d/tests/fixtures/weights

Writes each network in one of PyTorch's two formats (GCN in both) and `expected.json`: vectors of molecules and of the
first molecule's atoms, computed by PyTorch in double precision on weights in single precision. Batch norms have seen some
batches in training, as those of published weights have.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from published_weights import packed
from torch_models import chemprop_model
from torch_models.mol_clr import MolClr
from torch_models.pretrain_gnn import PretrainGnn, graph

# After `chemprop_model`, which makes chemprop importable.
from chemprop import nn as chemprop_nn
from chemprop.models import MPNN, save_model

SMILES = [
    "C/C=C/[C@@H](O)C#N",
    "C[C@H](N)C(=O)O",
    "c1ccc2[nH]ccc2c1",
    "F/C(Cl)=C(\\Br)I",
    "[Na+].[O-]S(=O)(=O)c1ccccc1",
    "C[N+](C)(C)CC[18F]",
    "O",
    "B1OC(C)(C)C(C)(C)O1",
]
WIDTH, LAYERS, FEATURES = 8, 2, 12


def seen_batches(forward, model):
    """Lets the batch norms see the molecules a few times."""
    model.train()
    with torch.no_grad():
        for _ in range(60):
            forward()
    return model.eval()


def atom_type(model, path, zipped):
    """Saves a network over atom types; its answers."""
    graphs = [graph(smiles) for smiles in SMILES]
    seen_batches(lambda: model(*packed(graphs)), model)
    torch.save(model.state_dict(), path, _use_new_zipfile_serialization=zipped)
    with torch.no_grad():
        nodes, vectors = model.double()(*packed(graphs))
    return {"molecules": vectors.tolist(), "atoms": nodes[: len(graphs[0][0])].tolist()}


def chemprop(model, path):
    """Saves a model of chemprop; its answers."""
    graphs = [chemprop_model.graph(smiles) for smiles in SMILES]
    seen_batches(lambda: chemprop_model.answers(model, graphs), model)
    save_model(path, model)
    nodes, vectors, outputs = chemprop_model.answers(model.double(), graphs)
    return {
        "molecules": vectors.tolist(),
        "atoms": nodes[: len(graphs[0].V)].tolist(),
        "predictions": outputs.tolist(),
    }


def regression():
    scale = chemprop_nn.transforms.UnscaleTransform(np.array([1.5, -2.0]), np.array([0.5, 3.0]))
    return MPNN(
        chemprop_nn.BondMessagePassing(d_h=WIDTH, depth=3),
        chemprop_nn.MeanAggregation(),
        chemprop_nn.RegressionFFN(n_tasks=2, input_dim=WIDTH, hidden_dim=6, output_transform=scale),
        batch_norm=True,
    )


def classification():
    return MPNN(
        chemprop_nn.BondMessagePassing(d_h=WIDTH, depth=4, bias=True, undirected=True, activation="tanh"),
        chemprop_nn.NormAggregation(norm=10.0),
        chemprop_nn.BinaryClassificationFFN(n_tasks=3, input_dim=WIDTH, hidden_dim=6),
        batch_norm=False,
    )


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(7)
    cases = {}
    for kind, zipped in [("gin", True), ("gcn", False), ("graphsage", False), ("gat", False)]:
        name = f"pretrain_{kind}.pth"
        cases[name] = atom_type(PretrainGnn(kind, WIDTH, LAYERS), folder / name, zipped)
    for kind in ("gcn", "gin"):
        name = f"molclr_{kind}.pth"
        cases[name] = atom_type(MolClr(kind, WIDTH, LAYERS, FEATURES), folder / name, True)
    for name, model in [("chemprop_regression.pt", regression()), ("chemprop_classification.pt", classification())]:
        cases[name] = chemprop(model, folder / name)
    # The same weights in the other format, as dnd must not see a difference.
    weights = torch.load(folder / "pretrain_gcn.pth")
    torch.save({"epoch": 3, "state_dict": weights}, folder / "pretrain_gcn_zip.ckpt")
    cases["pretrain_gcn_zip.ckpt"] = cases["pretrain_gcn.pth"]
    text = json.dumps({"smiles": SMILES, "cases": cases}, indent=0)
    (folder / "expected.json").write_text(text + "\n")
    for path in sorted(folder.iterdir()):
        print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
