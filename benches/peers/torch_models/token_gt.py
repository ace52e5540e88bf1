"""TokenGT on padded batches, in plain PyTorch, with the original's parameter names.

`attention="written out"` computes products, softmax and sums one after another, as the original does;
`"fused"` calls PyTorch's `scaled_dot_product_attention`.
"""

import torch
from torch import nn
from torch.nn import functional as F

ATOM_ROWS, BOND_ROWS = 512 * 9, 512 * 3

# The sizes of `tokengt_base` with Laplacian identifiers, in the original's words; readout, output norm and head are
# choices of this file.
BASE = {
    "encoder_embed_dim": 768,
    "encoder_layers": 12,
    "encoder_attention_heads": 32,
    "encoder_ffn_embed_dim": 768,
    "lap_node_id": True,
    "lap_node_id_k": 16,
    "orf_node_id": False,
    "orf_node_id_dim": 64,
    "postnorm": False,
    "num_classes": 1,
    "final_layer_norm": False,
    "head": True,
    "mean_pool": False,
}
STUDENT = {
    **BASE,
    "encoder_embed_dim": 256,
    "encoder_layers": 6,
    "encoder_attention_heads": 8,
    "encoder_ffn_embed_dim": 256,
    "final_layer_norm": True,
    "head": False,
    "mean_pool": True,
}


class Attention(nn.Module):
    def __init__(self, width, heads, attention):
        super().__init__()
        self.heads, self.fused = heads, attention == "fused"
        for name in ["k_proj", "v_proj", "q_proj", "out_proj"]:
            setattr(self, name, nn.Linear(width, width))

    def forward(self, x, padded):
        graphs, tokens, width = x.shape
        split = lambda y: y.view(graphs, tokens, self.heads, -1).transpose(1, 2)  # noqa: E731
        q, k, v = split(self.q_proj(x)), split(self.k_proj(x)), split(self.v_proj(x))
        if self.fused:
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=~padded[:, None, None, :])
        else:
            scores = (q * q.shape[3] ** -0.5) @ k.transpose(2, 3)  # [B, heads, T, T]
            scores = scores.masked_fill(padded[:, None, None, :], float("-inf"))
            y = scores.softmax(-1) @ v
        return self.out_proj(y.transpose(1, 2).reshape(graphs, tokens, width))


class FeedForward(nn.Module):
    def __init__(self, width, inner):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Layer(nn.Module):
    def __init__(self, config, attention):
        super().__init__()
        width = config["encoder_embed_dim"]
        self.postnorm = config["postnorm"]
        self.self_attn = Attention(width, config["encoder_attention_heads"], attention)
        self.self_attn_layer_norm = nn.LayerNorm(width)
        self.feedforward = FeedForward(width, config["encoder_ffn_embed_dim"])
        self.final_layer_norm = nn.LayerNorm(width)

    def forward(self, x, padded):
        if self.postnorm:
            x = self.self_attn_layer_norm(x + self.self_attn(x, padded))
            return self.final_layer_norm(x + self.feedforward(x))
        x = x + self.self_attn(self.self_attn_layer_norm(x), padded)
        return x + self.feedforward(self.final_layer_norm(x))


