"""Writes activations.npz: each activation and its gradient, by PyTorch in float64."""

import numpy as np
import torch
import torch.nn.functional as F
from archive import save

rng = np.random.default_rng(2)
spread = np.concatenate([rng.normal(size=40), 10 * rng.normal(size=20), [-1e4, -750, -100, -30, 30, 100, 750, 1e4]])
x = rng.permutation(np.concatenate([spread, np.linspace(-3, 3, 10)[1:-1]])).reshape(4, 19)
dy = rng.normal(size=x.shape)

cases = {
    "identity": lambda x: x * 1,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": F.relu,
    "leaky_relu": F.leaky_relu,
    "leaky_relu/negative_slope=0.3": lambda x: F.leaky_relu(x, 0.3),
    "leaky_relu/negative_slope=-0.5": lambda x: F.leaky_relu(x, -0.5),
    "elu": F.elu,
    "elu/alpha=0.4": lambda x: F.elu(x, 0.4),
    "selu": F.selu,
    "softplus": lambda x: F.softplus(x, threshold=600),     # below its threshold PyTorch uses the formula
    "softplus/beta=2.5": lambda x: F.softplus(x, beta=2.5, threshold=600),
    "swish": F.silu,
    "swish/beta=1.7": lambda x: x * torch.sigmoid(1.7 * x),
    "mish": F.mish,
    "gelu": F.gelu,
    "gelu/approximate=tanh": lambda x: F.gelu(x, approximate="tanh"),
    # the gradient of F.hardsigmoid holds 1/6 in single precision
    "hard_sigmoid/slope=0.16666666666666666": lambda x: (x * (1 / 6) + 0.5).clamp(0, 1),
    "hard_tanh": F.hardtanh,
    "softmax": lambda x: F.softmax(x, -1),
    "softmax/axis=0": lambda x: F.softmax(x, 0),
    "log_softmax": lambda x: F.log_softmax(x, -1),
    "log_softmax/axis=0": lambda x: F.log_softmax(x, 0),
}
store = {"x": x, "dy": dy}
for name, f in cases.items():
    tx = torch.tensor(x, requires_grad=True)
    y = f(tx)
    y.backward(torch.tensor(dy))
    store[f"{name}/y"], store[f"{name}/dx"] = y.detach().numpy(), tx.grad.numpy()

x3, dy3 = rng.normal(size=(2, 2, 3, 4, 2)), rng.normal(size=(2, 2, 3, 4, 2))
for name, alpha, xs, dys in [("prelu/one", [0.3], x, dy), ("prelu/channel", [0.3, -0.2], x3[:, :, 0], dy3[:, :, 0]),
                             ("prelu/features", [0.1, 0.2], x3[0, 0, 0, :, :], dy3[0, 0, 0, :, :])]:
    tx, ta = torch.tensor(xs, requires_grad=True), torch.tensor(alpha, dtype=torch.float64, requires_grad=True)
    y = F.prelu(tx, ta)
    y.backward(torch.tensor(dys))
    store |= {f"{name}/x": xs, f"{name}/alpha": ta.detach().numpy(), f"{name}/dy": dys, f"{name}/y": y.detach().numpy(),
              f"{name}/dx": tx.grad.numpy(), f"{name}/dalpha": ta.grad.numpy()}

save(__file__, store, torch.__version__)
