"""What runs a submission inside the small Python, beside the student's code. Knows no answers, and nothing it says is trusted."""

import ast
import builtins
import codeop
import inspect
import json
import linecache
import opcode
import os
import re
import sys
import types

import numpy as np
from IPython.core.inputtransformer2 import TransformerManager
from judging.outcome import UNWRITTEN, Outcome, run
from judging.plain import decode, encode

RECORDS = 2  # a descriptor: what Python itself has to say of errors goes elsewhere
RUN = {"time", "prun", "capture"}  # magics whose code leaves its names behind
OPTIONS = re.compile(r"^(\s*-([lsTD]\s*\S+|\w+))*\s*")  # of %prun; some have values
STUBS = {"matplotlib", "mpl_toolkits", "seaborn", "ipywidgets", "tqdm", "nnlib", "logging", "unittest", "doctest", "asyncio",
         "numpy.testing", "numpy.typing", "IPython.display"}
UNPACK = opcode.opmap["UNPACK_SEQUENCE"]
ANSWER_CHARACTERS = 300
scope = {"__name__": "__main__", "__builtins__": builtins}
compiler = codeop.Compile()
compiler.flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


def put(**record):
    """Hand a record to the host."""
    data = json.dumps(record).encode() + b"\n"
    while data:
        data = data[os.write(RECORDS, data):]


def message(error):
    try:
        text = f"{type(error).__name__}: {error}"
        if isinstance(error, SyntaxError) and error.lineno:
            text = f"line {error.lineno}: {type(error).__name__}: {error.msg}"
        return text[:ANSWER_CHARACTERS]
    except BaseException:
        return "an exception that cannot be printed"


class Nothing:
    """Takes whatever is done to it: what plots are drawn on here."""

    def __init__(self, *args, **kwargs):
        pass

    def __call__(self, *args, **kwargs):
        return Nothing()

    def __getattr__(self, name):
        if name == "subplots":  # a figure's; the module's gives the figure too
            return lambda *args, **kwargs: subplots(*args, **kwargs)[1]
        return instead(name)

    def __getitem__(self, key):
        return Nothing()

    def __setitem__(self, key, value):
        pass

    def __iter__(self):
        """As many as are asked for, as in ``line, = axes.plot(x)``; none to a loop."""
        frame = sys._getframe(1)
        asked, number = frame.f_code.co_code[frame.f_lasti : frame.f_lasti + 2]
        return iter([Nothing() for _ in range(number if asked == UNPACK else 0)])

    def __await__(self):
        return iter(())

    def __enter__(self):
        return self

    def __exit__(self, *args):
        return False


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "neg", "lt", "le", "gt", "ge"):
    setattr(Nothing, f"__{_name}__", Nothing.__call__)
    setattr(Nothing, f"__r{_name}__", Nothing.__call__)


class Progress(Nothing):
    """A bar that is not drawn."""

    write = print

    def __init__(self, iterable=(), *args, **kwargs):
        self.iterable = iterable

    def __iter__(self):
        return iter(self.iterable)


def subplots(nrows=1, ncols=1, *args, squeeze=True, **kwargs):
    axes = np.array([[Nothing() for _ in range(ncols)] for _ in range(nrows)], dtype=object).reshape(nrows, ncols)
    return Nothing(), axes.squeeze()[()] if squeeze else axes


def instead(name):
    """What a name of a module means here that draws, or reports."""
    known = {"subplots": subplots, "tqdm": Progress, "trange": lambda *args, **kwargs: Progress(range(*args)), "run": finish,
             "run_until_complete": finish, "get_ipython": lambda: shell, "check": lambda *args, **kwargs: None,
             "__version__": "0"}
    if name.startswith("__") and name not in known:
        raise AttributeError(name)
    return known.get(name, Nothing())


class Stub(types.ModuleType):
    """A module in whose place nothing happens."""

    def __getattr__(self, name):
        return instead(name)


