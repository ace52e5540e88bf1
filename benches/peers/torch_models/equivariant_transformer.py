"""TorchMD-NET's equivariant transformer with its two heads, in plain PyTorch.

Parameter names are those of the original's state dict. Message passing stores its tensors per edge, as the original does.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

PUBLISHED = {
    "embedding_dimension": 256,
    "num_layers": 8,
    "num_heads": 8,
    "num_rbf": 64,
    "rbf_type": "expnorm",
    "trainable_rbf": False,
    "neighbor_embedding": True,
    "distance_influence": "both",
    "cutoff_lower": 0.0,
    "cutoff_upper": 5.0,
    "max_z": 100,
    "max_num_neighbors": 32,
    "layernorm_on_vec": None,
}


def sum_at(values, targets, size):
    """Sums rows [E, ...] at their targets: [size, ...]."""
    flat = values.flatten(1)
    index = targets.unsqueeze(1).expand_as(flat)
    return flat.new_zeros(size, flat.shape[1]).scatter_add_(0, index, flat).view(size, *values.shape[1:])


def radius_graph(pos, batch, lower, upper, cap):
    """Sources and targets of the edges below `upper`, self-loops included, sorted by target, then by source.

    Of more than `cap` sources those with the lowest numbers stay, as in the CUDA kernel of torch_cluster.
    """
    counts = torch.bincount(batch)
    first = counts.cumsum(0) - counts
    place = torch.arange(len(batch)) - first[batch]
    most = int(counts.max())
    padded = pos.new_full((len(counts), most, 3), float("nan"), dtype=torch.float64)
    padded[batch, place] = pos.detach().double()
    squared = (padded.unsqueeze(2) - padded.unsqueeze(1)).square().sum(-1)  # [B, target, source]
    near = squared < upper * upper
    if most > cap:
        near &= near.cumsum(2) <= cap
    near &= squared >= lower * lower
    molecule, target, source = near.nonzero(as_tuple=True)
    return source + first[molecule], target + first[molecule]


class CosineCutoff(nn.Module):
    def __init__(self, lower, upper):
        super().__init__()
        self.lower, self.upper = lower, upper

    def forward(self, r):
        if self.lower > 0:
            phase = math.pi * (2 * (r - self.lower) / (self.upper - self.lower) + 1)
            return 0.5 * (phase.cos() + 1) * ((r > self.lower) & (r < self.upper))
        return 0.5 * ((r * (math.pi / self.upper)).cos() + 1) * (r < self.upper)


class ExpNormBasis(nn.Module):
    def __init__(self, lower, upper, count, trainable):
        super().__init__()
        self.lower, self.alpha = lower, 5.0 / (upper - lower)
        self.cutoff = CosineCutoff(0.0, upper)
        start = math.exp(lower - upper)
        means = torch.linspace(start, 1, count)
        betas = torch.full((count,), (2 / count * (1 - start)) ** -2)
        for name, value in [("means", means), ("betas", betas)]:
            if trainable:
                self.register_parameter(name, nn.Parameter(value))
            else:
                self.register_buffer(name, value)

    def forward(self, r):
        r = r.unsqueeze(-1)
        closeness = (self.alpha * (self.lower - r)).exp()
        return self.cutoff(r) * (-self.betas * (closeness - self.means).square()).exp()


class GaussBasis(nn.Module):
    def __init__(self, lower, upper, count, trainable):
        super().__init__()
        offset = torch.linspace(lower, upper, count)
        coeff = -0.5 / (offset[1] - offset[0]).square()
        for name, value in [("offset", offset), ("coeff", coeff)]:
            if trainable:
                self.register_parameter(name, nn.Parameter(value))
            else:
                self.register_buffer(name, value)

    def forward(self, r):
        return (self.coeff * (r.unsqueeze(-1) - self.offset).square()).exp()


class NeighborEmbedding(nn.Module):
    def __init__(self, config):
        super().__init__()
        width = config["embedding_dimension"]
        self.embedding = nn.Embedding(config["max_z"], width)
        self.distance_proj = nn.Linear(config["num_rbf"], width)
        self.combine = nn.Linear(2 * width, width)
        self.cutoff = CosineCutoff(config["cutoff_lower"], config["cutoff_upper"])

    def forward(self, z, x, sources, targets, r, rbf):
        others = sources != targets
        sources, targets, r, rbf = sources[others], targets[others], r[others], rbf[others]
        filters = self.distance_proj(rbf) * self.cutoff(r).unsqueeze(1)
        neighbors = sum_at(self.embedding(z)[sources] * filters, targets, len(z))
        return self.combine(torch.cat([x, neighbors], 1))


class AttentionLayer(nn.Module):
    def __init__(self, config):
        super().__init__()
        width, basis = config["embedding_dimension"], config["num_rbf"]
        self.width, self.heads = width, config["num_heads"]
        self.layernorm = nn.LayerNorm(width)
        self.q_proj = nn.Linear(width, width)
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, 3 * width)
        self.o_proj = nn.Linear(width, 3 * width)
        self.vec_proj = nn.Linear(width, 3 * width, bias=False)
        influence = config["distance_influence"]
        self.dk_proj = nn.Linear(basis, width) if influence in ("keys", "both") else None
        self.dv_proj = nn.Linear(basis, 3 * width) if influence in ("values", "both") else None
        self.cutoff = CosineCutoff(config["cutoff_lower"], config["cutoff_upper"])

    def forward(self, x, vec, sources, targets, r, rbf, direction):
        size, heads, dim = len(x), self.heads, self.width // self.heads
        x = self.layernorm(x)
        q = self.q_proj(x).view(size, heads, dim)
        k = self.k_proj(x).view(size, heads, dim)
        v = self.v_proj(x).view(size, heads, 3 * dim)
        vec1, vec2, vec3 = self.vec_proj(vec).split(self.width, dim=-1)
        dot = (vec1 * vec2).sum(1)  # [N, F]

        products = q[targets] * k[sources]  # [E, H, D]
        if self.dk_proj is not None:
            products = products * F.silu(self.dk_proj(rbf)).view(-1, heads, dim)
        weights = F.silu(products.sum(-1)) * self.cutoff(r).unsqueeze(1)  # [E, H]
        values = v[sources]  # [E, H, 3 D]
        if self.dv_proj is not None:
            values = values * F.silu(self.dv_proj(rbf)).view(-1, heads, 3 * dim)
        scalar, along, across = values.split(dim, dim=2)  # [E, H, D] each
        messages = scalar * weights.unsqueeze(2)
        vec_messages = vec.view(size, 3, heads, dim)[sources] * along.unsqueeze(1) + across.unsqueeze(
            1
        ) * direction.view(-1, 3, 1, 1)
        summed = sum_at(messages, targets, size).view(size, self.width)
        dvec = sum_at(vec_messages, targets, size).view(size, 3, self.width)

        o1, o2, o3 = self.o_proj(summed).split(self.width, dim=1)
        return dot * o2 + o3, vec3 * o1.unsqueeze(1) + dvec


class WhitenedNorm(nn.Module):
    """Vectors times the inverse root of their 3 x 3 covariance, in float64 as the original."""

    def __init__(self, width, epsilon=1e-5):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, vec):
        wide = vec.double()
        centred = wide - wide.mean(-1, keepdim=True)
        diagonal = torch.diag(torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64, device=vec.device))
        covariance = centred @ centred.transpose(1, 2) / vec.shape[2] + self.epsilon * diagonal
        _, values, vectors = torch.linalg.svd(covariance)
        whiten = vectors.transpose(1, 2) @ ((values + self.epsilon).rsqrt().unsqueeze(2) * vectors)
        return (whiten @ centred).to(vec.dtype) * self.weight


class GatedBlock(nn.Module):
    def __init__(self, width, out, scalar_activation):
        super().__init__()
        self.out, self.scalar_activation = out, scalar_activation
        self.vec1_proj = nn.Linear(width, width, bias=False)
        self.vec2_proj = nn.Linear(width, out, bias=False)
        self.update_net = nn.Sequential(nn.Linear(2 * width, width), nn.SiLU(), nn.Linear(width, 2 * out))

    def forward(self, x, vec):
        # The norm has no derivative at zero: such rows take none.
        squares = self.vec1_proj(vec).square().sum(1)
        zero = squares == 0
        length = torch.where(zero, 0, torch.where(zero, 1, squares).sqrt())
        x, gate = self.update_net(torch.cat([x, length], -1)).split(self.out, dim=-1)
        vec = gate.unsqueeze(1) * self.vec2_proj(vec)
        return (F.silu(x) if self.scalar_activation else x), vec


class Head(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.output_network = nn.ModuleList([GatedBlock(width, width // 2, True), GatedBlock(width // 2, 1, False)])

    def forward(self, x, vec):
        for block in self.output_network:
            x, vec = block(x, vec)
        return x, vec.squeeze(-1)


class RepresentationModel(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        width = config["embedding_dimension"]
        self.embedding = nn.Embedding(config["max_z"], width)
        basis = {"expnorm": ExpNormBasis, "gauss": GaussBasis}[config["rbf_type"]]
        lower, upper = config["cutoff_lower"], config["cutoff_upper"]
        self.distance_expansion = basis(lower, upper, config["num_rbf"], config["trainable_rbf"])
        self.neighbor_embedding = NeighborEmbedding(config) if config["neighbor_embedding"] else None
        self.attention_layers = nn.ModuleList(AttentionLayer(config) for _ in range(config["num_layers"]))
        self.out_norm = nn.LayerNorm(width)
        self.out_norm_vec = WhitenedNorm(width) if config["layernorm_on_vec"] == "whitened" else None

    def forward(self, z, pos, batch, edges=None):
        config = self.config
        if edges is None:
            edges = radius_graph(
                pos, batch, config["cutoff_lower"], config["cutoff_upper"], config["max_num_neighbors"]
            )
        sources, targets = edges
        difference = pos[sources] - pos[targets]
        loops = sources == targets
        # Norms of self-loops are zero and have no derivative.
        r = torch.where(loops, 0, torch.where(loops, 1, difference.square().sum(1)).sqrt())
        direction = difference / torch.where(loops, 1, r).unsqueeze(1)
        rbf = self.distance_expansion(r)
        x = self.embedding(z)
        if self.neighbor_embedding is not None:
            x = self.neighbor_embedding(z, x, sources, targets, r, rbf)
        vec = x.new_zeros(len(x), 3, x.shape[1])
        for layer in self.attention_layers:
            dx, dvec = layer(x, vec, sources, targets, r, rbf, direction)
            x, vec = x + dx, vec + dvec
        x = self.out_norm(x)
        return x, vec if self.out_norm_vec is None else self.out_norm_vec(vec)


class NoiseNormalizer(nn.Module):
    """Running mean and deviation of the noise per axis, updated before they are used."""

    def __init__(self):
        super().__init__()
        for name, size in [("acc_sum", 3), ("acc_squared_sum", 3), ("acc_count", 1), ("num_accumulations", 1)]:
            self.register_buffer(name, torch.zeros(size))

    def forward(self, noise):
        if self.training:
            self.acc_sum += noise.sum(0)
            self.acc_squared_sum += noise.square().sum(0)
            self.acc_count += len(noise)
            self.num_accumulations += 1
        count = self.acc_count.clamp(min=1)
        mean = self.acc_sum / count
        std = (self.acc_squared_sum / count - mean.square()).sqrt().clamp(min=1e-8)
        return (noise - mean) / std


class EquivariantTransformer(nn.Module):
    """`forward` gives features [N, F], the predicted noise [N, 3], and a number per molecule [B, 1] when asked for it."""

    def __init__(self, config):
        super().__init__()
        self.config = {**PUBLISHED, **config}
        width = self.config["embedding_dimension"]
        self.representation_model = RepresentationModel(self.config)
        self.output_model = Head(width)
        self.output_model_noise = Head(width)
        self.pos_normalizer = NoiseNormalizer()
        self.register_buffer("mean", torch.tensor(0.0))
        self.register_buffer("std", torch.tensor(1.0))

    def forward(self, z, pos, batch, edges=None, with_scalar=False):
        x, vec = self.representation_model(z, pos, batch, edges)
        noise = self.output_model_noise(x, vec)[1]
        scalar = None
        if with_scalar:
            of_atoms = self.output_model(x, vec)[0] * self.std
            scalar = of_atoms.new_zeros(int(batch.max()) + 1, 1).index_add(0, batch, of_atoms) + self.mean
        return x, vec, noise, scalar

    def loss(self, z, pos, batch, noise, edges=None):
        """The denoising loss; the scalar head takes part with weight zero, as in the original."""
        predicted = self(z, pos, batch, edges)[2]
        unused = sum(p.sum() for p in self.output_model.parameters())
        return F.mse_loss(predicted + 0 * unused, self.pos_normalizer(noise))
