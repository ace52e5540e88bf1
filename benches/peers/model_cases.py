"""The models whose speed is compared: batches, weights, PyTorch networks, losses, and the program of this project."""

import math
import os
import pathlib
import subprocess
import tempfile

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F

import rule_weights

TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or pathlib.Path(__file__).resolve().parents[2] / "target")
PROGRAM = TARGET / "release/examples/model_rates"
LEARNING_RATE = 1e-4
INPUTS = {
    "et": "bench/et_batch70.safetensors",
    "tokengt": "bench/tokengt_batch64.safetensors",
    "student": "bench/tokengt_batch64.safetensors",
    "gin": "bench/tokengt_batch64.safetensors",
}


class Spec:
    """`NAME` or `NAME:width=128,layers=4,whitened`, as `model_rates` reads it."""

    def __init__(self, text):
        self.text = text
        self.name, _, changes = text.partition(":")
        changes = [change.partition("=") for change in changes.split(",") if change]
        self.sizes = {key: int(value) for key, _, value in changes if value}
        self.whitened = any(key == "whitened" for key, _, _ in changes)

    def config(self):
        """The configuration in the words of the PyTorch model; dimensions of a head stay as published."""
        if self.name == "gin":
            from torch_models.gin import PUBLISHED

            names = {"width": "width", "layers": "num_layers"}
            return {**PUBLISHED, "dropout": 0.0, **{names[key]: size for key, size in self.sizes.items()}}
        if self.name == "et":
            from torch_models.equivariant_transformer import PUBLISHED

            width = self.sizes.get("width", PUBLISHED["embedding_dimension"])
            return {
                **PUBLISHED,
                "embedding_dimension": width,
                "num_heads": width // 32,
                "num_layers": self.sizes.get("layers", PUBLISHED["num_layers"]),
                "layernorm_on_vec": "whitened" if self.whitened else None,
            }
        from torch_models.token_gt import BASE, STUDENT

        config = {"tokengt": {**BASE, "head": False}, "student": STUDENT}[self.name]
        width = self.sizes.get("width", config["encoder_embed_dim"])
        head = config["encoder_embed_dim"] // config["encoder_attention_heads"]
        return {
            **config,
            "encoder_embed_dim": width,
            "encoder_ffn_embed_dim": width,
            "encoder_attention_heads": width // head,
            "encoder_layers": self.sizes.get("layers", config["encoder_layers"]),
        }


class Teacher(nn.Module):
    """The equivariant transformer on a batch of conformers."""

    def __init__(self, spec, tensors):
        super().__init__()
        from torch_models.equivariant_transformer import EquivariantTransformer

        self.network = EquivariantTransformer(spec.config())
        self.given = tensors
        self.molecules = int(tensors["batch"].max()) + 1

    def forward(self):
        return self.network(self.given["z"], self.given["pos"], self.given["batch"])[2]

    def loss(self):
        given = self.given
        return self.network.loss(given["z"], given["pos"] + given["noise"], given["batch"], given["noise"])

    def state_names(self):
        return {name: name for name in self.network.state_dict()}


class Student(nn.Module):
    """TokenGT or GIN on a batch of graphs; the loss is the mean square difference from a fixed target."""

    def __init__(self, spec, tensors, attention="written out"):
        super().__init__()
        self.given = dict(tensors)
        self.molecules = len(tensors["node_num"])
        if spec.name == "gin":
            from torch_models.gin import Gin

            self.network, self.prefix = Gin(spec.config()), "encoder."
            nodes = tensors["node_num"]
            shift = (nodes.cumsum(0) - nodes).repeat_interleave(tensors["edge_num"])
            self.given["edge_index"] = tensors["edge_index"] + shift
            self.given["batch"] = torch.arange(len(nodes)).repeat_interleave(nodes)
            width = spec.config()["width"]
        else:
            from torch_models.token_gt import TokenGt

            self.network, self.prefix = TokenGt(spec.config(), attention), ""
            self.given["identifiers"] = tensors["lap_eigvec"]
            width = spec.config()["encoder_embed_dim"]
        self.reads_graphs = spec.name == "tokengt"
        rows = self.molecules if self.reads_graphs else len(tensors["node_feat"])
        self.given["target"] = torch.arange(rows * width, dtype=torch.float64).cos().float().view(rows, width)

    def forward(self):
        return self.network(self.given)[1]

    def loss(self):
        nodes, graphs = self.network(self.given)[:2]
        return F.mse_loss(graphs if self.reads_graphs else nodes, self.given["target"])

    def state_names(self):
        return {name: self.prefix + name for name in self.network.state_dict()}


def build(spec, tensors, attention="written out"):
    """The PyTorch model of a spec, in training mode, with weights that follow from the names of its parameters."""
    model = Teacher(spec, tensors) if spec.name == "et" else Student(spec, tensors, attention)
    rule_weights.fill(model.network, seed=1)
    return model.train()


class Prepared:
    """Files of one model that both sides read; they live as long as this does."""

    def __init__(self, spec, inputs):
        self.spec, self.inputs = spec, inputs
        self.folder = tempfile.TemporaryDirectory()
        self.weights = pathlib.Path(self.folder.name) / "weights.safetensors"
        model = build(spec, load_file(inputs))
        names = model.state_names()
        save_file({names[name]: value for name, value in model.network.state_dict().items()}, self.weights)


