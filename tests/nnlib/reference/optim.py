"""Writes optim.npz: ten steps of each optimiser, gradient clipping and learning-rate schedules, by PyTorch in float64."""

import numpy as np
import torch
from archive import save

rng = np.random.default_rng(5)
shapes = {"W": (3, 4), "b": (4,)}
start = {name: rng.normal(size=shape) for name, shape in shapes.items()}
gradients = {name: rng.normal(size=(10, *shape)) * 10.0 ** rng.integers(-4, 3, size=(10, *shape))
             for name, shape in shapes.items()}
gradients["W"][:, 0, 0] = 0  # a weight that never gets a gradient

cases = {
    "SGD": [{}, {"lr": 0.1}, {"lr": 0.1, "weight_decay": 0.05}, {"lr": 0.1, "momentum": 0.8},
            {"lr": 0.1, "momentum": 0.8, "weight_decay": 0.05}, {"lr": 0.1, "momentum": 0.8, "nesterov": True},
            {"lr": 0.1, "momentum": 0.8, "nesterov": True, "weight_decay": 0.05}],
    "Adagrad": [{}, {"lr": 0.1}, {"lr": 0.1, "weight_decay": 0.05}, {"lr": 0.1, "eps": 0.3}],
    "RMSprop": [{}, {"lr": 0.1}, {"lr": 0.1, "alpha": 0.7}, {"lr": 0.1, "weight_decay": 0.05},
                {"lr": 0.1, "momentum": 0.8}, {"lr": 0.1, "momentum": 0.8, "weight_decay": 0.05, "eps": 0.3}],
    "Adam": [{}, {"lr": 0.1}, {"lr": 0.1, "betas": (0.7, 0.9)}, {"lr": 0.1, "eps": 0.3},
             {"lr": 0.1, "weight_decay": 0.05}],
    "AdamW": [{}, {"lr": 0.1}, {"lr": 0.1, "betas": (0.7, 0.9), "eps": 0.3}, {"lr": 0.1, "weight_decay": 0.5}],
}
store = {f"start/{name}": array for name, array in start.items()}
store |= {f"gradients/{name}": array for name, array in gradients.items()}
for optimizer, options in cases.items():
    for settings in options:
        tensors = {name: torch.tensor(array, requires_grad=True) for name, array in start.items()}
        opt = getattr(torch.optim, optimizer)(tensors.values(), **settings)
        path = {name: [] for name in tensors}
        for step in range(10):
            for name, tensor in tensors.items():
                tensor.grad = torch.tensor(gradients[name][step])
            opt.step()
            for name, tensor in tensors.items():
                path[name].append(tensor.detach().numpy().copy())
        key = "/".join([optimizer, ",".join(f"{k}={v!r}" for k, v in settings.items())])
        store |= {f"{key}/{name}": np.array(values) for name, values in path.items()}

for max_norm in (0.5, 20.0, 1e6):
    tensors = [torch.tensor(array, requires_grad=True) for array in start.values()]
    for name, tensor in zip(start, tensors):
        tensor.grad = torch.tensor(gradients[name][0])
    norm = torch.nn.utils.clip_grad_norm_(tensors, max_norm)
    store |= {f"clip/{max_norm}/norm": norm.numpy(), **{f"clip/{max_norm}/{name}": tensor.grad.numpy()
                                                        for name, tensor in zip(start, tensors)}}

schedules = torch.optim.lr_scheduler
for name, make in {"step_decay": lambda opt: schedules.StepLR(opt, 7, 0.3),
                   "exponential_decay": lambda opt: schedules.ExponentialLR(opt, 0.9),
                   "cosine_decay": lambda opt: schedules.CosineAnnealingLR(opt, 30, 0.02)}.items():
    opt = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    scheduler, rates = make(opt), []
    for step in range(31):
        rates.append(opt.param_groups[0]["lr"])
        opt.step()
        scheduler.step()
    store[f"schedule/{name}"] = np.array(rates)

save(__file__, store, torch.__version__)
