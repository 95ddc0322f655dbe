"""Judging an answer: run it, turn what came out into plain arrays, compare, and say what is wrong.

The registry's ``check``, a sealed student copy and an instructor's grading share this package. It needs NumPy
alone, knows no solution and imports only itself, so that it travels as one piece to wherever an answer runs:
:func:`bundle` is its source, and ``sealed`` reads exercises that were written down as data.

``plain``: arrays as JSON · ``outcome``: what a call gave · ``judge``: verdict and hints · ``sealed``: exercises
without solutions.
"""

from pathlib import Path

PARTS = ("plain", "outcome", "judge", "sealed")  # each imports only those before it


def bundle():
    """The package as ``{file name: source}``."""
    folder = Path(__file__).parent
    return {f"{name}.py": (folder / f"{name}.py").read_text(encoding="utf-8") for name in ("__init__", *PARTS)}
