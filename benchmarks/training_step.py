"""Time one training step of three networks, and PyTorch's beside it if it is installed.

    python benchmarks/training_step.py [turns]

float32, batches of 64, one thread, plain gradient descent. Processor time is counted, which other programs
disturb less than the clock's. The two libraries take turns of ten steps, so that both meet the same noise and
each, as in a training, finds its own weights in the cache; the ratio is the median over the pairs of turns.
Both start from the same weights, and their first losses are compared before anything is timed. Exits with 1
if a ratio is above its limit.

Beside the MLP stand its step written out in NumPy, with no library around it, and the eight matrix products of a
step alone: what NumPy can do at best, and what no step can do without.
"""

import argparse
import os
import sys
import time

# read when NumPy is imported
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import numpy as np

from nnlib import LSTM, SGD, Activation, Conv2D, Dense, Flatten, MaxPool2D, Sequential, cross_entropy, relu

try:
    import torch
    from torch import nn
except ImportError:
    torch = None

BATCH, CLASSES, LR = 64, 10, 0.01
LIMITS = {"MLP": 0.9, "CNN": 1.2, "LSTM": 1.7}
SHAPES = {"MLP": (784,), "CNN": (1, 28, 28), "LSTM": (50, 32)}


def our_model(name, rng):
    """784-256-128-10; two convolutions of 8 and 16 filters, each pooled; an LSTM of 64 units for 50 steps."""
    new = dict(rng=rng, dtype=np.float32)
    if name == "MLP":
        return Sequential(Dense(784, 256, **new), Activation(relu), Dense(256, 128, **new), Activation(relu),
                          Dense(128, CLASSES, **new))
    if name == "CNN":
        return Sequential(Conv2D(1, 8, 3, padding=1, **new), Activation(relu), MaxPool2D(2),
                          Conv2D(8, 16, 3, padding=1, **new), Activation(relu), MaxPool2D(2),
                          Flatten(), Dense(16 * 7 * 7, CLASSES, **new))
    return Sequential(LSTM(32, 64, return_sequences=False, **new), Dense(64, CLASSES, **new))


def our_step(model, x, labels):
    optimizer = SGD(model.parameters(), lr=LR)

    def step():
        loss, pullback = cross_entropy.vjp(model(x), labels)
        optimizer.zero_grad()
        model.backward(pullback(1.0)[0])
        optimizer.step()
        return float(loss)
    return step


def torch_model(name, ours):
    """The same network with the same weights."""
    if name == "MLP":
        model = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(),
                              nn.Linear(128, CLASSES))
    elif name == "CNN":
        model = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                              nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                              nn.Flatten(), nn.Linear(16 * 7 * 7, CLASSES))
    else:
        class Last(nn.Module):
            def forward(self, states):
                return states[0][:, -1]
        model = nn.Sequential(nn.LSTM(32, 64, batch_first=True), Last(), nn.Linear(64, CLASSES))
    values = [p.value for p in ours.parameters()]
    if name == "LSTM":                          # gates i, f, o, g here, i, f, g, o and two biases in PyTorch
        values[:3] = [v[..., np.r_[:128, 192:256, 128:192]] for v in values[:3]]
        values.insert(3, np.zeros(256))
    with torch.no_grad():
        for p, value in zip(model.parameters(), values, strict=True):
            p.copy_(torch.tensor(value.T if value.ndim == 2 else value))
    return model


def torch_step(model, x, labels):
    optimizer = torch.optim.SGD(model.parameters(), lr=LR)
    loss_of, x, labels = nn.CrossEntropyLoss(), torch.tensor(x), torch.tensor(labels)

    def step():
        loss = loss_of(model(x), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()
    return step


def by_hand(model, x, labels):
    """The MLP's step without layers, checks and optimiser, and its matrix products alone."""
    weights, biases = ([p.value.copy() for p in model.parameters()[k::2]] for k in (0, 1))
    rows, inputs = np.arange(BATCH), [x, *(np.ones((BATCH, len(W)), np.float32) for W in weights[1:])]
    slopes = [*inputs[1:], np.ones((BATCH, CLASSES), np.float32)]

    def step():
        hidden = [x]
        for W, b in zip(weights[:-1], biases):
            hidden.append(np.maximum(hidden[-1] @ W + b, 0))
        p = np.exp(hidden[-1] @ weights[-1] + biases[-1])
        p /= p.sum(axis=1, keepdims=True)
        loss = -np.log(p[rows, labels]).mean()
        p[rows, labels] -= 1
        dz, gradients = p / np.float32(BATCH), []
        for i in reversed(range(len(weights))):
            gradients.append((weights[i], hidden[i].T @ dz))
            gradients.append((biases[i], dz.sum(axis=0)))
            if i:
                dz = dz @ weights[i].T * (hidden[i] > 0)
        for w, g in gradients:
            w -= LR * g
        return float(loss)

    def products():
        for h, W, dz in zip(inputs, weights, slopes):
            h @ W, h.T @ dz
        for W, dz in zip(weights[1:], slopes[1:]):
            dz @ W.T
    return step, products


def turn(step, steps=10):
    """Milliseconds for one step, after one that is not counted."""
    step()
    start = time.process_time()
    for _ in range(steps):
        step()
    return 1e3 * (time.process_time() - start) / steps


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("turns", nargs="?", type=int, default=50)
    turns = parser.parse_args().turns
    print(f"one training step, batch {BATCH}, float32, one thread, medians of {turns} turns; "
          f"NumPy {np.__version__}, {'PyTorch ' + torch.__version__ if torch else 'no PyTorch here'}")
    above = False
    for name, limit in LIMITS.items():
        rng = np.random.default_rng(0)
        x = rng.standard_normal((BATCH, *SHAPES[name])).astype(np.float32)
        labels = rng.integers(0, CLASSES, BATCH)
        model = our_model(name, rng)
        steps = [our_step(model, x, labels)]
        if torch is not None:
            torch.set_num_threads(1)
            steps.append(torch_step(torch_model(name, model), x, labels))
        beside = by_hand(model, x, labels) if name == "MLP" else ()
        losses = [step() for step in [*steps, *beside[:1]]]
        if max(losses) - min(losses) > 1e-5:
            sys.exit(f"{name}: the first losses differ, {losses}: not the same network")
        times = np.array([[turn(step) for step in [*steps, *beside]] for _ in range(turns)])
        ours, *theirs = np.median(times[:, :len(steps)], axis=0)
        print(f"{name:5} {ours:7.3f} ms", end="")
        if theirs:
            ratio = np.median(times[:, 0] / times[:, 1])
            above |= ratio > limit
            print(f"   PyTorch {theirs[0]:7.3f} ms   ratio {ratio:.2f} (limit {limit})"
                  f"{' ABOVE' if ratio > limit else ''}", end="")
        print()
        if beside:
            hand, products = (np.median(times[:, 0] / times[:, k]) for k in (-2, -1))
            print(f"      {hand:.2f} of the same step by hand, {products:.2f} of its matrix products alone")
    return int(above)


if __name__ == "__main__":
    sys.exit(main())
