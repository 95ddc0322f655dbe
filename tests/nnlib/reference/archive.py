"""Makes reference values by PyTorch, and writes an archive of them.

What an archive holds already stays, byte for byte; what is new is added at its end.
"""

import json
import sys
from pathlib import Path

import numpy as np


def save(script, values, version, again=None):
    """Add ``values``, {"name/...": array}, to the archive of ``script``.

    A name that is stored keeps its arrays: a case that is added among others moves their random inputs, and they need
    not be compared anew. Names in ``again`` (by default the script's arguments) are replaced. ``versions.json`` records
    the version of PyTorch that made each.
    """
    again = set(sys.argv[1:] if again is None else again)
    path = Path(script).with_suffix(".npz")
    stored = dict(np.load(path)) if path.exists() else {}
    kept = {key: value for key, value in stored.items() if key.split("/")[0] not in again}
    names = {key.split("/")[0] for key in kept}
    added = {key: value for key, value in values.items() if key.split("/")[0] not in names}
    np.savez_compressed(path, **kept, **added)
    record = path.with_name("versions.json")
    versions = json.loads(record.read_text(encoding="utf-8")) if record.exists() else {}
    versions.setdefault(path.stem, {}).update({key.split("/")[0]: version for key in added})
    record.write_text(json.dumps(versions, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(f"{len(kept)} arrays kept, {len(added)} by PyTorch {version}")


def case(rng, name, f, arrays):
    """What PyTorch gives for ``f(**arrays)``: the arrays, y, a random dy and the gradients, ``{"name/...": array}``."""
    import torch

    tensors = {key: torch.tensor(value, requires_grad=True) for key, value in arrays.items()}
    y = f(*tensors.values())
    dy = rng.normal(size=y.shape)
    y.backward(torch.tensor(dy))
    gradients = {f"d{key}": t.grad.numpy() for key, t in tensors.items() if t.grad is not None}
    return {f"{name}/{key}": value for key, value in {**arrays, "y": y.detach().numpy(), "dy": dy, **gradients}.items()}
