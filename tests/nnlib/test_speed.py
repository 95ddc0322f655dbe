"""What makes a training step fast, where it can be counted instead of timed."""

import platform
import subprocess
import sys

import pytest

STEPS = """
import resource
import numpy as np
from nnlib import LSTM, SGD, Activation, Conv2D, Dense, Flatten, MaxPool2D, Sequential, cross_entropy, relu

rng = np.random.default_rng(0)
new = dict(rng=rng, dtype=np.float32)
model = {model}
x = rng.standard_normal((64, *{shape})).astype(np.float32)
labels = rng.integers(0, 10, 64)
optimizer = SGD(model.parameters(), lr=0.01)

def step():
    loss, pullback = cross_entropy.vjp(model(x), labels)
    optimizer.zero_grad()
    model.backward(pullback(1.0)[0])
    optimizer.step()

for _ in range(5):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    step()
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 20)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="about glibc's malloc")
@pytest.mark.parametrize("model, shape", [
    ("Sequential(Conv2D(1, 8, 3, padding=1, **new), Activation(relu), MaxPool2D(2), Conv2D(8, 16, 3, padding=1, **new), "
     "Activation(relu), MaxPool2D(2), Flatten(), Dense(784, 10, **new))", (1, 28, 28)),
    ("Sequential(LSTM(32, 64, return_sequences=False, **new), Dense(64, 10, **new))", (50, 32)),
])
def test_memory_is_not_fetched_again_at_every_step(model, shape):
    code = STEPS.format(model=model, shape=shape)
    faults = float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)
    assert faults < 100                         # some 1,700 and 2,500 pages without nnlib/memory.py
