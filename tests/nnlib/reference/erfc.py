"""Writes erfc.npz: values of erfc, by mpmath with 60 digits, and prints the Chebyshev series of nnlib/special.py."""

from pathlib import Path

import mpmath as mp
import numpy as np

mp.mp.dps = 60
K, TERMS = mp.mpf("3.75"), 23


def scaled(t):
    """(1 + 2z) exp(z²) erfc(z) at z = K (1 + t) / (1 - t); for large z from the asymptotic series."""
    z = K * (1 + t) / (1 - t)
    if z < 25:
        return (1 + 2 * z) * mp.exp(z * z) * mp.erfc(z)
    total = term = mp.mpf(1)
    for n in range(1, 60):
        term *= -(2 * n - 1) / (2 * z * z)
        total += term
    return (1 + 2 * z) * total / (z * mp.sqrt(mp.pi))


n = 80
angles = [mp.pi * (2 * i + 1) / (2 * n) for i in range(n)]
values = [scaled(mp.cos(angle)) for angle in angles]
for j in range(TERMS):
    print(float((2 if j else 1) * sum(v * mp.cos(j * angle) for v, angle in zip(values, angles)) / n))

x = np.concatenate([np.linspace(-7, 27, 681), 10.0 ** np.arange(-20, 0), -(10.0 ** np.arange(-20, 0))])
y = np.array([float(mp.erfc(mp.mpf(float(v)))) for v in x])
np.savez_compressed(Path(__file__).with_suffix(".npz"), x=x, y=y)
