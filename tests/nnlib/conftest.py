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
