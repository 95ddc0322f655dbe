"""Writes upsampling.npz: transposed convolution, upsampling and unpooling with their gradients, by PyTorch in float64."""

import numpy as np
import torch
import torch.nn.functional as F
from archive import case, save

rng = np.random.default_rng(10)
store = {}


def add(name, f, **arrays):
    """Store a case; its name ends in the options, as the tests read them."""
    store.update(case(rng, name, f, arrays))


def named(options):
    return ",".join(f"{key}={value}" for key, value in options.items())


for options in (dict(), dict(stride=2), dict(stride=2, padding=1), dict(stride=3, padding=1),
                dict(stride=(1, 3), padding=(1, 0))):
    add(f"conv_transpose2d/{named(options)}", lambda x, W, b, o=options: F.conv_transpose2d(x, W, b, **o),
        x=rng.normal(size=(2, 3, 4, 5)), W=rng.normal(size=(3, 4, 3, 2)), b=rng.normal(size=4))

for options in (dict(scale_factor=1), dict(scale_factor=2), dict(scale_factor=(1, 3))):
    add(f"upsample2d/{named(options)}", lambda x, o=options: F.interpolate(x, mode="nearest", **o),
        x=rng.normal(size=(2, 3, 4, 5)))

for options in (dict(kernel_size=2), dict(kernel_size=(3, 2))):
    for ties in (False, True):
        before = rng.integers(0, 3, (2, 3, 7, 8)).astype(float) if ties else rng.normal(size=(2, 3, 7, 8))

        def unpool(x, before, options=options):
            _, indices = F.max_pool2d(before, return_indices=True, **options)
            return F.max_unpool2d(x, indices, output_size=before.shape[2:], **options)
        size = F.max_pool2d(torch.tensor(before), **options).shape
        add(f"max_unpool2d/{named(options)}{',ties' * ties}", unpool, x=rng.normal(size=size), before=before)

save(__file__, store, torch.__version__)
