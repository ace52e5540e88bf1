"""Floating-point operations that the models need, whoever computes them.

Counted are matrix products, and the products and sums of messages and attention, two operations per multiply-add;
activations, norms and the optimiser are not. A pair of atoms has one filter, since it depends on the distance alone;
padding does not count; the last layer counts for the tokens that are read. A training step counts as three forward
passes, but the products with the radial basis, which takes no gradient, as two.
"""

import torch


def equivariant_transformer(config, tensors):
    """(operations of the forward pass, of the step)."""
    from torch_models.equivariant_transformer import radius_graph

    sources, targets = radius_graph(
        tensors["pos"], tensors["batch"], config["cutoff_lower"], config["cutoff_upper"], config["max_num_neighbors"]
    )
    n, f, k = len(tensors["z"]), config["embedding_dimension"], config["num_rbf"]
    edges = len(sources)
    low, high = torch.minimum(sources, targets), torch.maximum(sources, targets)
    distances = len(torch.unique(low * n + high))  # with the self-loops
    loops = n
    filters = 2 * (distances - loops) * k * f  # neighbour embedding
    filters += config["num_layers"] * 2 * distances * k * 4 * f  # one for the keys, three for the values
    atoms = 2 * n * 2 * f * f  # neighbour embedding: combine
    layers = config["num_layers"]
    atoms += layers * 2 * n * f * f * (1 + 1 + 3 + 3)  # q, k, v, o
    atoms += (layers - 1) * 2 * n * f * f * 9  # products of the vectors, which are zero in the first layer
    for width, out in [(f, f // 2), (f // 2, 1)]:  # the noise head
        atoms += 2 * n * width * (3 * width + 3 * out + 2 * width + 2 * out)
    # Per edge and channel: q k filter, three products of the values with filters, weight and sum of the scalar
    # message, product and sum for each axis of both terms of the vector message.
    messages = 2 * (edges - n) * f + layers * edges * f * (3 + 3 + 2 + 3 * 2) + (layers - 1) * edges * f * 3 * 2
    return filters + atoms + messages, 2 * filters + 3 * (atoms + messages)


def token_gt(config, tensors, reads_graphs):
    nodes, edges = tensors["node_num"].double(), tensors["edge_num"].double()
    tokens = nodes + edges + 2
    total, squares = tokens.sum().item(), tokens.square().sum().item()
    d, inner, layers = config["encoder_embed_dim"], config["encoder_ffn_embed_dim"], config["encoder_layers"]
    read = float(len(nodes)) if reads_graphs else nodes.sum().item()
    of_read = (tokens if reads_graphs else nodes * tokens).sum().item()
    forward = (layers - 1) * (2 * total * (4 * d * d + 2 * d * inner) + 4 * squares * d)
    forward += 2 * total * 2 * d * d + 2 * read * (2 * d * d + 2 * d * inner) + 4 * of_read * d
    forward += 2 * (nodes + edges).sum().item() * 2 * config["lap_node_id_k"] * d
    return forward, 3 * forward


def gin(config, tensors):
    n, edges, w = len(tensors["node_feat"]), len(tensors["edge_feat"]), config["width"]
    forward = config["num_layers"] * (2 * n * 2 * w * 2 * w + edges * w * (3 + 2)) + n * w * 8
    return forward, 3 * forward


def count(spec, tensors):
    """(operations of the forward pass, of the step) of a model on a batch."""
    if spec.name == "et":
        return equivariant_transformer(spec.config(), tensors)
    if spec.name == "gin":
        return gin(spec.config(), tensors)
    return token_gt(spec.config(), tensors, reads_graphs=spec.name == "tokengt")
