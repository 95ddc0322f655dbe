"""What runs inside the small Python: a cell, as a notebook runs it.

Needs the standard library alone. Names live in a module of their own, so that a reader's code meets nothing of this.
"""

import ast
import encodings
import itertools
import json
import linecache
import sys
import traceback
import types
from pathlib import Path

NO_SITE = (". Site initialization is disabled, did you forget to add the site-packages directory to sys.path or to enable "
           "your virtual environment?")  # what Python adds to the name of a missing module; here it helps nobody
IMPORTS = ast.Import, ast.ImportFrom
OUT = Path("/out")  # files left here are handed out after the cell
scope = types.ModuleType("__main__")
checked = {}  # name of an exercise: whether the answer was right
SPARE = 1 << 20  # bytes
spare = [bytes(SPARE)]  # kept from a cell, so that what went wrong with it can be told
shown = []  # what a cell shows beside its text: ("image", a data URI) and ("html", of a figure)
for stream in sys.stdout, sys.stderr:  # no terminal: no colours, no bars that move
    stream.isatty = lambda: False
absent = None  # in a chapter that runs as a whole, the names that its cells lack: {name: the module that is not here}


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
    import os

    import numpy

    global absent
    absent = {}
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
    encodings.__path__.append("/book/encodings")
    exec(source, scope.__dict__)
    judge = sys.modules.get("nnlib.exercises.judging.judge") or sys.modules.get("judging.judge")  # a handed-out notebook's own
    if judge:
        judge.listeners.append(note)


def note(report):
    checked[report.key.name] = report.written and not any(report.faults)


def run_cell(source, name):
    """Run a cell called ``name``, print what a notebook prints, and leave in ``OUT`` what became of it, as JSON.

    That is ``{"error": whether one was raised, "missing": the modules that were not there to be imported, "checked":
    verdicts by the exercises' names, "shown": as above}``, and nothing where memory is full. In a chapter that runs as a
    whole, a cell goes on after an import of what is not there, and ends without an error where it needs it.
    """
    file = f"<{name}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    checked.clear()
    shown.clear()
    error, missing = None, []
    try:
        tree = compile(source, file, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
        compile(tree, file, "exec", dont_inherit=True)  # a cell that is no Python does nothing
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        for part in parts(tree):
            try:
                exec(compile(part, file, "exec", dont_inherit=True), scope.__dict__)
            except ModuleNotFoundError as raised:
                if absent is None or not isinstance(part.body[0], IMPORTS):
                    raise
                lack(part, raised.name, missing)
        if last:
            value = eval(compile(ast.Expression(last.value), file, "eval", dont_inherit=True), scope.__dict__)
            if value is not None:
                display(value)
        if "figures" in sys.modules:
            sys.modules["figures"].show()
    except BaseException as raised:  # exit() too: it must not end the page's Python
        error = raised
    spare.clear()
    sys.stdout.flush()
    if absent is not None and lacking(error):
        lack(tree, lacking(error), missing)
    elif error is not None:
        print(told(error), end="", file=sys.stderr)
    became = {"error": error is not None, "missing": missing, "checked": checked, "shown": shown}
    error = None  # it holds what the cell held
    if room():
        (OUT / "cell.json").write_text(json.dumps(became))


def room():
    """Whether there is memory for another cell, and for telling what goes wrong with it."""
    try:
        spare[:] = [bytes(SPARE)]
        bytes(SPARE)
    except MemoryError:
        return False
    return True


def parts(tree):
    """The cell in pieces that follow one another: each import by itself."""
    for imported, nodes in itertools.groupby(tree.body, lambda node: isinstance(node, IMPORTS)):
        if not imported:
            yield ast.Module(list(nodes), [])
            continue
        for node in nodes:
            for names in [[name] for name in node.names] if isinstance(node, ast.Import) else [node.names]:
                yield ast.Module([ast.copy_location(type(node)(**dict(ast.iter_fields(node)) | {"names": names}), node)], [])


def lack(tree, module, missing):
    """Note what a piece of a cell would have named, had there been the module."""
    if module not in missing:
        missing.append(module)
    for node in ast.walk(tree):
        if isinstance(node, IMPORTS):
            names = [alias.asname or alias.name.partition(".")[0] for alias in node.names]
        else:
            names = [node.id if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else getattr(node, "name", None)]
        absent.update((name, module) for name in names if name and name not in scope.__dict__)


def lacking(error):
    """The module for want of which an error was raised, if it was."""
    if isinstance(error, ModuleNotFoundError):
        return error.name
    return absent.get(error.name) if isinstance(error, NameError) else None


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
        spare.clear()
        answer = {"error": f"This needs {module}." if (module := lacking(raised)) else told(raised)}
    (OUT / "figure.json").write_text(json.dumps(answer))
    if not spare:
        room()


def told(error):
    """An error as Python tells it, without the frames that led to the cell."""
    whole = traceback.TracebackException.from_exception(error)
    parts = [whole]
    for part in parts:
        parts += [other for other in (part.__cause__, part.__context__) if other]
        part.stack[:] = [frame for frame in part.stack if frame.filename not in (__file__, "<reactor>")]
    lines = [line.replace(NO_SITE, "") for line in whole.format()]
    return "".join(lines[1:] if not whole.stack and lines[0].startswith("Traceback") else lines)  # a syntax error has no frames
