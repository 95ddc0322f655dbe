"""Writes losses.npz: each loss and its gradient, by PyTorch in float64."""

import numpy as np
import torch
import torch.nn.functional as F
from archive import save

rng = np.random.default_rng(3)
prediction, target = 2 * rng.normal(size=(5, 3)), 2 * rng.normal(size=(5, 3))
logits = 4 * rng.normal(size=(6, 4))
logits[0], logits[1] = [1e4, -1e4, 3, 0], [-700, 20, 20, -30]
sequences = rng.normal(size=(2, 3, 4))
weights = rng.uniform(size=(6, 4)) * [1, 1, 0, 1]
probabilities = weights / weights.sum(axis=1, keepdims=True)
class_weights = torch.tensor([0.5, 2.0, 0.0, 32.0], dtype=torch.float64)
cases = {                                       # name: (loss, prediction, target)
    "mse": (F.mse_loss, prediction, target),
    "mae": (F.l1_loss, prediction, target),
    "huber": (F.huber_loss, prediction, target),
    "huber/delta=0.3": (lambda p, t, reduction: F.huber_loss(p, t, delta=0.3, reduction=reduction), prediction, target),
    "binary_cross_entropy": (F.binary_cross_entropy_with_logits, logits, rng.uniform(size=(6, 4)).round(1)),
    "cross_entropy": (F.cross_entropy, logits, rng.integers(4, size=6)),
    "cross_entropy/probabilities": (F.cross_entropy, logits, probabilities),
    "cross_entropy/sequences": (lambda p, t, reduction: F.cross_entropy(p.mT, t, reduction=reduction),
                                sequences, rng.integers(4, size=(2, 3))),
    "hinge": (lambda p, t, reduction: {"mean": torch.mean, "sum": torch.sum, "none": lambda x: x}[reduction](
        F.relu(1 - t * p)), prediction, np.sign(target)),
    "kl_divergence": (lambda p, t, reduction: F.kl_div(p, t, reduction="none").sum(-1) if reduction == "none" else
                      F.kl_div(p, t, reduction="batchmean" if reduction == "mean" else "sum"),
                      np.log(rng.uniform(0.01, 1, size=(6, 4))), probabilities),
    "cross_entropy/weight": (lambda p, t, reduction: F.cross_entropy(p, t, class_weights, reduction=reduction),
                             logits, np.array([3, 0, 1, 2, 2, 3])),
    "cross_entropy/weight/sequences": (
        lambda p, t, reduction: F.cross_entropy(p.mT, t, class_weights, reduction=reduction),
        sequences, np.array([[0, 1, 3], [2, 0, 3]])),
}
store = {}
for name, (loss, p, t) in cases.items():
    store |= {f"{name}/prediction": p, f"{name}/target": t}
    for reduction in ("mean", "sum", "none"):
        tp = torch.tensor(p.copy(), requires_grad=True)
        y = loss(tp, torch.tensor(t), reduction=reduction)
        dy = rng.normal(size=y.shape)
        y.backward(torch.tensor(dy))
        store |= {f"{name}/{reduction}/loss": y.detach().numpy(), f"{name}/{reduction}/dy": dy,
                  f"{name}/{reduction}/dprediction": tp.grad.numpy()}

save(__file__, store, torch.__version__)