def prepare(text, golden, inputs=None):
    """Writes the weights of a model to a file."""
    spec = Spec(text)
    return Prepared(spec, inputs or golden / INPUTS[spec.name])


def evaluate(model):
    """The output as for inference."""
    model.eval()
    with torch.no_grad():
        output = model()
    model.train()
    return output


def first_molecules(tensors, count):
    """The batch of the first molecules of a batch."""
    if "z" in tensors:
        kept = tensors["batch"] < count
        return {name: value[kept].contiguous() for name, value in tensors.items()}
    nodes, edges = tensors["node_num"][:count].sum(), tensors["edge_num"][:count].sum()
    sizes = {"node": nodes, "lap": nodes, "edge": edges}
    taken = {}
    for name, value in tensors.items():
        if name in ("node_num", "edge_num"):
            taken[name] = value[:count].contiguous()
        elif name == "edge_index":
            taken[name] = value[:, :edges].contiguous()
        else:
            taken[name] = value[: sizes[name.split("_")[0]]].contiguous()
    return taken


def results(model, dtype):
    """Output, loss and gradients of a PyTorch model, under the names that `model_rates` gives them."""
    model.to(dtype)
    floating = {name: value.to(dtype) for name, value in model.given.items() if value.is_floating_point()}
    model.given = {**model.given, **floating}
    output = evaluate(model)  # before batch normalisation has seen the batch
    loss = model.loss()
    found = {"output": output, "loss": loss.detach()}
    model.zero_grad()
    loss.backward()
    names = model.state_names()
    gradients = {name: p.grad for name, p in model.network.named_parameters()}
    found.update({f"grad.{names[name]}": grad for name, grad in gradients.items() if grad is not None})
    return found


class Difference:
    """How far results are from others: of the output and loss, and of the worst gradient."""

    def __init__(self, got, expected):
        self.output = max(relative(got[name], expected[name]) for name in ("output", "loss"))
        gradients = {name: value.double() for name, value in expected.items() if name.startswith("grad.")}
        # Gradients that are zero in exact arithmetic are noise: against the largest of all they count for nothing.
        floor = 1e-3 * max(value.abs().max().item() for value in gradients.values())
        self.gradients, self.worst, self.count = 0.0, "", len(gradients)
        for name, value in gradients.items():
            difference = float("inf")
            if name in got and got[name].shape == value.shape:
                difference = (got[name].double() - value).abs().max().item() / max(value.abs().max().item(), floor)
            if not difference <= self.gradients:
                self.gradients, self.worst = difference, name


def is_equal(double, single, peer):
    """Whether the program computes the same function, as exactly as PyTorch does."""
    exact = double.output < 1e-11 and double.gradients < 1e-9
    return exact and single.output < max(10 * peer.output, 1e-6) and single.gradients < max(10 * peer.gradients, 1e-5)


def compare_with_program(text, golden, molecules=16):
    """Differences from PyTorch in float64, on the first molecules of the batch: of this project in float64 and float32,
    and of PyTorch in float32."""
    tensors = first_molecules(load_file(golden / INPUTS[Spec(text).name]), molecules)
    with tempfile.TemporaryDirectory() as folder:
        inputs, path = pathlib.Path(folder) / "inputs.safetensors", pathlib.Path(folder) / "results.safetensors"
        save_file(tensors, inputs)
        prepared = prepare(text, golden, inputs)
        ours = []
        for work in ("save64", "save32"):
            subprocess.run([PROGRAM, text, work, inputs, prepared.weights, path], check=True)
            ours.append(load_file(path))
    truth, single = (results(build(prepared.spec, tensors), dtype) for dtype in (torch.float64, torch.float32))
    return [Difference(found, truth) for found in (*ours, single)]


def in_bf16(spec):
    """The name of a model whose dense layers multiply in bf16."""
    return spec.text + ("," if ":" in spec.text else ":") + "bf16"


def rounded_differences(text, golden, molecules=16):
    """Differences of both sides in bf16 from PyTorch in float64; none for the transformer, which has no bf16."""
    spec = Spec(text)
    if spec.name == "et":
        return []
    tensors = first_molecules(load_file(golden / INPUTS[spec.name]), molecules)
    with tempfile.TemporaryDirectory() as folder:
        inputs, path = pathlib.Path(folder) / "inputs.safetensors", pathlib.Path(folder) / "results.safetensors"
        save_file(tensors, inputs)
        prepared = prepare(text, golden, inputs)
        subprocess.run([PROGRAM, in_bf16(spec), "save32", inputs, prepared.weights, path], check=True)
        here = load_file(path)
    truth = results(build(spec, tensors), torch.float64)
    with torch.autocast("cpu", torch.bfloat16):
        there = results(build(spec, tensors), torch.float32)
    return [Difference(found, truth) for found in (here, there)]


def relative(got, expected):
    """The largest difference relative to the largest entry; infinite for another shape or what is no number."""
    got, expected = got.detach().double(), expected.double()
    if got.shape != expected.shape:
        return float("inf")
    if not expected.numel():
        return 0.0
    difference = (got - expected).abs().max().item()
    size = expected.abs().max().item()
    value = difference / size if size > 1e-12 else difference
    return value if math.isfinite(value) else float("inf")
