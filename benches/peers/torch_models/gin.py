"""GIN with bond features as users of OGB and PyTorch Geometric have it, with the original's parameter names."""

import torch
from torch import nn
from torch.nn import functional as F
from torch_geometric.nn import MessagePassing, global_mean_pool

ATOM_SIZES = [119, 5, 12, 12, 10, 6, 6, 2, 2]
BOND_SIZES = [5, 6, 2]
PUBLISHED = {"width": 300, "num_layers": 5, "dropout": 0.5}


class AtomEncoder(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.atom_embedding_list = nn.ModuleList(nn.Embedding(size, width) for size in ATOM_SIZES)

    def forward(self, features):
        return sum(table(features[:, c]) for c, table in enumerate(self.atom_embedding_list))


class BondEncoder(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.bond_embedding_list = nn.ModuleList(nn.Embedding(size, width) for size in BOND_SIZES)

    def forward(self, features):
        return sum(table(features[:, c]) for c, table in enumerate(self.bond_embedding_list))


class GinConv(MessagePassing):
    """`MLP((1 + eps) x_i + sum_j relu(x_j + bond_ij))`."""

    def __init__(self, width):
        super().__init__(aggr="add")
        self.mlp = nn.Sequential(
            nn.Linear(width, 2 * width), nn.BatchNorm1d(2 * width), nn.ReLU(), nn.Linear(2 * width, width)
        )
        self.eps = nn.Parameter(torch.zeros(1))
        self.bond_encoder = BondEncoder(width)

    def forward(self, x, edge_index, edge_attr):
        bonds = self.bond_encoder(edge_attr)
        return self.mlp((1 + self.eps) * x + self.propagate(edge_index, x=x, bonds=bonds))

    def message(self, x_j, bonds):
        return F.relu(x_j + bonds)


class Gin(nn.Module):
    """`forward` gives node vectors [N, D] of the last layer and their means [B, D]."""

    def __init__(self, config):
        super().__init__()
        config = {**PUBLISHED, **config}
        width, layers = config["width"], config["num_layers"]
        self.dropout = config["dropout"]
        self.atom_encoder = AtomEncoder(width)
        self.gnns = nn.ModuleList(GinConv(width) for _ in range(layers))
        self.batch_norms = nn.ModuleList(nn.BatchNorm1d(width) for _ in range(layers))

    def forward(self, batch):
        x = self.atom_encoder(batch["node_feat"])
        for layer, (conv, norm) in enumerate(zip(self.gnns, self.batch_norms)):
            x = norm(conv(x, batch["edge_index"], batch["edge_feat"]))
            if layer + 1 < len(self.gnns):
                x = F.relu(x)
            x = F.dropout(x, self.dropout, self.training)
        return x, global_mean_pool(x, batch["batch"])
