"""The graph networks of pretrain-gnns in PyTorch Geometric, with the original's parameter names.

The sources that were followed are `chem/model.py` and `chem/loader.py` of snap-stanford/pretrain-gnns, commit 6e69a06.
They were written for PyTorch Geometric 1.0, where the first row of the edge list holds the atoms that receive messages;
as every bond is there in both directions, this is said here with the present meaning of the rows.
"""

import torch
from rdkit import Chem
from torch import nn
from torch.nn import functional as F
from torch_geometric.nn import MessagePassing, global_mean_pool
from torch_geometric.utils import softmax

ATOMS = list(range(1, 119))
TAGS = [Chem.ChiralType.CHI_UNSPECIFIED, Chem.ChiralType.CHI_TETRAHEDRAL_CW, Chem.ChiralType.CHI_TETRAHEDRAL_CCW]
BONDS = [Chem.BondType.SINGLE, Chem.BondType.DOUBLE, Chem.BondType.TRIPLE, Chem.BondType.AROMATIC]
DIRECTIONS = [Chem.BondDir.NONE, Chem.BondDir.ENDUPRIGHT, Chem.BondDir.ENDDOWNRIGHT]
LOOP = 4


def graph(smiles):
    """Atom features [N, 2], edge list [2, E], bond features [E, 2]; `ValueError` for what has no place in the lists."""
    molecule = Chem.MolFromSmiles(smiles)
    if molecule is None or molecule.GetNumAtoms() == 0:
        raise ValueError("not a molecule")
    x = [[ATOMS.index(a.GetAtomicNum()), TAGS.index(a.GetChiralTag())] for a in molecule.GetAtoms()]
    ends, bonds = [], []
    for bond in molecule.GetBonds():
        u, v = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        ends += [(u, v), (v, u)]
        bonds += 2 * [(BONDS.index(bond.GetBondType()), DIRECTIONS.index(bond.GetBondDir()))]
    edges = torch.tensor(ends, dtype=torch.long).reshape(-1, 2).t()
    return torch.tensor(x), edges, torch.tensor(bonds, dtype=torch.long).reshape(-1, 2)


def with_loops(edge_index, edge_attr, num_nodes):
    """The edges and, for each atom, a bond of type `LOOP` to itself."""
    atoms = torch.arange(num_nodes)
    loops = torch.tensor([[LOOP, 0]]).expand(num_nodes, 2)
    return torch.cat([edge_index, torch.stack([atoms, atoms])], 1), torch.cat([edge_attr, loops])


class Convolution(MessagePassing):
    """Tables of bond types and directions, and the edges with loops."""

    def __init__(self, width, num_bond_types, aggr="add"):
        super().__init__(aggr=aggr, node_dim=0)
        self.edge_embedding1 = nn.Embedding(num_bond_types, width)
        self.edge_embedding2 = nn.Embedding(3, width)

    def edges(self, x, edge_index, edge_attr):
        edge_index, edge_attr = with_loops(edge_index, edge_attr, len(x))
        return edge_index, self.edge_embedding1(edge_attr[:, 0]) + self.edge_embedding2(edge_attr[:, 1])


class GinConv(Convolution):
    def __init__(self, width, num_bond_types=6):
        super().__init__(width, num_bond_types)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))

    def forward(self, x, edge_index, edge_attr):
        edge_index, bonds = self.edges(x, edge_index, edge_attr)
        return self.mlp(self.propagate(edge_index, x=x, bonds=bonds))

    def message(self, x_j, bonds):
        return x_j + bonds


class GcnConv(Convolution):
    def __init__(self, width):
        super().__init__(width, 6)
        self.linear = nn.Linear(width, width)

    def forward(self, x, edge_index, edge_attr):
        edge_index, bonds = self.edges(x, edge_index, edge_attr)
        degree = torch.bincount(edge_index[0], minlength=len(x)).to(x.dtype)
        scale = degree.pow(-0.5)
        norm = (scale[edge_index[0]] * scale[edge_index[1]]).unsqueeze(1)
        return self.propagate(edge_index, x=self.linear(x), bonds=bonds, norm=norm)

    def message(self, x_j, bonds, norm):
        return norm * (x_j + bonds)


class SageConv(Convolution):
    def __init__(self, width):
        super().__init__(width, 6, aggr="mean")
        self.linear = nn.Linear(width, width)

    def forward(self, x, edge_index, edge_attr):
        edge_index, bonds = self.edges(x, edge_index, edge_attr)
        return F.normalize(self.propagate(edge_index, x=self.linear(x), bonds=bonds), dim=-1)

    def message(self, x_j, bonds):
        return x_j + bonds


class GatConv(Convolution):
    HEADS = 2

    def __init__(self, width):
        super().__init__(self.HEADS * width, 6)
        self.width = width
        self.weight_linear = nn.Linear(width, self.HEADS * width)
        self.att = nn.Parameter(torch.randn(1, self.HEADS, 2 * width))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x, edge_index, edge_attr):
        edge_index, bonds = self.edges(x, edge_index, edge_attr)
        x = self.weight_linear(x).view(-1, self.HEADS, self.width)
        bonds = bonds.view(-1, self.HEADS, self.width)
        out = self.propagate(edge_index, x=x, bonds=bonds)
        return out.mean(1) + self.bias

    def message(self, x_i, x_j, bonds, edge_index_i):
        heard = x_j + bonds
        score = F.leaky_relu((torch.cat([x_i, heard], -1) * self.att).sum(-1), 0.2)
        weight = softmax(score, edge_index_i)
        return heard * weight.unsqueeze(-1)


CONVOLUTIONS = {"gin": GinConv, "gcn": GcnConv, "graphsage": SageConv, "gat": GatConv}


class PretrainGnn(nn.Module):
    """`forward` gives node vectors [N, D] of the last layer and their means [B, D]."""

    def __init__(self, kind, width=300, num_layers=5):
        super().__init__()
        self.x_embedding1 = nn.Embedding(120, width)
        self.x_embedding2 = nn.Embedding(3, width)
        self.gnns = nn.ModuleList(CONVOLUTIONS[kind](width) for _ in range(num_layers))
        self.batch_norms = nn.ModuleList(nn.BatchNorm1d(width) for _ in range(num_layers))

    def forward(self, x, edge_index, edge_attr, batch):
        h = self.x_embedding1(x[:, 0]) + self.x_embedding2(x[:, 1])
        for layer, (gnn, norm) in enumerate(zip(self.gnns, self.batch_norms)):
            h = norm(gnn(h, edge_index, edge_attr))
            if layer + 1 < len(self.gnns):
                h = F.relu(h)
        return h, global_mean_pool(h, batch)
