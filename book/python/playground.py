"""The playground's Python: from a set-up to a program of nnlib, and from the program to what the page draws.

The page trains with the very text that it shows: :class:`Training` executes the program but for its last lines, which say
how many steps are made, and makes these itself. ``OPTIONS`` says what a set-up is; the page makes its controls of it.
"""

import json
import math
import time
from pathlib import Path

import numpy as np

OUT = Path("/out")  # files left here are handed out
WINDOW, CELLS = 3, 40  # the picture goes from -3 to 3 both ways, in so many cells
CLASSES, NUMBER = "binary_cross_entropy hinge mse".split(), "mse mae huber".split()


def choice(group, label, default, /, **choices):
    return {"group": group, "label": label, "default": default, "choices": choices}


def number(group, label, default, low, high, **more):
    return {"group": group, "label": label, "default": default, "low": low, "high": high, **more}


OPTIONS = {
    "data": choice("Data", "Data", "spirals", spirals="two spirals", moons="two moons", xor="four corners (XOR)",
                   blobs="two clouds", saddle="a saddle, x₁x₂ (regression)", own="your own points"),
    "noise": number("Data", "Noise", 0.03, 0, 2,
                    per={"spirals": 0.03, "moons": 0.1, "xor": 0.15, "blobs": 0.8, "saddle": 0.1, "own": 0}),
    "seed": number("Data", "Seed", 1, 0, 9999, whole=True),
    "layers": {"group": "Network", "label": "Units in the hidden layers", "default": [8, 8], "most": 5, "high": 10},
    "activation": choice("Network", "Activation", "tanh", relu="ReLU", leaky_relu="leaky ReLU", tanh="tanh", sigmoid="sigmoid",
                         swish="swish", identity="none (linear)"),
    "init": choice("Network", "First weights", "xavier_uniform", xavier_uniform="Xavier, uniform", xavier_normal="Xavier, normal",
                   he_normal="He, normal", normal="normal, 0.01", zeros="all zero"),
    "loss": choice("Training", "Loss", "binary_cross_entropy", binary_cross_entropy="cross-entropy", hinge="hinge",
                   mse="squared error", mae="absolute error", huber="Huber"),
    "optimizer": choice("Training", "Optimiser", "SGD", SGD="SGD", AdaGrad="AdaGrad", RMSProp="RMSProp", Adam="Adam"),
    "lr": number("Training", "Learning rate", 0.3, 0, 1000),
    "momentum": number("Training", "Momentum", 0, 0, 0.999, only=["SGD", "RMSProp"]),
    "beta1": number("Training", "β₁", 0.9, 0, 0.999, only=["Adam"]),
    "beta2": number("Training", "β₂", 0.999, 0, 0.9999, only=["Adam"]),
    "batch": number("Training", "Batch size", 30, 1, 240, whole=True),
    "l1": number("Against overfitting", "L1", 0, 0, 1),
    "l2": number("Against overfitting", "L2", 0, 0, 1),
    "dropout": number("Against overfitting", "Dropout", 0, 0, 0.9),
    "norm": choice("Against overfitting", "Batch norm", "no", no="no", yes="after each hidden layer's sum"),
}  # fmt: skip
DATA = {
    "spirals": "spirals(300, noise={noise}, rng=rng)",
    "moons": "moons(300, noise={noise}, rng=rng)",
    "xor": "xor(300, noise={noise}, rng=rng)",
    "blobs": "blobs(300, classes=2, spread={noise}, rng=rng)",
}


