"""SMILES file to embeddings: `dnd embed` against OGB's featurizer and PyTorch, on the same weights.

    cargo build --release -p dnd
    cargo build --release -p dd-benches --examples
    python benches/peers/end_to_end.py SMILES_FILE [--records 2000] [--rounds 3] [--threads 1 2]

SMILES_FILE has one SMILES a line, gzipped or not. Ours is the whole program, from its start to the written .npy file;
the peer's time is that of reading, featurising, encoding and writing, without the start of Python. Both batch molecules
of similar size under the same budget of tokens. Also printed is the share of the time that goes into chemistry.
Embeddings of GIN are compared; TokenGT's depend on the signs of eigenvectors, which are a convention of each side.
"""

import argparse
import gzip
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch
from ogb.utils.mol import smiles2graph
from safetensors.torch import save_file

import rule_weights
from model_cases import TARGET, Spec, relative
from torch_models.gin import Gin
from torch_models.token_gt import TokenGt
from turns import KEEP_MEMORY, rate, ratio_cells, table

BATCH_TOKENS = 8192
MODELS = {"student": "TokenGT 256 x 6", "gin": "GIN 300 x 5"}


def network(name):
    """The PyTorch network, and the prefix of its parameters in a model folder."""
    config = Spec(name).config()
    model, prefix = (Gin(config), "encoder.") if name == "gin" else (TokenGt(config, "fused"), "")
    rule_weights.fill(model, seed=1)
    return model.eval(), prefix


def write_folder(name, folder):
    """A model folder with the weights of `network`."""
    model, prefix = network(name)
    config = Spec(name).config()
    if name == "gin":
        fields = {"architecture": "gin", "width": config["width"], "num_layers": config["num_layers"], "dropout": 0.5}
        featurizer = {"kind": "ogb", "hydrogens": "remove", "laplacian": None}
    else:
        columns = config["lap_node_id_k"]
        fields = {
            "architecture": "token_gt",
            "width": config["encoder_embed_dim"],
            "num_layers": config["encoder_layers"],
            "num_heads": config["encoder_attention_heads"],
            "ffn_width": config["encoder_ffn_embed_dim"],
            "node_identifiers": {
                "kind": "laplacian",
                "columns": columns,
                "sign_flip": True,
                "eigen_dropout": 0.2,
            },
            "type_identifiers": True,
            "norm": "pre",
            "embedding_layer_norm": True,
            "final_layer_norm": True,
            "dropout": 0.0,
            "attention_dropout": 0.1,
            "activation_dropout": 0.1,
            "stochastic_depth": 0.1,
            "readout": "mean_pool",
        }
        featurizer = {"kind": "ogb", "hydrogens": "remove", "laplacian": columns}
    text = json.dumps({"schema": 1, **fields, "featurizer": featurizer, "targets": []})
    (folder / "config.json").write_text(text)
    weights = {prefix + key: value.contiguous() for key, value in model.state_dict().items()}
    save_file(weights, folder / "model.safetensors")


def eigenvectors(graph, columns):
    size = graph["num_nodes"]
    adjacency = np.zeros((size, size), dtype=np.float32)
    adjacency[tuple(graph["edge_index"])] = 1
    scale = np.diag(adjacency.sum(1).clip(1) ** -0.5)
    vectors = np.linalg.eigh(np.eye(size, dtype=np.float32) - scale @ adjacency @ scale)[1][:, :columns]
    return np.pad(vectors, ((0, 0), (0, columns - vectors.shape[1])))


def batches(graphs):
    """Indices of molecules of similar size, at most `BATCH_TOKENS` nodes and edges together."""
    sizes = [graph["num_nodes"] + graph["edge_index"].shape[1] for graph in graphs]
    batch, tokens = [], 0
    for index in sorted(range(len(graphs)), key=sizes.__getitem__):
        if batch and tokens + sizes[index] > BATCH_TOKENS:
            yield batch
            batch, tokens = [], 0
        batch.append(index)
        tokens += sizes[index]
    if batch:
        yield batch


def collate(name, graphs):
    """What the network reads."""
    cat = lambda key: torch.from_numpy(np.concatenate([graph[key] for graph in graphs]))  # noqa: E731
    node_num = torch.tensor([graph["num_nodes"] for graph in graphs])
    edge_num = torch.tensor([graph["edge_index"].shape[1] for graph in graphs])
    edge_index = torch.from_numpy(np.concatenate([graph["edge_index"] for graph in graphs], 1))
    given = {"node_num": node_num, "edge_num": edge_num, "node_feat": cat("node_feat"), "edge_feat": cat("edge_feat")}
    if name == "gin":
        given["edge_index"] = edge_index + (node_num.cumsum(0) - node_num).repeat_interleave(edge_num)
        given["batch"] = torch.arange(len(graphs)).repeat_interleave(node_num)
        return given
    rows = 512 * torch.arange(9) + 2
    given.update(edge_index=edge_index, identifiers=cat("eigenvectors"))
    given.update(node_data=given["node_feat"] + rows, edge_data=given["edge_feat"] + rows[:3])
    return given


