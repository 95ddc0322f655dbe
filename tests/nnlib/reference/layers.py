"""Writes layers.npz: dense and embedding layers and two whole networks, forward and gradients, by PyTorch in float64."""

import numpy as np
import torch
from torch import nn
from archive import save

torch.set_default_dtype(torch.float64)
rng = np.random.default_rng(4)
store = {}


def linear(name, fan_in, fan_out, bias=True):
    """A Linear layer with stored weights, which nnlib holds as (in, out)."""
    layer = nn.Linear(fan_in, fan_out, bias=bias)
    layer.weight.data = torch.tensor(rng.normal(size=(fan_out, fan_in)))
    store[f"{name}/W"] = layer.weight.detach().numpy().T
    if bias:
        layer.bias.data = torch.tensor(rng.normal(size=fan_out))
        store[f"{name}/b"] = layer.bias.detach().numpy()
    return layer


def gradients(name, layer):
    store[f"{name}/dW"] = layer.weight.grad.numpy().T
    if layer.bias is not None:
        store[f"{name}/db"] = layer.bias.grad.numpy()


def run(name, model, x):
    tx = torch.tensor(x, requires_grad=x.dtype == float)
    y = model(tx)
    dy = rng.normal(size=tuple(y.shape))
    y.backward(torch.tensor(dy))
    store.update({f"{name}/x": x, f"{name}/y": y.detach().numpy(), f"{name}/dy": dy})
    if tx.grad is not None:
        store[f"{name}/dx"] = tx.grad.numpy()


for name, shape, bias in [("dense", (7, 5), True), ("dense/no_bias", (7, 5), False), ("dense/steps", (2, 7, 5), True)]:
    layer = linear(name, 5, 3, bias)
    run(name, layer, rng.normal(size=shape))
    gradients(name, layer)

embedding = nn.Embedding(6, 4)
embedding.weight.data = torch.tensor(rng.normal(size=(6, 4)))
store["embedding/W"] = embedding.weight.detach().numpy()
run("embedding", embedding, np.array([[1, 5, 1], [0, 1, 3]]))
store["embedding/dW"] = embedding.weight.grad.numpy()


class Residual(nn.Module):
    def __init__(self, inner, shortcut):
        super().__init__()
        self.inner, self.shortcut = inner, shortcut

    def forward(self, x):
        return self.shortcut(x) + self.inner(x)


a, b, c, d, e = (linear(f"network/{i}", *sizes) for i, sizes in enumerate([(6, 5), (5, 5), (5, 5), (5, 4), (5, 4)]))
network = nn.Sequential(nn.Flatten(), a, nn.Tanh(), Residual(nn.Sequential(b, nn.ReLU(), c), nn.Identity()),
                        Residual(nn.Sequential(d, nn.GELU()), e))
run("network", network, rng.normal(size=(8, 2, 3)))
for i, layer in enumerate((a, b, c, d, e)):
    gradients(f"network/{i}", layer)

shared, out = linear("shared/0", 4, 4), linear("shared/1", 4, 2)
run("shared", nn.Sequential(shared, nn.Tanh(), shared, nn.Tanh(), shared, out), rng.normal(size=(3, 4)))
gradients("shared/0", shared)
gradients("shared/1", out)

for shape in [(5, 3), (8, 2, 3, 3), (4, 6, 5)]:     # fans: PyTorch's Linear holds (out, in)
    tensor = torch.empty(shape[::-1] if len(shape) == 2 else shape)
    store["fans/" + "x".join(map(str, shape))] = np.array(nn.init._calculate_fan_in_and_fan_out(tensor))

save(__file__, store, torch.__version__)