class Tokenizer(nn.Module):
    """Graphs to padded tokens [B, 2 + T, D]: graph token, null token, nodes, edges, padding."""

    def __init__(self, config):
        super().__init__()
        width = config["encoder_embed_dim"]
        self.atom_encoder = nn.Embedding(ATOM_ROWS, width, padding_idx=0)
        self.edge_encoder = nn.Embedding(BOND_ROWS, width, padding_idx=0)
        self.graph_token = nn.Embedding(1, width)
        self.null_token = nn.Embedding(1, width)
        self.order_encoder = nn.Embedding(2, width)
        if config["lap_node_id"]:
            self.columns = config["lap_node_id_k"]
            self.lap_encoder = nn.Linear(2 * self.columns, width, bias=False)
            self.normalized = False
        elif config["orf_node_id"]:
            self.columns = config["orf_node_id_dim"]
            self.orf_encoder = nn.Linear(2 * self.columns, width, bias=False)
            self.normalized = True
        else:
            raise ValueError("node identifiers other than Laplacian and orthogonal ones are not written here")

    def forward(self, batch):
        nodes, edges = batch["node_num"], batch["edge_num"]
        graphs, most = len(nodes), int((nodes + edges).max())
        place = torch.arange(most).expand(graphs, most)
        is_node = place < nodes.unsqueeze(1)
        is_edge = ~is_node & (place < (nodes + edges).unsqueeze(1))

        ends = torch.zeros(graphs, most, 2, dtype=torch.long)
        ends[is_node] = place[is_node].unsqueeze(1).expand(-1, 2)
        ends[is_edge] = batch["edge_index"].t()
        width = self.atom_encoder.embedding_dim
        atoms = self.atom_encoder(batch["node_data"]).sum(1)
        x = torch.zeros(graphs, most, width, dtype=atoms.dtype)
        x[is_node] = atoms
        x[is_edge] = self.edge_encoder(batch["edge_data"]).sum(1).to(x.dtype)

        given = batch["identifiers"]
        given = F.pad(given, (0, self.columns - given.shape[1])) if given.shape[1] < self.columns else given
        given = given[:, : self.columns]
        if self.normalized:
            given = F.normalize(given, dim=1)
        padded_ids = given.new_zeros(graphs, int(nodes.max()), self.columns)
        padded_ids[torch.arange(padded_ids.shape[1]) < nodes.unsqueeze(1)] = given
        rows = torch.arange(graphs).view(-1, 1, 1).expand(graphs, most, 2)
        pairs = padded_ids[rows, ends].flatten(2)  # [B, T, 2 columns]
        encoder = self.orf_encoder if self.normalized else self.lap_encoder
        x = x + encoder(pairs)
        x = x + self.order_encoder((ends[..., 0] == ends[..., 1]).long())

        padding = ~(is_node | is_edge)
        x = x.masked_fill(padding.unsqueeze(2), 0)
        special = torch.stack([self.graph_token.weight, self.null_token.weight], 1).expand(graphs, 2, width)
        x = torch.cat([special.to(x.dtype), x], 1)
        return x, F.pad(padding, (2, 0)), is_node, is_edge


class GraphEncoder(nn.Module):
    def __init__(self, config, attention):
        super().__init__()
        width = config["encoder_embed_dim"]
        self.graph_feature = Tokenizer(config)
        self.emb_layer_norm = nn.LayerNorm(width)
        self.layers = nn.ModuleList(Layer(config, attention) for _ in range(config["encoder_layers"]))
        self.final_layer_norm = nn.LayerNorm(width) if config["final_layer_norm"] else None

    def forward(self, batch):
        x, padded, is_node, is_edge = self.graph_feature(batch)
        x = self.emb_layer_norm(x)
        for layer in self.layers:
            x = layer(x, padded)
        if self.final_layer_norm is not None:
            x = self.final_layer_norm(x)
        return x, is_node, is_edge


class Encoder(nn.Module):
    def __init__(self, config, attention):
        super().__init__()
        width = config["encoder_embed_dim"]
        self.graph_encoder = GraphEncoder(config, attention)
        if config["head"]:
            self.lm_head_transform_weight = nn.Linear(width, width)
            self.layer_norm = nn.LayerNorm(width)
            self.embed_out = nn.Linear(width, config["num_classes"], bias=False)
            self.lm_output_learned_bias = nn.Parameter(torch.zeros(1))

    def predict(self, graph):
        hidden = self.layer_norm(F.gelu(self.lm_head_transform_weight(graph)))
        return self.embed_out(hidden) + self.lm_output_learned_bias


class TokenGt(nn.Module):
    """`forward` gives node vectors [N, D], graph vectors [B, D], edge vectors [E, D] and predictions [B, classes].

    The head reads the graph token only; the original applies it to every token and takes the first.
    """

    def __init__(self, config, attention="written out"):
        super().__init__()
        self.config = {**BASE, **config}
        self.encoder = Encoder(self.config, attention)

    def forward(self, batch):
        x, is_node, is_edge = self.encoder.graph_encoder(batch)
        nodes, edges = x[:, 2:][is_node], x[:, 2:][is_edge]
        if self.config["mean_pool"]:
            sums = (x[:, 2:] * is_node.unsqueeze(2)).sum(1)
            graphs = sums / batch["node_num"].unsqueeze(1)
        else:
            graphs = x[:, 0]
        logits = self.encoder.predict(graphs) if self.config["head"] else None
        return nodes, graphs, edges, logits
