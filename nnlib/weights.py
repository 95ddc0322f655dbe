"""Saving and loading the weights of a model."""

import os
import threading
import zipfile
import zlib
from pathlib import Path

import numpy as np

from nnlib.layer import Layer


def _arrays(model):
    if not isinstance(model, Layer):
        raise TypeError(f"save_weights and load_weights expect a layer, got {model!r}")
    return model.named_arrays()


def save_weights(model, path):
    """Write the parameters and buffers of a model to a file: an ``.npz`` archive of plain arrays.

    The file is written beside ``path`` and then takes its name: an interrupted save leaves an older file whole.

    Parameters
    ----------
    model : Layer
    path : str or Path, used as it is

    Raises
    ------
    TypeError
        If ``model`` is no layer.
    OSError
        If the file cannot be written.
    """
    arrays, path = _arrays(model), Path(path)
    part = path.with_name(f".{os.getpid()}-{threading.get_ident()}.part")
    try:
        with open(part, "wb") as file:
            with zipfile.ZipFile(file, "w") as archive:     # np.savez could not take a parameter called "file"
                for name, array in arrays.items():
                    with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                        np.lib.format.write_array(member, array, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def load_weights(model, path):
    """Read what :func:`save_weights` wrote into a model of the same layers. The model keeps its precision.

    Parameters
    ----------
    model : Layer; if there is an error, it stays as it was
    path : str or Path

    Raises
    ------
    TypeError
        If ``model`` is no layer.
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged or of another kind, or its names or shapes are not the model's.
    """
    arrays = _arrays(model)
    try:
        # np.load(path) would leave a damaged file open
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            loaded = {name: archive[name] for name in archive.files}
    except (ValueError, EOFError, AttributeError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"load_weights expects a file of save_weights, got {path} ({error})") from error
    if loaded.keys() != arrays.keys():
        missing, unknown = sorted(arrays.keys() - loaded.keys()), sorted(loaded.keys() - arrays.keys())
        raise ValueError(f"load_weights expects the names of the model, got {path} "
                         f"without {missing} and with unknown {unknown}")
    for name, array in arrays.items():
        new = np.asarray(loaded[name])
        if new.shape != array.shape or new.dtype.kind not in "fiub" or not np.can_cast(new.dtype, array.dtype, "same_kind"):
            raise ValueError(f"load_weights expects {array.dtype} {array.shape} for {name}, got {new.dtype} {new.shape}")
        with np.errstate(over="ignore"):
            loaded[name] = new.astype(array.dtype)
        if (lost := np.isfinite(new) & ~np.isfinite(loaded[name])).any():
            raise ValueError(f"load_weights expects numbers for {name} that {array.dtype} holds, got {new[lost][0]}")
    for name, array in arrays.items():
        array[...] = loaded[name]
