from pathlib import Path

import numpy as np
import pytest

REFERENCE = Path(__file__).parent / "reference"


@pytest.fixture
def rng():
    return np.random.default_rng(20)


@pytest.fixture(scope="session")
def reference():
    """``reference("losses")["mse/loss"]``: values that PyTorch computed, stored by ``reference/losses.py``."""
    return lambda topic: np.load(REFERENCE / f"{topic}.npz")


@pytest.fixture
def keeps_precision(rng):
    """Asserts of an operation that value and gradients have the inputs' dtype, and that nothing given to it is changed.

    ``constant`` inputs have no gradient.
    """

    def check(op, arrays, dtype, constant=0, **options):
        arrays = [x.astype(dtype) for x in arrays]
        kept = [x.copy() for x in arrays]
        y, pullback = op.vjp(*arrays, **options)
        dy = rng.normal(size=y.shape).astype(dtype)
        before = dy.copy()
        first, second = pullback(dy), pullback(dy)
        assert y.dtype == dtype and {g.dtype for g in first if g is not None} == {np.dtype(dtype)}
        assert sum(g is None for g in first) == constant
        for a, b in zip((*first, dy), (*second, before), strict=True):
            np.testing.assert_array_equal(a, b)
        y[...] = 0                                  # the value is no view of x
        for x, unchanged in zip(arrays, kept, strict=True):
            np.testing.assert_array_equal(x, unchanged)

    return check
