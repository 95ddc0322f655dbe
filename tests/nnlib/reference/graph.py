"""Writes graph.npz: layers on graphs with their gradients, by PyTorch in float64, from the dense formulas of their papers."""

import numpy as np
import torch
from archive import case, save

rng = np.random.default_rng(16)
store = {}


def graph(*leading, directed=False):
    """An adjacency matrix of 6 nodes, the last of which has no neighbour."""
    A = (rng.random((*leading, 6, 6)) < 0.4).astype(float)
    A = A if directed else np.triu(A, 1) + np.swapaxes(np.triu(A, 1), -1, -2)
    A[..., 5, :] = A[..., :, 5] = 0
    return A


def add(name, f, A, **arrays):
    store.update({f"{name}/A": A, **case(rng, name, lambda *tensors: f(torch.tensor(A), *tensors), arrays)})


def gcn(A, x, W, b, normalize="symmetric", add_self_loops=True):
    A = A + torch.eye(6, dtype=A.dtype) if add_self_loops else A
    d = A.sum(dim=-1)
    d = torch.where(d == 0, 1, d)
    if normalize == "symmetric":
        A = torch.diag_embed(d**-0.5) @ A @ torch.diag_embed(d**-0.5)
    if normalize == "mean":
        A = torch.diag_embed(1 / d) @ A
    return torch.einsum("...ij,...jd,dk->...ik", A, x, W) + b


def gathered(A, x, aggr="mean"):
    rows = []
    for G, h in zip(A, x):
        for i in range(6):
            heard = h[G[i] > 0]
            rows.append(getattr(torch, "amax" if aggr == "max" else aggr)(heard, dim=0) if len(heard) else 0 * h[0])
    return torch.stack(rows).reshape(x.shape)


def gat(A, x, W, a_source, a_target, b, negative_slope=0.2):
    h = x @ W
    pairs = torch.cat([h[..., :, None, :].expand(2, 6, 6, 3), h[..., None, :, :].expand(2, 6, 6, 3)], dim=-1)
    z = torch.nn.functional.leaky_relu(pairs @ torch.cat([a_target, a_source]), negative_slope)
    z = z.masked_fill(A + torch.eye(6, dtype=A.dtype) == 0, -torch.inf)
    return torch.softmax(z, dim=-1) @ h + b


for options in ("", "normalize='mean'", "normalize='none'", "add_self_loops=False", "normalize='mean',add_self_loops=False"):
    add(f"graph_convolution/{options}", lambda *a, o=options: gcn(*a, **eval(f"dict({o})")), graph(2),
        x=rng.normal(size=(2, 6, 4)), W=rng.normal(size=(4, 3)), b=rng.normal(size=3))
for aggr in ("mean", "sum", "max"):
    add(f"aggregate/aggr='{aggr}'", lambda *a, o=aggr: gathered(*a, o), graph(2, directed=True), x=rng.normal(size=(2, 6, 4)))
    add(f"sage_convolution/aggr='{aggr}'", lambda A, x, W, W_root, b, o=aggr: gathered(A, x, o) @ W + x @ W_root + b, graph(2),
        x=rng.normal(size=(2, 6, 4)), W=rng.normal(size=(4, 3)), W_root=rng.normal(size=(4, 3)), b=rng.normal(size=3))
for options in ("", "negative_slope=0.5"):
    add(f"graph_attention/{options}", lambda *a, o=options: gat(*a, **eval(f"dict({o})")), graph(2),
        x=rng.normal(size=(2, 6, 4)), W=rng.normal(size=(4, 3)), a_source=rng.normal(size=3), a_target=rng.normal(size=3),
        b=rng.normal(size=3))

save(__file__, store, torch.__version__)