def embed(name, source, output):
    """The peer's whole work; prints its seconds, and those of chemistry, as JSON."""
    model, _ = network(name)
    start = time.perf_counter()
    graphs = []
    for line in source.read_text().split():
        graph = smiles2graph(line)
        if name != "gin":
            graph["eigenvectors"] = eigenvectors(graph, Spec(name).config()["lap_node_id_k"])
        graphs.append(graph)
    chemistry = time.perf_counter() - start
    vectors = [None] * len(graphs)
    with torch.no_grad():
        for batch in batches(graphs):
            found = model(collate(name, [graphs[index] for index in batch]))[1].numpy()
            for index, vector in zip(batch, found):
                vectors[index] = vector
    np.save(output, np.stack(vectors))
    print(json.dumps({"seconds": time.perf_counter() - start, "chemistry": chemistry}))


def environment(threads):
    names = ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS", "CANDLE_NUM_THREADS"]
    return {**os.environ, **dict.fromkeys(names, str(threads)), **KEEP_MEMORY}


def program(command, threads):
    """Seconds and standard output of a program."""
    start = time.perf_counter()
    done = subprocess.run(
        list(map(str, command)), env=environment(threads), stdout=subprocess.PIPE, text=True, check=True
    )
    return time.perf_counter() - start, done.stdout


def measure(name, records, threads, rounds, folder):
    """A row of the table, and the largest difference of the embeddings."""
    model = folder / name
    model.mkdir(exist_ok=True)
    write_folder(name, model)
    ours_file, theirs_file = folder / "ours.npy", folder / "theirs.npy"
    here = [TARGET / "release/dnd", "--quiet", "embed", "--input", records, "--model", model, "--output", ours_file]
    here += ["--batch-tokens", BATCH_TOKENS]
    there = [sys.executable, __file__, records, "--embed", name, theirs_file]
    task = "graph" if name == "gin" else "eigenvectors"
    chemistry = [TARGET / "release/examples/chemistry_rates", task, records, 1, threads]
    count = len(records.read_text().split())
    ours, theirs, shares = [], [], []
    for _ in range(rounds):
        peer = json.loads(program(there, threads)[1].splitlines()[-1])
        theirs.append(peer["seconds"])
        ours.append(program(here, threads)[0])
        own = json.loads(program(chemistry, threads)[1])["wall_s"]
        shares.append((peer["chemistry"] / peer["seconds"], own / ours[-1]))
    shares = [f"{sorted(values)[rounds // 2]:.0%}" for values in zip(*shares)]
    cells = [MODELS[name], threads, rate(count, theirs), rate(count, ours), *ratio_cells(theirs, ours), *shares]
    pair = [torch.from_numpy(np.load(path)) for path in (ours_file, theirs_file)]
    difference = relative(*pair) if name == "gin" else None
    if pair[0].shape != pair[1].shape or (difference is not None and not difference < 1e-4):
        sys.exit(f"{name}: embeddings differ by {difference}, shapes {[tuple(p.shape) for p in pair]}")
    return cells, difference


def report(source, records, rounds, threads):
    opened = gzip.open(source, "rt") if source.suffix == ".gz" else source.open()
    with opened as file, tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        lines = [line.split()[0] for line, _ in zip(file, range(records))]
        path = folder / "records.smi"
        path.write_text("\n".join(lines) + "\n")
        rows, differences = [], []
        for name in MODELS:
            for number in threads:
                cells, difference = measure(name, path, number, rounds, folder)
                rows.append(cells)
                differences += [difference] if difference is not None else []
                print(cells, file=sys.stderr, flush=True)
    head = ["Model", "Threads", "OGB + PyTorch, mol/s", "`dnd embed`, mol/s", "Ratio", "From, to"]
    head += ["Peer: share of chemistry", "Here: share"]
    text = f"""From a file of {len(lines)} SMILES to a file of embeddings, on the same weights, batches of at most {BATCH_TOKENS} tokens.
Ours is the whole program with its start, the peer is timed without the start of Python, and has fused attention and an
allocator that keeps memory. "Chemistry" is from SMILES to graph, with eigenvectors for TokenGT.
Embeddings of GIN differ by at most {max(differences):.1e} of the largest entry."""
    return f"{text}\n\n{table(head, rows)}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("smiles", type=pathlib.Path, metavar="SMILES_FILE")
    parser.add_argument("--records", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--embed", nargs=2, metavar=("MODEL", "OUTPUT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.embed:
        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
        embed(options.embed[0], options.smiles, options.embed[1])
    else:
        print(report(options.smiles, options.records, options.rounds, options.threads))


if __name__ == "__main__":
    main()
