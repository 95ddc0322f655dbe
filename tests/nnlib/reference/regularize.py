"""Writes regularize.npz: penalties, batch norm and layer norm with their gradients, by PyTorch in float64."""

import numpy as np
import torch
from archive import save

rng = np.random.default_rng(7)
store = {}

for name, shape in {"flat": (6, 3), "images": (4, 3, 5, 2)}.items():
    layer = torch.nn.BatchNorm1d(3) if len(shape) == 2 else torch.nn.BatchNorm2d(3)
    layer = layer.double()
    gamma, beta = rng.normal(size=(2, 3))
    layer.weight.data, layer.bias.data = torch.tensor(gamma), torch.tensor(beta)
    store |= {f"batch_norm/{name}/gamma": gamma, f"batch_norm/{name}/beta": beta}
    for step in range(4):  # three batches in training, one in evaluation
        layer.train(step < 3)
        x, dy = 2 * rng.normal(size=shape) + 3, rng.normal(size=shape)
        tx = torch.tensor(x, requires_grad=True)
        layer.zero_grad()
        y = layer(tx)
        y.backward(torch.tensor(dy))
        store |= {f"batch_norm/{name}/{step}/{key}": value for key, value in {
            "x": x, "dy": dy, "y": y.detach().numpy(), "dx": tx.grad.numpy(), "dgamma": layer.weight.grad.numpy(),
            "dbeta": layer.bias.grad.numpy(), "running_mean": layer.running_mean.numpy().copy(),
            "running_var": layer.running_var.numpy().copy()}.items()}

for name, shape, axes in [("flat", (6, 5), 1), ("sequences", (3, 4, 5), 1), ("images", (4, 3, 5, 2), 3)]:
    layer = torch.nn.LayerNorm(shape[-axes:], dtype=torch.float64)
    gamma, beta = rng.normal(size=(2, *shape[-axes:]))
    layer.weight.data, layer.bias.data = torch.tensor(gamma), torch.tensor(beta)
    x, dy = 2 * rng.normal(size=shape) + 3, rng.normal(size=shape)
    tx = torch.tensor(x, requires_grad=True)
    y = layer(tx)
    y.backward(torch.tensor(dy))
    store |= {f"layer_norm/{name}/{key}": value for key, value in {
        "x": x, "dy": dy, "gamma": gamma, "beta": beta, "y": y.detach().numpy(), "dx": tx.grad.numpy(),
        "dgamma": layer.weight.grad.numpy(), "dbeta": layer.bias.grad.numpy()}.items()}

w = rng.normal(size=(4, 3))
w[1, 1] = 0
store["penalty/w"] = w
for l1, l2 in [(0.3, 0.0), (0.0, 0.7), (0.3, 0.7)]:
    tw = torch.tensor(w, requires_grad=True)
    penalty = l1 * tw.abs().sum() + l2 / 2 * (tw**2).sum()
    penalty.backward()
    store |= {f"penalty/{l1},{l2}/value": penalty.detach().numpy(), f"penalty/{l1},{l2}/gradient": tw.grad.numpy()}

save(__file__, store, torch.__version__)
