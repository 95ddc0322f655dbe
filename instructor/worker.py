"""Runs a submission inside the limits, and writes what its functions return. Knows no answers.

Argument: the job's folder, with ``submission.ipynb``, ``task.json``, the package
``judging``, and the folders ``out`` and ``home``, the only ones that may be written.
"""

import ctypes
import json
import os
import re
import resource
import signal
import sys
import types
from contextlib import suppress
from pathlib import Path

JOB = Path(sys.argv[1])
TASK = json.loads((JOB / "task.json").read_text())
MESSAGE = 300  # characters kept of an error's message


def limit_resources():
    """Limits that hold for this process and all it starts; none can be raised again.

    The grader watches the clock. The limit of CPU time lies above that: it ends what a killed grader leaves behind.
    """
    megabytes = TASK["megabytes"] << 20
    for name, value in [("AS", megabytes), ("CPU", TASK["seconds_all"] + 30), ("FSIZE", 16 << 20), ("NOFILE", 256),
                        ("NPROC", TASK["processes"]), ("CORE", 0)]:
        with suppress(ValueError, OSError):  # the system has a lower limit already, or none of this kind (macOS)
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))


def limit_files():
    """Landlock (Linux 5.13): read only Python and libraries, write only to ``out`` and ``home``, no TCP."""
    if TASK["readable"] is None:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    create_ruleset, add_rule, restrict_self = 444, 445, 446
    abi = libc.syscall(create_ruleset, None, 0, 1)
    read, write = 0b1101, (1 << 13) - 1 | (1 << 13 if abi >= 2 else 0) | (1 << 14 if abi >= 3 else 0)
    rights = (ctypes.c_uint64 * 3)(write, 0b11 if abi >= 4 else 0, 0b11 if abi >= 6 else 0)
    size = 8 if abi < 4 else 16 if abi < 6 else 24
    ruleset = libc.syscall(create_ruleset, rights, size, 0)

    class Rule(ctypes.Structure):
        _pack_ = 1
        _fields_ = [("access", ctypes.c_uint64), ("folder", ctypes.c_int32)]

    def allow(path, access):
        with suppress(OSError):
            folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
            access &= -1 if os.path.isdir(path) else 0b111 | (1 << 14 if abi >= 3 else 0)
            libc.syscall(add_rule, ruleset, 1, ctypes.byref(Rule(access, folder)), 0)
            os.close(folder)

    for path in TASK["readable"]:
        allow(path, read)
    for path in (JOB / "out", JOB / "home", "/dev/null", "/dev/urandom", "/dev/zero"):
        allow(path, write)
    allow(JOB, read)
    libc.prctl(38, 1, 0, 0, 0)  # no new privileges
    if libc.syscall(restrict_self, ruleset, 0):
        raise OSError(ctypes.get_errno(), "Landlock refused")


class TooSlow(BaseException):
    """Not an Exception, so that an ``except Exception`` in a loop does not catch it."""


def with_time_limit(function):
    """Call it; after the time for a cell interrupt it, and again each second if that is caught."""
    def interrupt(*_):
        raise TooSlow(f"took longer than {TASK['seconds']} s")
    signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, TASK["seconds"], 1)
    try:
        return function()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def code_cells(notebook):
    """Number and source of the code cells; ValueError if this is no notebook."""
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        raise ValueError("no cells")
    for number, cell in enumerate(notebook["cells"], 1):
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            source = cell.get("source", "")
            yield number, "".join(source) if isinstance(source, list) else str(source)


def compiled(source, number):
    """The code of a cell; if it is not plain Python, IPython's ``%``, ``!`` and ``?`` lines are left out."""
    name = f"cell {number}"
    try:
        return compile(source, name, "exec")
    except SyntaxError:
        if source.startswith("%%") and not re.match(r"%%(time|timeit|capture)\b", source):
            return compile("", name, "exec")
        plain = re.sub(r"^([ \t]*)(?:[%!?].*|.*\?)$", r"\1pass", source, flags=re.MULTILINE)
        return compile(plain, name, "exec")


def message(error):
    try:
        return f"{type(error).__name__}: {error}"[:MESSAGE]
    except BaseException:
        return "an exception that cannot be printed"


def write_log(**entries):
    (JOB / "out" / "log.json").write_text(json.dumps(entries))


def run_cells():
    """Run the notebook's cells one after the other, whatever each does; the names they define."""
    try:
        notebook = json.loads((JOB / "submission.ipynb").read_bytes())
        cells = list(code_cells(notebook))
        metadata = notebook.get("metadata")
        made_for = metadata.get("assignment") if isinstance(metadata, dict) else None
    except (ValueError, RecursionError, MemoryError) as error:
        write_log(unreadable=message(error))
        return None
    del notebook
    book = types.ModuleType("nnlib")  # the book's own package is not here; its check() does nothing
    book.exercises = types.ModuleType("nnlib.exercises")
    book.exercises.check = lambda *args, **kwargs: None
    sys.modules.update({"nnlib": book, "nnlib.exercises": book.exercises})
    scope, errors = {"__name__": "__main__", "get_ipython": lambda: None, "display": lambda *args: None}, []
    for number, source in cells:
        write_log(errors=errors, running=number, made_for=made_for)
        try:
            code = compiled(source, number)
            with_time_limit(lambda: exec(code, scope))
        except BaseException as error:  # SystemExit and TooSlow too: the next cells run all the same
            errors.append([number, message(error)])
    write_log(errors=errors, running=None, made_for=made_for)
    return scope


def answer(entry, scope, file):
    """Write a line with the outcome of each case of one exercise."""
    from judging.outcome import Outcome, UNWRITTEN, run
    from judging.plain import decode, encode

    def put(outcome):
        file.write(json.dumps(encode(tuple(outcome))) + "\n")
        file.flush()

    tools = {}
    if entry["name"] not in scope:
        for _ in entry["cases"]:
            put(Outcome(UNWRITTEN))
    elif entry["value"]:
        put(run(lambda: scope[entry["name"]]))
    else:
        import numpy
        exec(entry["adapter"], {"np": numpy}, tools)
        for args in entry["cases"]:
            put(run(scope[entry["name"]], decode(args), tools.get("adapter")))


def run_exercise(number, entry, scope):
    """Run one exercise in a process of its own, so that what it does to Python harms no other."""
    child = os.fork()
    if child == 0:
        try:
            with open(JOB / "out" / f"{number}.jsonl", "w") as file:
                with_time_limit(lambda: answer(entry, scope, file))
        finally:
            os._exit(0)
    signal.signal(signal.SIGALRM, lambda *_: os.kill(child, signal.SIGKILL))
    signal.setitimer(signal.ITIMER_REAL, TASK["seconds"] + 2)
    os.waitpid(child, 0)
    signal.setitimer(signal.ITIMER_REAL, 0)


def main():
    sys.path.insert(0, str(JOB))
    limit_resources()
    limit_files()
    os.chdir(JOB / "home")
    scope = run_cells()
    if scope is not None:
        for number, entry in enumerate(TASK["exercises"]):
            run_exercise(number, entry, scope)


if __name__ == "__main__":
    main()
