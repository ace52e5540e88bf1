"""Shows that the PyTorch models of this folder give the outputs and gradients of the golden cases.

    python benches/peers/check_torch_models.py GOLDEN

One row per case and precision: the largest difference of outputs and of gradients, each relative to the
largest entry of its tensor, beside the bound. Float64 runs are compared with the float64 values of the case.
GIN has no golden case: it is compared with `model_rates`, which must have been built
(`cargo build --release -p dd-benches --examples`). Exits with 1 when anything is missed.
"""

import argparse
import json
import pathlib
import sys

import torch
from safetensors.torch import load_file
from torch.nn import functional as F

import rule_weights
from model_cases import compare_with_program, relative
from torch_models.equivariant_transformer import EquivariantTransformer, radius_graph
from torch_models.token_gt import TokenGt

# Float64 values of a case come from float64 arithmetic on both sides; gradients cancel more.
F64_OUTPUTS, F64_GRADIENTS = 1e-10, 1e-9
# The original disagrees with itself by this much in float32, times a margin.
F32_MARGIN = 10
# Losses and weights of some steps of AdamW, whose first ones follow the gradients' signs.
F32_STEPS = 1e-5, 1e-3
UNUSED = ("encoder.masked_lm_pooler", "encoder.graph_encoder.final_layer_norm")


class Case:
    def __init__(self, path):
        self.name = path.stem
        self.json = json.loads(path.read_text())
        self.tensors = load_file(path.with_suffix(".safetensors"))

    def below(self, prefix):
        return {name[len(prefix) :]: t for name, t in self.tensors.items() if name.startswith(prefix)}

    def state(self):
        given = self.below("state.")
        return given or {**rule_weights.of_case(self.json), **self.below("buffer.")}

    def inputs(self, dtype):
        return {name: t.to(dtype) if t.is_floating_point() else t for name, t in self.below("input.").items()}

    def bounds(self, dtype):
        if dtype == torch.float64:
            return F64_OUTPUTS, F64_GRADIENTS
        if "lr_used" in self.json:
            return F32_STEPS
        entries = self.json["f32_versus_f64"].values()
        worst = max(entry["max_abs"] / entry["max_abs_value"] for entry in entries)
        return F32_MARGIN * max(worst, 2.4e-7), F32_MARGIN * self.json["f32_versus_f64_worst_relative_grad"]


def gradient_differences(case, prefix, kind, model):
    """Relative differences of all gradients that the case holds under `{prefix}.{kind}`."""
    parameters = dict(model.named_parameters())
    gradients = {name: torch.zeros_like(p) if p.grad is None else p.grad for name, p in parameters.items()}
    found = []
    for name, expected in case.below(f"{prefix}.{kind}.").items():
        if name.endswith(".rows"):
            continue
        stem = name
        for end in (".values", ".values_first16"):
            if name.endswith(end):
                stem = name[: -len(end)]
        got = gradients[stem]
        if stem != name:
            rows = case.tensors[f"{prefix}.{kind}.{stem}.rows"]
            rest = got.clone()
            rest[rows] = 0
            if rest.abs().max() > 0:
                found.append(float("inf"))
            got = got[rows][:, : expected.shape[1]]
        if stem.endswith("k_proj.bias") and stem.startswith("encoder"):
            found.append((got - expected).abs().max().item())  # zero in exact arithmetic
        else:
            found.append(relative(got, expected))
    for name, expected in case.below(f"{prefix}.{kind}_sample.").items():
        flat = gradients[name].flatten()
        count = flat.numel()
        index = torch.arange(count) if count < 64 else torch.arange(64) * count // 64
        scale = flat.abs().max().item()
        found.append((flat[index] - expected).abs().max().item() / max(scale, 1e-6))
    if prefix == "f64":
        for name, entry in case.json["gradients"].items():
            expected = entry.get(f"{kind}_l2_f64", entry.get("l2_f64"))
            if expected is not None and not name.startswith(UNUSED):
                found.append(abs(gradients[name].norm().item() - expected) / max(expected, 1e-6))
    return found


def check_et(case, dtype):
    prefix = {torch.float64: "f64", torch.float32: "f32"}[dtype]
    config = case.json["config"]
    model = EquivariantTransformer(config)
    model.load_state_dict(case.state())
    model.to(dtype).train()
    given = case.inputs(dtype)
    edges = tuple(case.tensors["f32.edge_index"])
    z, pos, batch = given["z"], given["pos"], given["batch"]
    x, vec, noise, scalar = model(z, pos, batch, edges, with_scalar=True)
    target = model.pos_normalizer(given["noise"])
    unused = sum(p.sum() for p in model.output_model.parameters())
    loss = F.mse_loss(noise + 0 * unused, target)
    outputs = {
        "x_final": x,
        "vec_final": vec,
        "noise_pred": noise,
        "scalar_out": scalar,
        "normalized_target": target,
        "loss": loss,
    }
    found = [relative(got, case.tensors[f"{prefix}.{name}"]) for name, got in outputs.items()]
    if case.json["max_in_degree_with_self_loop"] < 32:
        own = radius_graph(pos, batch, config["cutoff_lower"], config["cutoff_upper"], 32)
        same = sorted(zip(*map(torch.Tensor.tolist, own))) == sorted(zip(*map(torch.Tensor.tolist, edges)))
        found.append(0.0 if same else float("inf"))
    loss.backward(retain_graph=True)
    gradients = gradient_differences(case, prefix, "grad", model)
    model.zero_grad()
    loss_y = F.mse_loss(scalar, given["y"])
    found.append(relative(loss_y, case.tensors[f"{prefix}.loss_y"]))
    loss_y.backward()
    return found, gradients + gradient_differences(case, prefix, "grad_y", model)


