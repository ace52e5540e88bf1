"""Weights by the rule of the golden cases: splitmix64 keyed by the hash of a parameter's name and a seed."""

import numpy as np
import torch

MASK = (1 << 64) - 1
GOLDEN_GAMMA = 0x9E3779B97F4A7C15


def hash_name(name):
    """FNV-1a."""
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = ((value ^ byte) * 0x100000001B3) & MASK
    return value


def rule_tensor(name, shape, seed, offset, scale):
    """`offset + scale (2 u - 1)`, `u` uniform by the rule, as float32."""
    start = np.uint64(hash_name(name) ^ (seed * GOLDEN_GAMMA & MASK))
    count = int(np.prod(shape, dtype=np.int64))
    with np.errstate(over="ignore"):
        x = start + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(GOLDEN_GAMMA)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x ^= x >> np.uint64(31)
    u = (x >> np.uint64(40)).astype(np.float64) * 2.0**-24
    return torch.from_numpy((offset + scale * (2 * u - 1)).astype(np.float32).reshape(shape))


def of_case(description):
    """All parameters of a golden case that states their offsets and scales."""
    seed, parameters = description["rule_seed"], description["rule_parameters"]
    return {
        name: rule_tensor(name, p["shape"], seed, p["offset"], p["scale"]) for name, p in parameters.items()
    }


def fill(model, seed):
    """Weights of usual sizes for any model: norms around 1, biases and gates small, matrices by their fans."""
    for name, parameter in model.named_parameters():
        shape, owner = list(parameter.shape), ".".join(name.split(".")[-3:-1])
        if name.endswith("weight") and len(shape) == 1:
            offset, scale = 1.0, 0.125
        elif len(shape) < 2:
            offset, scale = 0.0, 0.0625
        elif any(word in owner for word in ("embedding", "atom_encoder", "edge_encoder", "order_encoder", "_token")):
            offset, scale = 0.0, 0.5
        else:
            offset, scale = 0.0, (6 / (shape[0] + shape[1])) ** 0.5
        parameter.data.copy_(rule_tensor(name, shape, seed, offset, scale))
