"""What the figures use of matplotlib beyond what it documents is in one module, and is still there."""

import ast
import inspect
import io
from pathlib import Path

import matplotlib
import pytest
from matplotlib import pyplot
from matplotlib.axis import Axis, XAxis
from matplotlib.backends import backend_svg
from matplotlib.backends.backend_mixed import MixedModeRenderer
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Affine2D

import nnlib.explore
from nnlib.explore import internals

FOLDER = Path(nnlib.explore.__file__).parent
OTHERS = {"_options_labels", "_options_values", "_repr_mimebundle_", "_index"}     # of ipywidgets, IPython and the folder's own


def private(path):
    """Private attributes of other objects than itself that a module reads or writes, by name or as a string."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) not in ("self", "cls"):
            found.add(node.attr)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("getattr", "setattr", "hasattr", "_asks"):
            found.update(a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str))
    return {name for name in found if name.startswith("_") and not name.startswith("__")}


def gone():
    """A sentence for each name that this matplotlib does not have."""
    def told(has):
        return [f"matplotlib {matplotlib.__version__} has no {name} of {kind}: see to nnlib/explore/internals.py"
                for kind, names in internals.NAMES.items() for name in names if not has(kind, name)]
    methods = {("Text", "_get_layout"): Text, ("XAxis", "_get_tick"): XAxis}     # without which no figure could be made
    lost = told(lambda kind, name: hasattr(methods.get((kind, name)), name) or (kind, name) not in methods)
    if lost:
        return lost
    figure = Figure()
    ax = figure.add_subplot()
    svg = RendererSVG(10, 10, io.StringIO())
    objects = [figure, ax, ax.xaxis, ax.spines["left"], ax.text(0, 0, ""), svg, Affine2D(),
               MixedModeRenderer(figure, 10, 10, 72, svg), matplotlib, backend_svg, pyplot]
    by_kind = {thing.__name__.split(".")[-1] if inspect.ismodule(thing) else type(thing).__name__: thing for thing in objects}
    return told(lambda kind, name: hasattr(by_kind[kind], name))


def test_every_name_is_there():
    assert gone() == []


@pytest.mark.parametrize("owner, name", [(Text, "_get_layout"), (Axis, "_get_tick")])
def test_a_name_that_is_gone_is_told(owner, name, monkeypatch):
    monkeypatch.delattr(owner, name)
    sentence, = gone()
    assert sentence.startswith(f"matplotlib {matplotlib.__version__} has no {name} of ")


def test_names_are_used_in_one_module():
    named = {name for names in internals.NAMES.values() for name in names}
    assert private(FOLDER / "internals.py") | {"_parents"} == named            # a key of a pickled state
    for path in FOLDER.glob("*.py"):
        if path.stem != "internals":
            assert private(path) - OTHERS - {"_colorbar"} == set(), path.name   # only asked for, where it may be missing


def test_what_was_replaced_comes_back():
    before = Text._get_layout
    with pytest.raises(ZeroDivisionError), internals.layouts_by(lambda original, *arguments: original(*arguments)):
        assert Text._get_layout is not before
        1 / 0
    assert Text._get_layout is before
