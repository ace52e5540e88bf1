"""One PyTorch model, one repetition for each line of standard input: the other side of `model_rates`.

    python benches/peers/torch_worker.py MODEL WORK INPUTS WEIGHTS [--variant VARIANT] [--threads N]

WORK is `forward`, `step`, or `gemm` (a large matrix product, to know what the processor can do).
Variants: `eager` as users have it; `fused` with PyTorch's fused attention and optimiser; `compile`; `bf16` (autocast).
Each answer is a line of JSON with the seconds that the repetition took, and the memory.
"""

import argparse
import json
import pathlib
import sys
import time

import torch
from safetensors.torch import load_file

from model_cases import LEARNING_RATE, Spec, build

GEMM_SIZE = 2048


def memory_bytes(entry):
    """An entry of what Linux tells of this process's memory: `VmHWM` is the most that it has held."""
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(entry + ":"):
            return int(line.split()[1]) * 1024
    return None


def repetition(arguments):
    """The work as a function that gives the loss, or nothing; and the number of molecules."""
    if arguments.work == "gemm":
        a, b = torch.randn(2, GEMM_SIZE, GEMM_SIZE)
        out = torch.empty_like(a)

        def multiply():
            torch.mm(a, b, out=out)

        return multiply, 1
    spec, variant = Spec(arguments.model), arguments.variant
    attention = "fused" if variant in ("fused", "compile", "bf16") else "written out"
    model = build(spec, load_file(arguments.inputs), attention)
    names, weights = model.state_names(), load_file(arguments.weights)
    model.network.load_state_dict({name: weights[names[name]] for name in names})
    optimizer = torch.optim.AdamW(
        model.network.parameters(), lr=LEARNING_RATE, weight_decay=0, fused=attention == "fused"
    )
    loss, output = model.loss, model.forward
    if variant == "compile":
        loss, output = torch.compile(loss), torch.compile(output)
    autocast = torch.autocast("cpu", torch.bfloat16, enabled=variant == "bf16")

    def forward():
        with torch.no_grad(), autocast:
            output()

    def step():
        optimizer.zero_grad()
        with autocast:
            value = loss()
        value.backward()
        optimizer.step()
        return value.item()

    if arguments.work == "forward":
        model.eval()
    return {"forward": forward, "step": step}[arguments.work], model.molecules


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ["model", "work", "inputs", "weights"]:
        parser.add_argument(name)
    parser.add_argument("--variant", default="eager", choices=["eager", "fused", "compile", "bf16"])
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    empty = memory_bytes("VmRSS")
    work, molecules = repetition(arguments)
    for _ in sys.stdin:
        cpu, wall = time.process_time(), time.perf_counter()
        loss = work()
        answer = {
            "molecules": molecules,
            "wall_s": time.perf_counter() - wall,
            "cpu_s": time.process_time() - cpu,
            "loss": loss,
            "peak_bytes": memory_bytes("VmHWM"),
            "empty_bytes": empty,
        }
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