class Stubs:
    """Imports them, and says so."""

    def find_spec(self, name, path=None, target=None):
        from importlib.machinery import ModuleSpec
        if not {name, name.split(".")[0]} & STUBS:
            return None
        if name in STUBS - {"nnlib", "IPython.display"}:
            put(ignored=f"{name} does nothing here")
        return ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        return Stub(spec.name)

    def exec_module(self, module):
        pass


class Shell:
    """What IPython's magics become: some run their code, the others are noted."""

    def run_line_magic(self, name, line="", *args, **kwargs):
        if name in RUN:
            return execute(as_read(line if name == "time" else OPTIONS.sub("", line)), "a magic")
        put(ignored=f"%{name} is ignored")

    def run_cell_magic(self, name, line="", cell="", *args, **kwargs):
        if name in RUN:
            return execute("\n" + as_read(cell), f"%%{name}")
        put(ignored=f"%%{name} and what stands below it are ignored")

    magic = line_magic = run_line_magic

    def system(self, command="", *args, **kwargs):
        put(ignored=f"!{command}"[:60] + " is ignored")

    def getoutput(self, command="", *args, **kwargs):
        self.system(command)
        return []

    def __getattr__(self, name):
        return Nothing()


shell = Shell()


def as_read(source):
    """A cell as IPython reads it; the empty lines before it, which are dropped, are counted all the same."""
    return "\n" * re.match(r"([^\S\n]*\n)*", source)[0].count("\n") + TransformerManager().transform_cell(source)


def execute(source, name, stop=None):
    """Run the statements of a cell one by one, the first ``stop`` of them; what is not here to be imported is passed over.

    The value of the last one, if it has any.
    """
    linecache.cache[name], result = (len(source), None, source.splitlines(True), name), None
    for number, statement in enumerate(ast.parse(source, name).body[:stop]):
        put(at=number)
        try:
            shown = isinstance(statement, ast.Expr)
            tree = ast.Expression(statement.value) if shown else ast.Module([statement], [])
            code = compiler(tree, name, "eval" if shown else "exec")
            result = eval(code, scope)
            if code.co_flags & inspect.CO_COROUTINE:
                result = finish(result)
        except ModuleNotFoundError as error:
            if not isinstance(statement, (ast.Import, ast.ImportFrom)):
                raise
            put(ignored=f"{error.name} cannot be imported here")
    return result


def finish(coroutine, *args, **kwargs):
    if not inspect.iscoroutine(coroutine):
        return Nothing()
    try:
        while True:
            coroutine.send(None)
    except StopIteration as end:
        return end.value


def cell(name, source, stop=None):
    """Run a cell of the notebook, whatever it does."""
    try:
        if stop != 0:
            execute(as_read(source), name, stop)
    except BaseException as error:  # SystemExit too: the next cells run all the same
        put(error=message(error))


def start():
    """What a notebook finds when it begins."""
    sys.meta_path.insert(0, Stubs())
    sys.stderr = sys.stdout
    sys.modules["IPython"].__getattr__ = instead
    scope.update(get_ipython=lambda: shell, display=lambda *args, **kwargs: None,
                 check=lambda *args, **kwargs: None, exit=quit_, quit=quit_)


def quit_(*args):
    raise SystemExit


def answer(text):
    """A record for each case of one exercise: what the answer gives, which stands in the notebook or comes along."""
    task, tools = json.loads(text), {}
    cases, given = decode(task["cases"]), task["given"]
    exec(task["adapter"], {"np": np}, tools)
    if given is not None:
        given = decode(given)
        outcomes = (run(given, args, tools["adapter"]) for args in cases)
    elif task["name"] not in scope:
        outcomes = (Outcome(UNWRITTEN) for _ in cases)
    elif task["value"]:
        outcomes = (run(lambda: scope[task["name"]]) for _ in cases[:1])
    else:
        outcomes = (run(scope[task["name"]], args, tools.get("adapter")) for args in cases)
    for outcome in outcomes:
        put(outcome=encode(tuple(outcome)))
