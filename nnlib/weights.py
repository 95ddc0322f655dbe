"""Saving and loading the weights of a model (chapter 5)."""

import os
import zipfile
import zlib
from pathlib import Path

import numpy as np


def _arrays(model):
    """Dictionary from path, such as ``"0.W"``, to every parameter and buffer of the model, as the arrays in use."""
    arrays = {path: p.value for path, p in model.named_parameters().items()}
    for path, layer in model.named_layers().items():
        arrays |= {f"{path}.{name}" if path else name: buffer for name, buffer in layer.buffers().items()}
    return arrays


def save_weights(model, path):
    """Write the parameters and buffers of a model to ``path``, an ``.npz`` archive of plain arrays.

    The file is written beside ``path`` and then takes its name: an interrupted save leaves an older file whole.
    Raises ``OSError`` if the file cannot be written.
    """
    path = Path(path)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with open(part, "wb") as file:
            np.savez(file, **_arrays(model))
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def load_weights(model, path):
    """Read what :func:`save_weights` wrote into a model of the same layers; the model keeps its precision.

    Raises ``FileNotFoundError`` if there is no file; ``ValueError`` if it is damaged or of another kind, or if names
    or shapes differ from the model's. The model is then as it was.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            loaded = {name: archive[name] for name in archive.files}
    except (ValueError, EOFError, AttributeError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"load_weights expects a whole file written by save_weights, got {path} ({error})") from error
    arrays = _arrays(model)
    if loaded.keys() != arrays.keys():
        missing, unknown = sorted(arrays.keys() - loaded.keys()), sorted(loaded.keys() - arrays.keys())
        raise ValueError(f"load_weights expects the names of the model, got {path} "
                         f"without {missing[:5]} and with unknown {unknown[:5]}")
    for name, array in arrays.items():
        if loaded[name].shape != array.shape or loaded[name].dtype.kind not in "fiub":
            raise ValueError(f"load_weights expects numbers {array.shape} for {name}, "
                             f"got {loaded[name].dtype} {loaded[name].shape}")
    for name, array in arrays.items():
        array[...] = loaded[name]
