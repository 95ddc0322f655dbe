"""What runs a submission inside the small Python, beside the student's code. Knows no answers, and nothing it says is trusted."""

import ast
import builtins
import codeop
import inspect
import json
import linecache
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
STUBS = {"matplotlib", "mpl_toolkits", "seaborn", "ipywidgets", "tqdm", "nnlib"}
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
        if isinstance(error, SyntaxError):
            text = f"line {error.lineno}: {type(error).__name__}: {error.msg}"
        return text[:ANSWER_CHARACTERS]
    except BaseException:
        return "an exception that cannot be printed"


class Nothing:
    """Takes whatever is done to it: what plots are drawn on here."""

    def __call__(self, *args, **kwargs):
        return Nothing()

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Nothing()

    def __getitem__(self, key):
        return Nothing()

    def __setitem__(self, key, value):
        pass

    def __iter__(self):
        return iter(())

    def __enter__(self):
        return self

    def __exit__(self, *args):
        return False


def subplots(nrows=1, ncols=1, **kwargs):
    axes = np.array([[Nothing() for _ in range(ncols)] for _ in range(nrows)], dtype=object).reshape(nrows, ncols)
    return Nothing(), axes.squeeze() if axes.size > 1 else axes[0, 0]


class Stub(types.ModuleType):
    """A module in whose place nothing happens."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        known = {"subplots": subplots, "plot": lambda *args, **kwargs: [Nothing()],
                 "tqdm": lambda items=(), *args, **kwargs: items, "trange": range,
                 "hist": lambda *args, **kwargs: (Nothing(), Nothing(), Nothing()), "check": lambda *args, **kwargs: None}
        return known.get(name, Nothing())


class Stubs:
    """Imports them, and says so."""

    def find_spec(self, name, path=None, target=None):
        from importlib.machinery import ModuleSpec
        top = name.split(".")[0]
        if top not in STUBS:
            return None
        if name == top and top != "nnlib":
            put(ignored=f"{top} does nothing here")
        return ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        return Stub(spec.name)

    def exec_module(self, module):
        pass


class Shell:
    """What IPython's magics become: some run their code, the others are noted."""

    def run_line_magic(self, name, line="", *args, **kwargs):
        if name in RUN:
            return execute(TransformerManager().transform_cell(re.sub(r"^(\s*-\w+)*\s*", "", line)), "a magic")
        put(ignored=f"%{name} is ignored")

    def run_cell_magic(self, name, line="", cell="", *args, **kwargs):
        if name in RUN:
            return execute(TransformerManager().transform_cell(cell), f"%%{name}")
        put(ignored=f"%%{name} and what stands below it are ignored")

    magic = line_magic = run_line_magic

    def system(self, command="", *args, **kwargs):
        put(ignored=f"!{command}"[:60] + " is ignored")

    def getoutput(self, command="", *args, **kwargs):
        self.system(command)
        return []

    def __getattr__(self, name):
        return Nothing()


def execute(source, name, stop=None):
    """Run the statements of a cell one by one, the first ``stop`` of them; what is not here to be imported is passed over."""
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    for number, statement in enumerate(ast.parse(source, name).body[:stop]):
        put(at=number)
        try:
            code = compiler(ast.Module([statement], []), name, "exec")
            result = eval(code, scope)
            if inspect.iscoroutine(result):
                finish(result)
        except ModuleNotFoundError as error:
            if not isinstance(statement, (ast.Import, ast.ImportFrom)):
                raise
            put(ignored=f"{error.name} cannot be imported here")


def finish(coroutine):
    try:
        while True:
            coroutine.send(None)
    except StopIteration:
        pass


def cell(name, source, stop=None):
    """Run a cell of the notebook, whatever it does."""
    try:
        if stop != 0:
            execute(TransformerManager().transform_cell(source), name, stop)
    except BaseException as error:  # SystemExit too: the next cells run all the same
        put(error=message(error))


def start():
    """What a notebook finds when it begins."""
    sys.meta_path.insert(0, Stubs())
    sys.stderr = sys.stdout
    scope.update(get_ipython=lambda shell=Shell(): shell, display=lambda *args, **kwargs: None,
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
