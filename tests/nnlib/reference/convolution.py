"""Writes convolution.npz: convolutions and poolings and their gradients, by PyTorch in float64."""

import numpy as np
import torch
import torch.nn.functional as F
from archive import case, save

rng = np.random.default_rng(9)
store = {}


def add(name, f, **arrays):
    """Store a case; its name ends in the options, as the tests read them."""
    store.update(case(rng, name, f, arrays))


for options in (dict(), dict(padding=1), dict(stride=2, padding=2), dict(dilation=2, padding=1),
                dict(stride=(2, 1), padding=(0, 2), dilation=(1, 3)), dict(stride=(1, 3), padding=(2, 1), dilation=2)):
    name = ",".join(f"{key}={value}" for key, value in options.items())
    add(f"conv2d/{name}", lambda x, W, b, o=options: F.conv2d(x, W, b, **o), x=rng.normal(size=(2, 3, 8, 9)),
        W=rng.normal(size=(4, 3, 3, 2)), b=rng.normal(size=4))
    if not any(isinstance(value, tuple) for value in options.values()):
        add(f"conv1d/{name}", lambda x, W, b, o=options: F.conv1d(x, W, b, **o), x=rng.normal(size=(2, 3, 8)),
            W=rng.normal(size=(4, 3, 3)), b=rng.normal(size=4))

for options in (dict(kernel_size=2), dict(kernel_size=3, stride=2, padding=1), dict(kernel_size=2, stride=3),
                dict(kernel_size=(3, 2), stride=(1, 2), padding=(1, 0)), dict(kernel_size=(1, 4), stride=1, padding=(0, 2))):
    name = ",".join(f"{key}={value}" for key, value in options.items())
    for kind in ("max", "avg", "min"):
        def pool(x, kind=kind, options=options):
            return -F.max_pool2d(-x, **options) if kind == "min" else getattr(F, f"{kind}_pool2d")(x, **options)
        add(f"{kind}_pool2d/{name}", pool, x=rng.normal(size=(2, 3, 7, 8)))
        # few values, so that windows have several equal maxima
        add(f"{kind}_pool2d/{name},ties", pool, x=rng.integers(0, 3, (2, 2, 7, 8)).astype(float))

add("global_avg_pool2d/", lambda x: F.adaptive_avg_pool2d(x, 1)[:, :, 0, 0], x=rng.normal(size=(2, 3, 4, 5)))

save(__file__, store, torch.__version__)
