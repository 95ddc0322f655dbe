"""Stored values of PyTorch: one operation more leaves the others as they are, and the version is recorded."""

import json

import numpy as np
import pytest
from tests.nnlib.reference.archive import save

from tests.nnlib.conftest import REFERENCE


def test_one_operation_more_leaves_the_others(tmp_path):
    script, rng = tmp_path / "losses.py", np.random.default_rng(0)
    first = {f"{name}/{key}": rng.normal(size=3) for name in ("mse", "mae") for key in "xy"}
    save(script, first, "2.1", again=())
    old = (tmp_path / "losses.npz").read_bytes()
    save(script, {key: value + 1 for key, value in first.items()}, "2.2", again=())
    assert (tmp_path / "losses.npz").read_bytes() == old
    more = {"hinge/x": rng.normal(size=3), **{key: value + 1 for key, value in first.items()}}
    save(script, more, "2.2", again=())
    stored = np.load(tmp_path / "losses.npz")
    assert set(stored) == set(more)
    assert all((stored[key] == value).all() for key, value in first.items())
    assert json.loads((tmp_path / "versions.json").read_text())["losses"] == {"mse": "2.1", "mae": "2.1", "hinge": "2.2"}
    save(script, more, "2.3", again=["mse"])
    stored = np.load(tmp_path / "losses.npz")
    assert (stored["mse/x"] == more["mse/x"]).all() and (stored["mae/x"] == first["mae/x"]).all()
    assert json.loads((tmp_path / "versions.json").read_text())["losses"]["mse"] == "2.3"


SCRIPTS = sorted(path for path in REFERENCE.glob("*.py") if "\nimport torch\n" in path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_every_stored_name_has_the_version_that_made_it(script):
    versions = json.loads((REFERENCE / "versions.json").read_text(encoding="utf-8"))
    names = {key.split("/")[0] for key in np.load(script.with_suffix(".npz"))}
    assert versions[script.stem].keys() == names
    text = script.read_text(encoding="utf-8")
    assert "save(__file__, store, torch.__version__)" in text and "savez" not in text
