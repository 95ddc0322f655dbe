"""What runs inside the small Python: a cell, as a notebook runs it.

Needs the standard library alone. Names live in a module of their own, so that a reader's code meets nothing of this.
"""

import ast
import json
import linecache
import sys
import traceback
import types
from pathlib import Path

NO_SITE = (". Site initialization is disabled, did you forget to add the site-packages directory to sys.path or to enable "
           "your virtual environment?")  # what Python adds to the name of a missing module; here it helps nobody
OUT = Path("/out")  # files left here are handed out after the cell
scope = types.ModuleType("__main__")
checked = {}  # name of an exercise: whether the answer was right
shown = []  # what a cell shows beside its text: ("image", a data URI) and ("html", of a figure)


class Cut:
    """Refuses to import modules: to call the initialiser of one that was cut from this Python would end it."""

    def __init__(self, names):
        self.names = set(names) & set(sys.builtin_module_names)

    def find_spec(self, name, path=None, target=None):
        if name in self.names:
            raise ModuleNotFoundError(f"{name} is not part of this Python, which has NumPy and the standard library", name=name)


def refuse(names):
    """Importing the modules ``names``, which were cut, is an error like any other."""
    sys.meta_path.insert(0, Cut(names))


def with_plots():
    """Let matplotlib be imported, with what else is in ``/full``; the book's live figures are drawn when they are asked for."""
    import encodings
    import os

    import numpy

    sys.path.append("/full")
    for package in (numpy, encodings):  # their rarer parts are there, too
        package.__path__.append(f"/full/{package.__name__}")
    os.environ.update(MPLBACKEND="module://figures", EXPLORE_ON_DEMAND="1")
    import logging

    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it warns that nothing is kept until the next start
    from matplotlib import ft2font

    def no_type_1(font):
        raise ValueError("not a Type 1 font")

    # An error thrown in C++ ends this Python. On these two matplotlib counts: the second says that there is no __path__.
    ft2font.FT2Font.get_ps_font_info = no_type_1
    ft2font.__dict__.pop("__getattr__", None)


def begin(source):
    """Run what a page's cells take for granted, its imports; from here on verdicts are noted."""
    sys.modules["__main__"] = scope
    exec(source, scope.__dict__)
    judge = sys.modules.get("nnlib.exercises.judging.judge") or sys.modules.get("judging.judge")  # a handed-out notebook's own
    if judge:
        judge.listeners.append(note)


def note(report):
    checked[report.key.name] = report.written and not any(report.faults)


def run_cell(source, name):
    """Run a cell called ``name``, print what a notebook prints, and leave in ``OUT`` what became of it, as JSON.

    That is ``{"error": whether one was raised, "missing": the module that was not there to be imported, "checked":
    verdicts by the exercises' names, "shown": as above}``.
    """
    file = f"<{name}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    checked.clear()
    shown.clear()
    error = None
    try:
        tree = compile(source, file, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, file, "exec", dont_inherit=True), scope.__dict__)
        if last:
            value = eval(compile(ast.Expression(last.value), file, "eval", dont_inherit=True), scope.__dict__)
            if value is not None:
                display(value)
        if "figures" in sys.modules:
            sys.modules["figures"].show()
    except BaseException as raised:  # exit() too: it must not end the page's Python
        error = raised
    sys.stdout.flush()
    if error is not None:
        print(told(error), end="", file=sys.stderr)
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    became = {"error": error is not None, "missing": missing, "checked": checked, "shown": shown}
    (OUT / "cell.json").write_text(json.dumps(became))


def display(value):
    """Show a value as a notebook does: a live figure as itself, all else as text."""
    bundle = value._repr_mimebundle_() if hasattr(type(value), "_repr_mimebundle_") else {}
    if "text/html" in bundle:
        shown.append(("html", bundle["text/html"]))
    else:
        print(repr(value))


def draw(figure, state):
    """Draw a state of a live figure; leaves figure.json in ``OUT``: an "error" if that went wrong, "gone" if there is none."""
    module = sys.modules.get("nnlib.explore.ondemand")
    try:
        answer = module.answer(figure, state) if module and figure in module.figures else {"gone": True}
    except BaseException as raised:
        answer = {"error": told(raised)}
    (OUT / "figure.json").write_text(json.dumps(answer))


def told(error):
    """An error as Python tells it, without the frames that led to the cell."""
    whole = traceback.TracebackException.from_exception(error)
    parts = [whole]
    for part in parts:
        parts += [other for other in (part.__cause__, part.__context__) if other]
        part.stack[:] = [frame for frame in part.stack if frame.filename not in (__file__, "<reactor>")]
    lines = [line.replace(NO_SITE, "") for line in whole.format()]
    return "".join(lines[1:] if not whole.stack and lines[0].startswith("Traceback") else lines)  # a syntax error has no frames
