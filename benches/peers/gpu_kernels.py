"""The operations of `gpu_bench` in PyTorch, eager and compiled, beside its figures; one Markdown table per number type.

Usage: gpu_kernels.py KERNELS.jsonl [cpu]

Times are medians by CUDA events (by the clock with `cpu`), same shapes, same number types, forward and step. "of peak" is
the share of what this GPU reaches: of the bandwidth of a copy where an operation moves memory, of the rate of a 4096^3
matrix product where it multiplies.
"""

import json
import sys
import time

import torch
import torch.nn.functional as F

WARM_UP, RUNS = 5, 30


def variable(shape, dtype, device, grad=True):
    generator = torch.Generator().manual_seed(len(shape) + shape[0])
    x = torch.randn(shape, generator=generator).to(device, dtype)
    return x.requires_grad_(grad)


def milliseconds(work, device):
    if device == "cpu":
        start = time.perf_counter()
        work()
        return (time.perf_counter() - start) * 1e3
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record()
    work()
    end.record()
    end.synchronize()
    return start.elapsed_time(end)


def median(work, device):
    for _ in range(WARM_UP):
        work()
    return sorted(milliseconds(work, device) for _ in range(RUNS))[RUNS // 2]


def index(length, below, device):
    generator = torch.Generator().manual_seed(5)
    return torch.randint(below, (length,), generator=generator).to(device)


def sum_rows(x, rows, count):
    return torch.zeros(count, x.shape[1], dtype=x.dtype, device=x.device).index_add(0, rows, x)


def attention(q, k, v):
    def heads(x):
        return x.view(64, 60, 12, 64).transpose(1, 2)

    y = F.scaled_dot_product_attention(heads(q), heads(k), heads(v), scale=1.0)
    return y.transpose(1, 2).reshape(3840, 768)


def messages(q, k, u, v, wk, bk, wv, bv, basis, phi, d, source, target):
    """As in the published code: every filter and message of every edge is a row of a tensor."""
    edges, heads, channels = len(source), 8, q.shape[1] // 8
    dk, dv = F.silu(F.linear(basis, wk, bk)), F.silu(F.linear(basis, wv, bv))
    score = (q[target] * k[source] * dk).view(edges, heads, channels).sum(-1)
    weight = F.silu(score) * phi[:, None]
    s, a, b = (u[source] * dv).view(edges, heads, 3 * channels).split(channels, dim=2)
    m = (s * weight[:, :, None]).reshape(edges, -1)
    w = v[source] * a.reshape(edges, 1, -1) + d[:, :, None] * b.reshape(edges, 1, -1)
    count = len(q)
    return torch.cat([sum_rows(m, target, count), sum_rows(w.flatten(1), target, count)], 1)


def operations(dtype, device):
    def var(*shape, grad=True):
        return variable(shape, dtype, device, grad)

    long, square = var(1 << 14, 1 << 12), var(4096, 4096)
    yield "copy", lambda x: x + 1, (long,)
    yield "matmul", lambda x: x @ x, (square,)
    edges, atoms, rows = var(20_000, 256), var(2_000, 256), index(20_000, 2_000, device)
    yield "scatter_sum", lambda x: sum_rows(x, rows, 2_000), (edges,)
    yield "gather", lambda x: x[rows], (atoms,)
    table, features = var(4608, 768), index(64 * 25 * 9, 174, device).view(-1, 9)
    yield "embedding_sum", lambda x: F.embedding(features, x).sum(1), (table,)
    x, weight, bias = var(3840, 768), var(768), var(768)
    yield "layer_norm", lambda x, w, b: F.layer_norm(x, (768,), w, b), (x, weight, bias)
    yield "gelu", F.gelu, (x,)
    yield "attention", attention, tuple(var(3840, 768) for _ in range(3))
    molecules, size, f, k = 70, 30, 256, 64
    n, e = molecules * size, molecules * size * size
    edge = torch.arange(e, device=device)
    source, target = edge // (size * size) * size + edge % size, edge // size
    shapes = [(n, f), (n, f), (n, 3 * f), (n, 3, f), (f, k), (f,), (3 * f, k), (3 * f,)]
    inputs = [var(*shape) for shape in shapes]
    inputs += [var(*shape, grad=False) for shape in [(e, k), (e,), (e, 3)]]
    yield "et_message", lambda *x: messages(*x, source, target), tuple(inputs)


def step(operation, inputs, grad):
    (operation(*inputs) * grad).sum().backward()
    for x in inputs:
        x.grad = None


def main():
    device = "cpu" if sys.argv[2:] == ["cpu"] else "cuda"
    ours = [json.loads(line) for line in open(sys.argv[1])]
    if device == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = False  # ours multiplies in full float32 too
        print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}\n")
    for dtype in dict.fromkeys(row["dtype"] for row in ours):
        rows = {row["name"]: row for row in ours if row["dtype"] == dtype}
        bandwidth = rows["copy"]["bytes"] / rows["copy"]["forward_ms"]
        rate = rows["matmul"]["operations"] / rows["matmul"]["forward_ms"]
        print(f"| {dtype} | D&D forward | eager | compiled | D&D step | eager | compiled | of peak |")
        print("|---|---|---|---|---|---|---|---|")
        torch_dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[dtype]
        for name, operation, inputs in operations(torch_dtype, device):
            row, compiled = rows[name], torch.compile(operation)
            grad = torch.ones_like(operation(*inputs))
            times = []
            for function in (operation, compiled):
                times.append(median(lambda: function(*inputs), device))
            for function in (operation, compiled):
                times.append(median(lambda: step(function, inputs, grad), device))
            share = max(row["bytes"] / bandwidth, row["operations"] / rate) / row["forward_ms"]
            numbers = [row["forward_ms"], times[0], times[1], row["step_ms"], times[2], times[3]]
            cells = " | ".join(f"{number:.3f} ms" for number in numbers)
            print(f"| {name} | {cells} | {share:.0%} |", flush=True)
        print()


if __name__ == "__main__":
    main()