def check_steps(case, dtype):
    """Losses of the listed AdamW steps; in the column of gradients, the weights after them."""
    prefix = {torch.float64: "f64", torch.float32: "f32"}[dtype]
    config = dict(case.json["config"])
    model = EquivariantTransformer({key: v for key, v in config.items() if key.startswith(("emb", "num"))})
    model.load_state_dict(case.below("state_before."))
    model.to(dtype).train()
    given = case.inputs(dtype)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.0, betas=config["betas"], eps=config["eps"],
                                  weight_decay=config["weight_decay"])  # fmt: skip
    found = []
    for step, (lr, expected) in enumerate(zip(case.json["lr_used"], case.json[f"losses_{prefix}"])):
        optimizer.param_groups[0]["lr"] = lr
        optimizer.zero_grad()
        noise = given["noises"][step]
        loss = model.loss(given["z"], given["pos_clean"] + noise, given["batch"], noise)
        loss.backward()
        optimizer.step()
        found.append(abs(loss.item() - expected) / expected)
    after = model.state_dict()
    return found, [relative(after[name], value) for name, value in case.below(f"{prefix}.state_after.").items()]


def check_token_gt(case, dtype):
    prefix = {torch.float64: "f64", torch.float32: "f32"}[dtype]
    model = TokenGt(case.json["config"])
    state = {name: t for name, t in case.state().items() if not name.startswith(UNUSED)}
    model.load_state_dict(state)
    model.to(dtype)
    given = case.inputs(dtype)
    if case.json["config"]["orf_node_id"]:
        counts = given["node_num"].tolist()
        given["identifiers"] = torch.cat([rows[:count] for rows, count in zip(given["orf"], counts)])
    else:
        given["identifiers"] = given["lap_eigvec"]
    nodes, graphs, edges, logits = model(given)
    loss = F.mse_loss(logits, given["y"]) + F.mse_loss(nodes, given["node_target"])
    outputs = {"node_out": nodes, "graph_rep": graphs, "edge_out": edges, "logits": logits, "loss": loss}
    found = [relative(got, case.tensors[f"{prefix}.{name}"]) for name, got in outputs.items()]
    loss.backward()
    return found, gradient_differences(case, prefix, "grad", model)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("golden", type=pathlib.Path, metavar="GOLDEN")
    parser.add_argument("--case", default="", help="only cases with this in their name")
    arguments = parser.parse_args()
    print("| Case | Precision | Outputs | bound | Gradients | bound | |\n|---|---|---|---|---|---|---|")
    missed = compared = 0
    paths = [*arguments.golden.glob("et/*.json"), *arguments.golden.glob("tokengt/*.json")]
    for path in sorted(path for path in paths if path.with_suffix(".safetensors").exists()):
        if arguments.case not in path.stem or path.stem in ("et_neighbours", "laplacian"):
            continue
        case = Case(path)
        check = check_token_gt if path.parent.name == "tokengt" else check_et
        check = check_steps if "lr_used" in case.json else check
        for dtype in (torch.float64, torch.float32):
            outputs, gradients = check(case, dtype)
            missed += row(case.name, str(dtype)[6:], outputs, gradients, case.bounds(dtype))
            compared += len(outputs) + len(gradients)
    if arguments.case in "gin":
        double, single, peer = compare_with_program("gin", arguments.golden)
        bounds = 1e-11, 1e-9
        missed += row("gin, by model_rates", "float64", [double.output], [double.gradients], bounds)
        bounds = 10 * peer.output, 10 * peer.gradients
        missed += row("gin, by model_rates", "float32", [single.output], [single.gradients], bounds)
        compared += 2 * (2 + double.count)
    print(f"\n{compared} quantities compared, {missed} rows missed")
    sys.exit(1 if missed or not compared else 0)


def row(name, precision, outputs, gradients, bounds):
    worst = [max(values, default=0.0) for values in (outputs, gradients)]
    ok = all(value <= bound for value, bound in zip(worst, bounds))
    cells = [name, precision, f"{worst[0]:.1e}", f"{bounds[0]:.1e}"]
    cells += [f"{worst[1]:.1e}", f"{bounds[1]:.1e}"] if gradients else ["", ""]
    print("| " + " | ".join([*cells, "ok" if ok else "MISSED"]) + " |", flush=True)
    return not ok


if __name__ == "__main__":
    main()