def program(setup, steps=0, points=(), edits=()):
    """A program of ``nnlib`` as text: what stands before the first step, and the lines that make the steps.

    Parameters
    ----------
    setup : dict
        A value for each of ``OPTIONS``.
    steps : int
    points : list of (x, y, class)
        The samples, if ``setup["data"]`` is "own".
    edits : list of (step, layer, row, column, value)
        Weights set by hand after so many steps: the layer's ``W[row, column]``, or its bias for row -1.
    """
    s = setup
    names = ["Activation", "Dense", "Sequential", "batches", s["activation"], s["init"], s["loss"], s["optimizer"]]
    rows = []
    signed = s["loss"] != "binary_cross_entropy"
    if s["data"] == "own":
        rows += [f"X = np.array({[[x, y] for x, y, _ in points]})",
                 f"y = np.array({[label for *_, label in points]})[:, None]"]
    elif s["data"] == "saddle":
        rows += ["X = np.round(rng.uniform(-2, 2, (300, 2)), 3)",
                 f"y = X[:, :1] * X[:, 1:] / 2 + {s['noise']} * rng.standard_normal((300, 1))"]
    else:
        names.append(s["data"])
        rows += [f"X, y = {DATA[s['data']].format(**s)}",
                 "X = np.round((X - X.mean(axis=0)) / X.std(axis=0), 3)", "y = y[:, None]"]
    if s["data"] != "saddle" and signed:
        rows[-1] = rows[-1].replace("y = ", "y = 2 * ") + " - 1"
    if s["data"] != "own":
        names.append("split")
        rows.append("(X, y), (X_val, y_val) = split(X, y, (4, 1))")

    hidden, size = [], 2
    rows += ["", "settings = dict(init=" + s["init"] + ", rng=rng, portable=True)"]
    for units in s["layers"]:
        parts = [f"Dense({size}, {units}, **settings)", f"Activation({s['activation']})"]
        if s["norm"] == "yes":
            parts.insert(1, f"BatchNorm({units})")
        if s["dropout"]:
            parts.append(f"Dropout({s['dropout']}, rng=rng)")
        hidden.append(f"    {', '.join(parts)},")
        size = units
    names += ["BatchNorm"] * (s["norm"] == "yes" and bool(hidden)) + ["Dropout"] * bool(s["dropout"] and hidden)
    rows += ["model = Sequential(", *hidden, f"    Dense({size}, 1, **settings))"]
    more = f", momentum={s['momentum']}" if s["momentum"] and s["optimizer"] in ("SGD", "RMSProp") else ""
    if s["optimizer"] == "Adam":
        more = f", betas=({s['beta1']}, {s['beta2']})"
    rows.append(f"optimizer = {s['optimizer']}(model.parameters(), lr={s['lr']}{more})")
    penalty = bool(s["l1"] or s["l2"])
    if penalty:
        names.append("ElasticNet")
        rows.append(f"penalty = ElasticNet(l1={s['l1']}, l2={s['l2']})")
    drop = ", drop_last=True" if s["norm"] == "yes" and hidden else ""
    rows += ["", "", "def steps():", "    while True:",
             f"        for X_batch, y_batch in batches(X, y, {s['batch']}, rng{drop}):",
             f"            loss, pullback = {s['loss']}.vjp(model(X_batch), y_batch)", "            optimizer.zero_grad()",
             "            model.backward(pullback(1.0)[0])"]
    if penalty:
        rows.append("            penalty.add_gradients(optimizer.parameters)")
    rows += ["            optimizer.step()", "            yield loss"]

    data = {*DATA, "split"}
    parts = [("nnlib", set(names) - data), ("nnlib.data", set(names) & data)]
    head = ["from itertools import islice", "", "import numpy as np", ""]
    head += [f"from {module} import {', '.join(sorted(wanted, key=str.lower))}" for module, wanted in parts if wanted]
    text = "\n".join([*head, "", f"rng = np.random.default_rng({s['seed']})", *rows, "", "", "training = steps()"]) + "\n"
    return text, "".join(line + "\n" for line in _made(setup, steps, edits))


