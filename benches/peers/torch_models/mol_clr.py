"""The graph networks of MolCLR in PyTorch Geometric, with the original's parameter names.

The sources that were followed are `models/gcn_molclr.py` and `models/ginet_molclr.py` of yuyangw/MolCLR, commit c6d661e.
Their features are those of pretrain-gnns. The GCN computes the usual weights of edges and does not use them.
"""

import torch
from torch import nn
from torch.nn import functional as F
from torch_geometric.nn import global_mean_pool

from .pretrain_gnn import Convolution, GinConv

BOND_TYPES = 5


class GcnConv(Convolution):
    def __init__(self, width):
        super().__init__(1, BOND_TYPES)
        self.weight = nn.Parameter(torch.randn(width, width) / width**0.5)
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x, edge_index, edge_attr):
        edge_index, bonds = self.edges(x, edge_index, edge_attr)
        return self.propagate(edge_index, x=x @ self.weight, bonds=bonds) + self.bias

    def message(self, x_j, bonds):
        return x_j + bonds


class MolClr(nn.Module):
    """`forward` gives the features of atoms and molecules: `feat_lin` of the last layer, and of its mean."""

    def __init__(self, kind, width=300, num_layers=5, features=512):
        super().__init__()
        layer = {"gcn": GcnConv, "gin": lambda width: GinConv(width, BOND_TYPES)}[kind]
        self.x_embedding1 = nn.Embedding(119, width)
        self.x_embedding2 = nn.Embedding(3, width)
        self.gnns = nn.ModuleList(layer(width) for _ in range(num_layers))
        self.batch_norms = nn.ModuleList(nn.BatchNorm1d(width) for _ in range(num_layers))
        self.feat_lin = nn.Linear(width, features)
        self.out_lin = nn.Sequential(nn.Linear(features, features), nn.ReLU(), nn.Linear(features, features // 2))

    def forward(self, x, edge_index, edge_attr, batch):
        h = self.x_embedding1(x[:, 0]) + self.x_embedding2(x[:, 1])
        for layer, (gnn, norm) in enumerate(zip(self.gnns, self.batch_norms)):
            h = norm(gnn(h, edge_index, edge_attr))
            if layer + 1 < len(self.gnns):
                h = F.relu(h)
        return self.feat_lin(h), self.feat_lin(global_mean_pool(h, batch))