def _made(setup, steps, edits):
    """The lines that make so many steps, with what was set by hand between them."""
    lines, done = [], 0
    for step, layer, row, column, value in edits:
        if step > steps:
            break
        if step > done:
            lines.append(f"losses = list(islice(training, {step - done}))")
        done = step
        place = f"W.value[{row}, {column}]" if row >= 0 else f"b.value[{column}]"
        lines.append(f"model[{layer * _stride(setup)}].{place} = {value}  # by hand, after step {step}")
    return [*lines, f"losses = list(islice(training, {steps - done}))"] if steps > done else lines


def _stride(setup):
    """Layers of the model from one dense layer to the next."""
    return 2 + (setup["norm"] == "yes") + bool(setup["dropout"])


class Training:
    """A program under way: the set-up's, its weights after ``step`` steps, and what was set by hand."""

    def __init__(self, setup, points=(), edits=()):
        self.setup, self.points, self.edits = setup, points, sorted(edits, key=lambda edit: edit[0])
        self.step, self.loss, self.pending = 0, math.nan, list(self.edits)
        self.names = {}
        exec(compile(program(setup, 0, points)[0], "<playground>", "exec", dont_inherit=True), self.names)
        self.model, self.X, self.y = (self.names[name] for name in ("model", "X", "y"))
        self.held_out = (self.names["X_val"], self.names["y_val"]) if "X_val" in self.names else None
        self.dense = [layer for layer in self.model.layers if hasattr(layer, "in_features")]
        self.drop_last = setup["norm"] == "yes" and bool(setup["layers"])
        side = (np.arange(CELLS) + 0.5) / CELLS * 2 * WINDOW - WINDOW
        self.grid = np.column_stack([np.tile(side, CELLS), np.repeat(side[::-1], CELLS)])
        self._by_hand()

    @property
    def steps_in_epoch(self):
        n, batch = len(self.X), self.setup["batch"]
        return max(1, n // batch) if self.drop_last else math.ceil(n / batch)

    @property
    def epoch(self):
        """Passes through the samples, with fractions."""
        return self.step / self.steps_in_epoch

    @property
    def finite(self):
        """False once a loss or a weight is no number any more."""
        return (not self.step or math.isfinite(self.loss)) and all(np.isfinite(p.value).all() for p in self.model.parameters())

    def _by_hand(self):
        while self.pending and self.pending[0][0] == self.step:
            self._set(*self.pending.pop(0)[1:])

    def _set(self, layer, row, column, value):
        if row >= 0:
            self.dense[layer].W.value[row, column] = value
        else:
            self.dense[layer].b.value[column] = value

    def edit(self, layer, row, column, value):
        """Set a weight now. What was to be set later is forgotten."""
        place = [layer, row, column]
        self.edits = [edit for edit in self.edits if edit[0] < self.step or edit[0] == self.step and list(edit[1:4]) != place]
        self.edits.append([self.step, *place, value])
        self.pending = []
        self._set(*place, value)

    def advance(self, steps=None, epochs=None, until=None, seconds=math.inf):
        """Make so many steps or epochs, or steps up to the number ``until``, for at most so long; stops where numbers end."""
        end, last = time.perf_counter() + seconds, math.inf if until is None else until
        if epochs is not None:
            steps = epochs * self.steps_in_epoch
        if steps is not None:
            last = self.step + steps
        with np.errstate(all="ignore"):
            while self.step < last and self.finite:
                self.loss = float(next(self.names["training"]))
                self.step += 1
                self._by_hand()
                if time.perf_counter() > end:
                    break

    def through(self, X):
        """What each dense layer's units answer to X, in evaluation mode: after activation, the output as it is."""
        answers, stride = [], _stride(self.setup)
        self.model.eval()
        for i, layer in enumerate(self.model.layers):
            X = layer.forward(X)
            if i % stride == (2 if self.setup["norm"] == "yes" else 1):
                answers.append(X)
        self.model.train()
        return [*answers, X]

    def measure(self, X, y):
        """Loss, share that is right (None for a regression), and the units' answers."""
        answers = self.through(X)
        right = None if self.setup["data"] == "saddle" else float(((answers[-1] > 0) == (y > 0)).mean())
        return float(self.names[self.setup["loss"]].vjp(answers[-1], y)[0]), right, answers

    def picture(self):
        """What the page draws: numbers, the field of each unit as bytes, the output's last, and the output itself as float32."""
        with np.errstate(all="ignore"):
            loss, right, answers = self.measure(self.X, self.y)
            val_loss, val_right, _ = self.measure(*self.held_out) if self.held_out else (None, None, None)
            fields = self.through(self.grid)
            output = np.nan_to_num(fields[-1], nan=0, posinf=1e30, neginf=-1e30).astype(np.float32)
            if self.setup["loss"] == "binary_cross_entropy":
                fields[-1] = np.tanh(fields[-1] / 2)  # 2p - 1
            shades = np.concatenate([_shade(field, i == len(fields) - 1) for i, field in enumerate(fields)])
            layers = [_statistics(a, layer) for a, layer in zip(answers, self.dense)]
        head, tail = program(self.setup, self.step, self.points, self.edits)
        numbers = {
            "step": self.step, "epoch": self.epoch, "finite": self.finite, "loss": loss, "right": right, "val_loss": val_loss,
            "val_right": val_right, "layers": layers, "edits": self.edits, "code": head + tail,
            "weights": [{"W": layer.W.value.tolist(), "b": layer.b.value.tolist()} for layer in self.dense],
        }  # fmt: skip
        return numbers, shades.tobytes(), output.tobytes()


def _shade(field, output):
    """Each unit's field (CELLS², units) as rows of -127 .. 127: against its own largest, the output's from -1 to 1."""
    field = np.nan_to_num(field, nan=0, posinf=1e300, neginf=-1e300).T
    largest = np.ones((1, 1)) if output else np.abs(field).max(axis=1, keepdims=True)
    return np.rint(np.clip(field / np.where(largest > 0, largest, 1), -1, 1) * 127).astype(np.int8)


def _statistics(answers, layer):
    """A layer's answers to all training samples, and the size of its weights and their last gradient."""
    low, high = float(answers.min()), float(answers.max())
    fine = math.isfinite(high - low)
    place = np.minimum((answers - low) / (high - low) * 16, 15) if fine and high > low else np.full(answers.shape, 8)
    bins = np.bincount(place.astype(int).ravel(), minlength=16).tolist() if fine else []
    root = lambda x: float(np.sqrt(np.mean(np.square(x))))  # noqa: E731
    return {"low": low, "high": high, "mean": float(answers.mean()), "std": float(answers.std()), "bins": bins,
            "constant": int((np.ptp(answers, axis=0) < 1e-9).sum()) if fine else 0, "units": answers.shape[1],
            "weights": root(layer.W.value), "gradient": root(layer.W.grad)}  # fmt: skip


# What the page calls -------------------------------------------------------------------------------------------------

training = None


def begin(setup, points=(), edits=()):
    """Begin anew, and leave the samples with the first picture."""
    global training
    training = Training(setup, points, edits)
    samples = {"train": np.hstack([training.X, training.y]).tolist()}
    if training.held_out:
        samples["val"] = np.hstack(training.held_out).tolist()
    show(samples=samples)


def go(**how):
    """Train, then show; ``how`` is :meth:`Training.advance`'s."""
    training.advance(**how)
    show()


def edit(*place):
    training.edit(*place)
    show()


def show(**more):
    numbers, fields, output = training.picture()
    (OUT / "numbers.json").write_text(json.dumps(_plain({**numbers, **more}), allow_nan=False))
    (OUT / "fields.bin").write_bytes(fields)
    (OUT / "output.bin").write_bytes(output)


def _plain(x):
    """JSON has no infinity and no NaN: null stands for both."""
    if isinstance(x, dict):
        return {key: _plain(value) for key, value in x.items()}
    if isinstance(x, (list, tuple)):
        return [_plain(value) for value in x]
    return None if isinstance(x, float) and not math.isfinite(x) else x
