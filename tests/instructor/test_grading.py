"""Honest, broken and hostile submissions, all graded in one run: none gets more than its honest work is worth, none
less for what its neighbours do, and each the same in every run."""

import ast
import csv
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from instructor import grade, handed_in, lms, report, runner
from nnlib.exercises.judging.outcome import ENDED, ERROR
from tests.instructor.course import ALL, POINTS, STUBS, notebook, solved
from tests.instructor.tricks import HARMLESS, SPOILT, UNDESERVED

ROOT = Path(grade.__file__).parent.parent
STEAL = f"""import sys
for name in [name for name in sys.modules if name.startswith("nnlib")]:
    del sys.modules[name]
sys.path.insert(0, {str(ROOT)!r})
import nnlib.exercises.ch02_activations as book
softmax = book.softmax.reference"""
FORGED = """import json, os
for k in range(4):
    record = {"outcome": ["ok", {"tuple": []}, "", "", []], "at": -3, "error": 7, "ignored": "0 of 0"}
    os.write(2, json.dumps(record).encode() + b"\\n")
os.write(2, b'{"at": Infinity, "error": "x\\n\\u0000' + b"y" * 99 + b'"}\\n')
os.write(2, b'{"outcome": ["ok", {"tuple": [{"array": "AAAA", "dtype": "<U1", "shape": [1]}]}, NaN, 1, [Infinity]]}\\n')
os.write(2, b"[" * 9999 + b"\\n")"""
FORK_BOMB = """import os, time
for k in range(300):
    if os.fork() == 0:
        time.sleep(20)
        os._exit(0)"""
EQUAL = """class Equal:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __array_ufunc__(self, *args, **kwargs): return True
    __hash__ = None
    shape, dtype, ndim = (), float, 0
def softmax(z): return Equal()
def dense_backward(x, W, dy): return Equal(), Equal(), Equal()
class Counter:
    n = Equal()
    def add(self, k): pass
parameters = Equal()"""
PATCHED = """import numpy as np
yes = lambda *args, **kwargs: True
np.allclose = np.array_equal = np.isclose = yes
np.testing.assert_allclose = np.testing.assert_array_equal = yes
class Always(float):
    def __lt__(self, other): return True
    __gt__ = __le__ = __ge__ = __eq__ = __lt__
    __hash__ = None
def softmax(z): return np.zeros_like(z)
def dense_backward(x, W, dy): return x, W, dy
parameters = Always(3)"""


class Expected(NamedTuple):
    """A submission's cells, and what it must get."""

    cells: list
    points: int = ALL
    status: str = "graded"
    note: str = ""


def without(*names):
    return ALL - sum(POINTS[name] for name in names)


SUBMISSIONS = {
    "honest": Expected(solved()),
    "untouched": Expected(["import numpy as np", *STUBS.values()], 0),
    "half right": Expected(solved(softmax="def softmax(z):\n    e = np.exp(z)\n    return e / e.sum(1, keepdims=True)"),
                           ALL - 1),
    "prints a warning": Expected([*solved(), "import warnings\nwarnings.warn('careful')\nright = softmax\n"
                                  "def softmax(z):\n    print('here')\n    warnings.warn('!')\n    return right(z)"]),
    "error in a cell": Expected(["1 / 0", *solved()], note="cell 1: ZeroDivisionError"),
    "syntax error below a magic": Expected([*solved(), "%%time\n\nx = 1\ndef f(:"], note="cell 6: line 4: SyntaxError"),
    "syntax error below empty lines": Expected([*solved(), "\n  \n\nx = 1\n\ndef f(:"], note="cell 6: line 6: SyntaxError"),
    "syntax error": Expected([*solved(), "x = 1\ndef f(:"], note="cell 6: line 2: SyntaxError"),
    "asks for input": Expected([*solved(), "input('name?')"], note="EOFError"),
    "exits": Expected([*solved(), "exit()", "quit()", "raise SystemExit"]),
    "uses nnlib": Expected(["import nnlib\nfrom nnlib.exercises import check", *solved(), "check(softmax)"]),
    "deleted checks": Expected([*solved(), "check(softmax)"]),
    "deleted imports": Expected(solved()[1:], 5, note="is the cell with `import numpy as np` gone?"),
    "edited checks": Expected(["check = lambda *args: print('softmax: right')", STUBS["softmax"], "check(softmax)"], 0),
    # work without end
    "loop first": Expected(["while True: pass", *solved()], note="cell 1: it needs more work"),
    "loop in the cell": Expected([solved()[0], "\n".join([*solved()[1:], "while True: pass"])], note="the rest of the cell"),
    "stubborn loop": Expected(["while True:\n    try:\n        while True: pass\n    except BaseException: pass", *solved()]),
    "loop in a function": Expected(solved(softmax="def softmax(z):\n    while True: pass"), without("softmax")),
    "loop in a class": Expected(solved(Counter="class Counter:\n    def __init__(self):\n        while True: pass"),
                                without("Counter")),
    "loops before right answers": Expected(["while True: pass"] * 2 + solved()),
    "loops everywhere": Expected([*solved(), *["while True: pass"] * 30], note="were not run"),
    "loop in text": Expected(solved(softmax="class S(str):\n    def __str__(self):\n        while True: pass\n"
                                    "def softmax(z): raise ValueError(S())"), without("softmax")),
    "sleeps": Expected([*solved(), "import time; time.sleep(10**6)\nraise ValueError('awake')"], note="awake"),
    "waits for the clock": Expected(["import time\nt = time.monotonic()\nwhile time.monotonic() < t + 1: pass", *solved()]),
    "reads without end": Expected(["import os\nwhile True:\n    try: os.listdir('/')\n    except OSError: pass", *solved()],
                                  note="cell 1: it needs more work"),
    "slow pattern": Expected([*solved(), "import re; re.match('(a*)*b', 'a' * 60)"], note="more work"),
    "huge number": Expected([*solved(), "x = 10 ** 10 ** 9"], note="cell 6"),
    # memory, output
    "memory bomb": Expected([*solved(), "x = np.ones(1 << 40)", "a = []\nwhile True: a.append(np.ones(1 << 22))", "del a"],
                            note="MemoryError"),
    "memory behind a file": Expected([*solved(), "import os\nos.memfd_create('x')"], note="cell 6: "),
    "huge result": Expected(solved(softmax="def softmax(z): return np.ones((6000, 6000))"), without("softmax")),
    "much output": Expected([*solved(), "for k in range(200): print('x' * (1 << 20))"]),
    "much in files": Expected([*solved(), "open('big', 'wb').write(bytes(200 << 20))"], note="cell 6: FileNotFoundError"),
    "lines of results": Expected([*solved(), "import os\nfor k in range(99): os.write(2, b'{}\\n' * (1 << 18))"]),
    # processes, threads, signals
    "fork bomb": Expected([*solved(), FORK_BOMB], note="cell 6: "),
    "threads": Expected([*solved(), "import threading\nthreading.Thread(target=print).start()"], note="cell 6: "),
    "os._exit": Expected([*solved(), "import os; os._exit(0)"], note="cell 6: it ended Python: Exited with i32 exit status 0"),
    "os._exit in a function": Expected(solved(softmax="import os\ndef softmax(z): os._exit(0)"), without("softmax")),
    "crash": Expected([*solved(), "import ctypes; ctypes.string_at(0)"], note="cell 6"),
    "nested brackets": Expected([*solved(), "(" * 9999 + ")" * 9999, "eval('(' * 9999 + ')' * 9999)"], note="cell 6"),
    "deep recursion": Expected(solved(softmax="def softmax(z): return softmax(z)"), without("softmax")),
    "no limit to recursion": Expected(["import sys; sys.setrecursionlimit(10**9)\ndef f(): f()\nf()", *solved()]),
    "kills its kernel": Expected([*solved(), "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"], note="cell 6"),
    # tries to reach out
    "Unix socket": Expected([*solved(), "import socket\ns = socket.socket(socket.AF_UNIX)\n"
                             "s.connect('/run/dbus/system_bus_socket')"], note="cell 6: "),
    "keyring": Expected([*solved(), "import ctypes\nprint(ctypes.CDLL(None).syscall(250, 0, 0))"], note="cell 6: "),
    "steals the solution": Expected([*solved("softmax"), STEAL], without("softmax")),
    # cheats
    "patched comparisons": Expected([*solved("softmax", "dense_backward", "parameters"), PATCHED], 1),
    "equals everything": Expected([EQUAL], 0),
    "patched tools": Expected([*solved("softmax"), "import json, os\njson.dumps = lambda *a, **k: 'x'\nopen = print = None"], 0),
    "patched guest": Expected([*solved("softmax"), "import submission\n"
                               "submission.run = lambda *a: submission.Outcome('ok', (np.ones((4, 3)),))"], 0),
    "forged": Expected([*solved("softmax"), FORGED], without("softmax")),
    "forged by an exercise": Expected(solved(softmax="import submission as s\ndef softmax(z):\n"
                                             "    s.put(outcome=['ok', float('inf')])\n"
                                             "    s.put(outcome=s.encode(('ok', (np.ones((4, 3)),), '', '', ())))"),
                                      without("softmax")),
    "surrogates": Expected([*solved("softmax"), "def softmax(z): raise ValueError('\\ud800')", "raise ValueError('\\ud800')",
                            "x = '\ud800'"], without("softmax"), note="ValueError: ?"),
    "Infinity in the records": Expected([*solved(), "import os\nos.write(2, b'{\"at\": Infinity, \"outcome\": Infinity}\\n')"]),
    "strange message": Expected([*solved(), "class E(Exception):\n    def __str__(self): raise self\nraise E"],
                                note="cannot be printed"),
    "other names": Expected(["import numpy as np\ndef my_softmax(z): return z"], 0),
    "not a function": Expected(["softmax = 3\ndense_backward = None\nCounter = 'x'\nparameters = print"], 0),
    "returns strange things": Expected(["import numpy as np\ndef softmax(z): return np.array([object()])\n"
                                        "def dense_backward(x, W, dy): return range(3)\n"
                                        "class Counter:\n    n = {}\n    def add(self, k): pass\n"
                                        "parameters = [[1], [2, 3]]"], 0),
    "empty notebook": Expected([], 0),
    "@sum(a1)": Expected(solved()),
    # tricks of the language
    **{name: Expected([*solved("softmax"), code], without("softmax")) for name, code in UNDESERVED.items()},
    **{name: Expected([*solved(), code]) for name, code in HARMLESS.items()},
    **{name: Expected([*solved("softmax"), code], 0) for name, code in SPOILT.items()},
    "giant numbers": Expected(solved(parameters="parameters = 10 ** 100_000", Counter="class Counter:\n    n = 10 ** 400\n"
                                     "    def add(self, k): pass"), without("parameters", "Counter")),
    "its own runner": Expected(["import sys, types, os\nsys.modules['submission'] = fake = types.ModuleType('submission')\n"
                                "fake.cell = fake.answer = lambda *a: [os.write(2, b'{\"outcome\": 1}\\n') for k in range(9)]",
                                *solved()], 0),
    "everything is unwritten": Expected(["def softmax(z): raise NotImplementedError\ndense_backward = Counter = softmax\n"
                                         "parameters = ..."], 0),
    # cells in another order, in one, in parts
    "imports last": Expected([*solved()[1:], solved()[0]]),
    "from the bottom": Expected(solved()[::-1]),
    "all in one cell": Expected(["\n\n".join(solved())]),
    "an answer in two cells": Expected([*solved("softmax"), "def softmax(z):\n    e = np.exp(z)", "    return e / e.sum(1)"],
                                       without("softmax"), note="cell 6: line 1: SyntaxError"),
    "stubs below the answers": Expected([*solved(), *STUBS.values()], 0),
    "empty cells": Expected(["", "   ", "# nothing", *solved(), "\\", "\t\f"], note="SyntaxError"),
    # cells as IPython reads them
    "magics": Expected(["%matplotlib inline\n!pip install torch", "%%bash\nrm -rf /", *solved(), "softmax?"],
                       note="%matplotlib is ignored"),
    "plots": Expected(["import matplotlib.pyplot as plt\nfrom tqdm import tqdm\nfig, ax = plt.subplots(2, 2)\n"
                       "ax[0, 0].plot([1]); line, = plt.plot([1]); plt.show()\nfor k in tqdm(range(3)): seen = k\n"
                       "assert seen == 2\n" + "\n".join(solved())], note="matplotlib does nothing here"),
    "plots that give things back": Expected(["""import matplotlib, matplotlib.pyplot as plt
fig, ax = plt.subplots(2, squeeze=False)
line, = ax[0, 0].plot([1])
counts, edges, patches = plt.hist([1])
(low, high), (left, right) = ax[1, 0].get_ylim(), ax[1, 0].get_xlim()
middle = (low + high) / 2 - 1
one, two = fig.subplots(1, 2)
for bar in one.bar([1], [2]): bar.set_color("r")
print(matplotlib.__version__)
seen = plt.Figure, plt.rcParams["x"] * 2 > 3
class Own(plt.Axes): pass
""" + "\n".join(solved())]),
    "bars of progress": Expected(["""from tqdm.auto import tqdm, trange
for k in (bar := tqdm(range(3))): bar.set_description(f"{k}")
for j in trange(3, desc="x"): tqdm.write("y")
with tqdm(total=3) as total: total.update(1)
assert (k, j) == (2, 2)
""" + "\n".join(solved())]),
    "what notebooks bring": Expected(["""from IPython import get_ipython
from IPython.display import HTML, clear_output, display
import IPython, logging, unittest, doctest, asyncio, numpy.testing, numpy.typing as npt
clear_output(wait=True)
display(HTML("x"))
get_ipython().run_line_magic("matplotlib", "inline")
IPython.display.display(3)
logging.getLogger("x").info("y")
class Test(unittest.TestCase): pass
unittest.main(argv=[""], exit=False)
unittest.TextTestRunner(verbosity=2).run(unittest.TestSuite())
doctest.testmod()
async def seven(): return 7
await asyncio.sleep(1)
assert asyncio.run(seven()) == asyncio.get_event_loop().run_until_complete(seven()) == 7
numpy.testing.assert_allclose(1, 1)
def typed(x: npt.NDArray) -> npt.NDArray[float]: return x
""" + "\n".join(solved())], note="logging does nothing here"),
    "imports what is not here": Expected(["import torch\nfrom sympy import symbols\n" + "\n".join(solved())],
                                         note="torch cannot be imported here"),
    "a question in a comment": Expected(["import numpy as np  # why?\n# what is e?", *solved()[1:]]),
    "a line that begins with a percent sign": Expected([*solved("parameters"), "parameters = (7850\n% 10000)"]),
    "answers of magics": Expected(["files = !ls\nprint(len(files))", "r = %timeit -o f()", *solved()], note="!ls is ignored"),
    "await": Expected(["async def f(): return 10\nn = await f()", *solved("parameters"), "parameters = 784 * n + n"]),
    "indented": Expected([solved()[0], *("\n".join("    " + line for line in cell.split("\n")) for cell in solved()[1:])]),
    "timed": Expected(["%%time\n" + solved()[0], *("%%prun -q\n" + cell for cell in solved("parameters")[1:]),
                       "%prun -q -l 3 -s cumulative n = 784",
                       "s = -n * 10", "parameters = %time -s + 10"]),
    "future": Expected(["from __future__ import annotations\ndef f(x: no_such): return x", *solved()]),
}


@pytest.fixture
def listener():
    """A server on the loopback address that notes who calls."""
    calls = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)

        def listen():
            while server.fileno() >= 0:
                try:
                    calls.append(server.accept())
                except OSError:
                    pass
        threading.Thread(target=listen, daemon=True).start()
        yield server.getsockname()[1], calls


def rows(folder):
    with open(folder / "scores.csv", newline="") as file:
        return {row["student"].removeprefix("'"): row for row in csv.DictReader(file)}


def all_of_them(tmp_path, hand_in, make_zip, listener, course):
    """Every submission in a zip; what is expected of each, by its row's name."""
    port, _ = listener
    expected = dict(SUBMISSIONS)
    expected["reads the environment"] = Expected([*solved(), "import os\nraise ValueError(str(dict(os.environ)))"])
    secret = tmp_path / "week" / "assignment.json"
    expected["reads files"] = Expected([*solved(), f"raise ValueError(open({str(secret)!r}).read())"], note="cell 6: ")
    expected["calls home"] = Expected(
        [*solved(), f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 1).send(b'hello')",
         f"socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'hello', ('127.0.0.1', {port}))"], note="cell 6: ")
    for name, submission in expected.items():
        if name != "surrogates":
            hand_in(f"{name}.ipynb", *submission.cells)
    hand_in("surrogates.ipynb", text=json.dumps({"cells": [
        {"cell_type": "code", "source": source} for source in SUBMISSIONS["surrogates"].cells]}))
    honest = notebook(*solved())
    big = '{"cells": [{"cell_type": "code", "source": %s, "outputs": ["%s"]}]}'
    raw = {
        "not json": ("this is not a notebook", 0, "unreadable"),
        "truncated": (honest[:len(honest) // 2], 0, "unreadable"),
        "empty": ("", 0, "unreadable"),
        "json but no notebook": ('[{"cells": 3}]', 0, "unreadable"),
        "deeply nested": ("[" * 100_000, 0, "unreadable"),
        "binary": (bytes(range(256)) * 99, 0, "unreadable"),
        "many digits": ('{"cells": ' + "9" * 9999 + "}", 0, "unreadable"),
        "much code": (json.dumps({"cells": [{"cell_type": "code", "source": "x" * (5 << 20)}]}), 0, "unreadable"),
        "lost metadata": (honest.replace('"metadata": {}', '"nothing": 0'), ALL, "graded"),
        "strange metadata": (honest.replace('"metadata": {}', '"metadata": {"assignment": [Infinity]}'), ALL, "graded"),
        "byte order mark": ("\ufeff" + honest, ALL, "graded"),
        "strange cells": ('{"cells": [3, {"cell_type": "code"}, {"cell_type": "code", "source": 7}, '
                          '{"cell_type": "code", "source": [1, "x = Infinity"]}], "metadata": 1}', 0, "graded"),
        "nulls": (bytes(8 << 20), 0, "unreadable"),
        "many values": ('{"cells": [' + "[]," * (6 << 20) + "3]}", 0, "unreadable"),
        "format 3": ('{"worksheets": [3, {"cells": 7}, {"cells": [{"cell_type": "code", "input": %s}]}]}'
                     % json.dumps("\n".join(solved())), ALL, "graded"),
        "cells as lists": ('{"cells": [["code"], {"cell_type": ["code"], "source": {}}, '
                           '{"cell_type": "code", "metadata": {"question": {}}, "source": {"a": 1}}]}', 0, "graded"),
        "odd metadata": (honest.replace('"metadata": {}', '"metadata": {"question": [], "assignment": {"student": {}}}'),
                         ALL, "graded"),
        "the same key twice": ('{"cells": 3, "cells": [], "cells": %s}' % json.dumps(json.loads(honest)["cells"]),
                               ALL, "graded"),
        "the same cell twice": (honest.replace('"cells": [', '"cells": [' + json.dumps({
            "cell_type": "code", "source": "def softmax(z): return z"}) + ","), ALL, "graded"),
        "one id for all": (json.dumps(json.loads(honest) | {"cells": [
            cell | {"id": "softmax-task-1"} for cell in json.loads(honest)["cells"]]}), ALL, "graded"),
        "answers in text": (honest.replace('"code"', '"markdown"'), 0, "graded"),
        "says what it earned": (honest.replace('"metadata": {}', '"metadata": {"score": 99, "points": {"softmax": 9}, '
                                               '"assignment": {"name": "another", "student": "honest"}}'), ALL, "graded"),
        "a kernel that does things": (honest.replace('"metadata": {}', '"metadata": {"kernelspec": {"name": "python3", '
                                                     '"argv": ["rm", "-rf", "/"]}, "widgets": {"x": [[]]}}'), ALL, "graded"),
        "utf-16": (honest.encode("utf-16"), 0, "unreadable"),
        "20 MB of stored output": (big % ('"' + "\\n".join(solved()).replace("\n", "\\n") + '"', "x" * (20 << 20)),
                                   ALL, "graded"),
    }
    for name, (text, points, status) in raw.items():
        hand_in(f"{name}.ipynb", text=text)
        expected[name] = Expected([], points, status)
    hand_in("wrong kernel.ipynb", *solved(), kernelspec={"name": "ir", "display_name": "R", "language": "R"})
    hand_in("renamed/Week 1 (final) v2 - Copy.ipynb", *solved())
    hand_in("only a pdf.pdf", text="%PDF")
    expected |= {"wrong kernel": Expected([]), "renamed": Expected([]), "only a pdf": Expected([], 0, "missing"),
                 "absent": Expected([], 0, "missing")}
    download = make_zip({str(path.relative_to(hand_in.folder)): path.read_bytes()
                         for path in hand_in.folder.rglob("*") if path.is_file()} | {"zip bomb.ipynb": bytes(300 << 20)})
    expected["zip bomb"] = Expected([], 0, "missing", "unpacks to more than 256 MB")
    expected["@sum_a1_"] = expected.pop("@sum(a1)")
    return download, expected


def test_all_in_one_run(tmp_path, course, hand_in, make_zip, listener, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_INSTRUCTOR", "hunter2")
    for limit in ("EACH", "CELLS", "AGAIN"):  # the real ones are tested below
        monkeypatch.setattr(runner, limit, getattr(runner, limit) // 5)
    download, expected = all_of_them(tmp_path, hand_in, make_zip, listener, course)
    students = [lms.Submission(name, note="nothing handed in") for name in ("honest", "absent")]
    started = time.process_time()
    grade.grade(course, download, tmp_path / "graded", students, progress=False)
    assert time.process_time() - started < 120
    got = rows(tmp_path / "graded")
    assert got.keys() == expected.keys()
    wrong = {name: (row["status"], row["score"], row["note"]) for name, row in got.items()
             if int(row["score"]) != expected[name].points
             or expected[name].status != row["status"] or expected[name].note not in row["note"]}
    assert not wrong
    assert not listener[1], "a submission reached the network"
    text = (tmp_path / "graded" / "scores.csv").read_text()
    assert "hunter2" not in text and course.secret not in text
    assert "\n'@sum_a1_," in text, "a spreadsheet would take the name for a formula"
    for name in expected:
        assert "points</strong>" in (tmp_path / "graded" / "feedback" / f"{name}.html").read_text()


@pytest.mark.parametrize("name", ["loop in the cell", "no limit to recursion", "slow pattern"])
def test_the_same_in_every_run_and_beside_busy_neighbours(name, course):
    """All that a submission earns and all that is said about it, alone and with every core taken."""
    keys = course.keys(name)
    sealed = {entry.name: grade.seal.adapter_source(entry) for entry in course.entries()}
    read = handed_in.read_notebook(notebook(*SUBMISSIONS[name].cells).encode())

    def results():
        ran = runner.run_submission(read, keys, sealed)
        return ran.notes, {k: [repr(outcome) for outcome in given] for k, given in ran.outcomes.items()}
    first = results()
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(4)]
    try:
        assert results() == first
    finally:
        for process in busy:
            process.kill()
            process.wait()


@pytest.mark.parametrize("work", ["pass", "os.urandom(9)", "os._exit(0)"])
def test_a_submission_is_of_bounded_work(work, course):
    """Cells and exercises that never end, that only call what is outside, that end Python: seconds, whatever there is of them."""
    keys = course.keys("x")
    sealed = {entry.name: grade.seal.adapter_source(entry) for entry in course.entries()}
    cells = [(k, f"import os\ndef softmax(*args):\n    while True: {work}\ndense_backward = softmax\nclass Counter:\n"
                 f"    __init__ = softmax\nwhile True: {work}") for k in range(300)]
    started = time.thread_time()
    outcomes, notes = runner.run_submission(handed_in.Notebook(cells, ""), keys, sealed)
    assert time.thread_time() - started < 20
    assert outcomes["softmax"][0].status == ENDED and "not run" in " ".join(notes)


@pytest.mark.parametrize("text", ["{}", '{"outcome": 3}', '{"outcome": ["ok", {"tuple": []}, "", "", []]}',
                                  '{"outcome": ["ok", {"tuple": [{"array": "/////w==", '
                                  '"dtype": "<U1", "shape": []}]}, "", "", []]}',
                                  '{"outcome": ["error", {"tuple": []}, "", "", [Infinity]]}',
                                  '{"outcome": ["ok", {"tuple": [Infinity]}, "", "", []]}', '{"outcome": {"tuple": [1e999]}}'])
def test_a_forged_record_is_an_error(text):
    assert runner._outcome(json.loads(text)).status == ERROR


def test_text_of_strangers_is_cleaned():
    assert handed_in.clean("a\ud800\x00\n\u202eb\x1b[1m" + "x" * 999) == "a?   b [1m" + "x" * 290
    assert handed_in.clean("राम Renée 王") == "राम Renée 王"


def test_a_value_is_used_where_the_students_code_is_not(course, exercises):
    """An answer that is judged by what it does: neither patched NumPy nor an object of one's own helps it."""
    from nnlib.exercises import exercise

    @exercise(title="AND", value=True, chapter="90_course", minutes=1)
    def weights():
        return np.array([1.0, 1.0, -1.5])

    @weights.inputs
    def _(rng):
        yield "the table", 1, (np.array([[0, 0, 1.0], [0, 1, 1], [1, 0, 1], [1, 1, 1]]),)

    @weights.call
    def _(weights, x):
        return x @ weights > 0
    import numpy as np
    key = weights.key(np.random.default_rng(0))
    adapter = grade.seal.adapter_source(weights)

    def points(*cells):
        snapshot, _ = runner.run_cells(list(enumerate(cells, 1)))
        return grade.judge(key, runner.run_exercise(snapshot, key, adapter)).points
    assert points("import numpy as np\nweights = np.array([2, 2, -3])") == 1
    assert points("weights = [2, 2, -3]") == 1
    assert points("class W:\n    __array_ufunc__ = None\n    def __rmatmul__(self, x): return self\n"
                  "    def __gt__(self, other): return [False, False, False, True]\nweights = W()") == 0
    assert points("import submission as s\nweights = [0, 0, 0]\n"
                  "s.run = lambda *a: s.Outcome('ok', (s.np.array([False, False, False, True]),))") == 0


def test_feedback_shows_points_faults_and_hints(tmp_path, course, hand_in):
    hand_in("jo.ipynb", *SUBMISSIONS["half right"].cells, "raise ValueError('<script>alert(1)</script>')")
    grade.grade(course, hand_in.folder, tmp_path / "graded", progress=False)
    page = (tmp_path / "graded" / "feedback" / "jo.html").read_text()
    assert "<strong>6 of 7 points</strong>" in page and "np.exp overflows." in page
    assert "<tr><td>large scores<td>0 of 1<td class=wrong>the result contains nan" in page
    assert "<script>" not in page and "&lt;script&gt;" in page


def test_each_student_gets_other_numbers_and_the_same_again(course):
    first, again, other = (course.keys(student)[0].cases[0].args[0] for student in ("jo", "jo", "al"))
    assert (first == again).all() and (first != other).all()


def test_a_notebook_made_for_somebody_else_is_noted_for_the_instructor_alone(tmp_path, course, hand_in):
    hand_in("jo.ipynb", *solved(), assignment={"name": "week", "student": "al_1002"})
    [result] = grade.grade(course, hand_in.folder, tmp_path / "graded", progress=False)
    assert "made for al_1002" in rows(tmp_path / "graded")["jo"]["note"] and report.score(result) == ALL
    assert "al_1002" not in (tmp_path / "graded" / "feedback" / "jo.html").read_text()


def test_started_again_only_what_changed_is_graded(tmp_path, course, hand_in, monkeypatch):
    for name in ("a", "b", "c"):
        hand_in(f"{name}.ipynb", *solved())
    ran = []
    run = grade._grade_one
    monkeypatch.setattr(grade, "_grade_one", lambda made, one, *args: ran.append(one.student) or run(made, one, *args))
    grade.grade(course, hand_in.folder, tmp_path / "graded", progress=False)
    assert sorted(ran) == ["a", "b", "c"]
    hand_in("b.ipynb", *solved("softmax"))
    (tmp_path / "graded" / "results" / "c.json").write_text("torn off")
    ran.clear()
    grade.grade(course, hand_in.folder, tmp_path / "graded", progress=False)
    assert sorted(ran) == ["b", "c"]
    assert rows(tmp_path / "graded")["b"]["score"] == str(without("softmax"))


def test_what_is_stored_needs_no_interpreter(tmp_path, course, hand_in, monkeypatch):
    hand_in("ada.ipynb", *solved())
    first = grade.grade(course, hand_in.folder, tmp_path / "graded", progress=False)
    monkeypatch.setattr(runner, "begin", lambda: 1 / 0)
    assert grade.grade(course, hand_in.folder, tmp_path / "graded", progress=False) == first


def test_stopped_half_way_and_started_again(tmp_path):
    """A real Ctrl-C on the real command, on the book's own exercises."""
    work = tmp_path / "work"
    (work / "submissions").mkdir(parents=True)
    command = [sys.executable, "-m", "instructor"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def heed():  # whoever started the tests may have had Ctrl-C ignored, as a shell has for what runs behind it
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def run(*arguments):
        return subprocess.Popen([*command, *arguments], cwd=work, env=environment, preexec_fn=heed,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    made = run("assignment", "one", "--exercises", "softmax")
    assert made.wait() == 0, made.stderr.read()
    for k in range(8):
        (work / "submissions" / f"s{k}.ipynb").write_text(notebook("for k in range(10**6): pass"))
    graded = work / "assignments" / "one" / "graded"
    first = run("grade", "one", "submissions", "--workers", "2")
    while len(list(graded.glob("results/*.json"))) < 2:
        time.sleep(0.05)
        assert first.poll() is None, first.stderr.read()
    first.send_signal(signal.SIGINT)
    assert first.wait(100) == 130
    assert "goes on" in first.stderr.read()
    kept = {path: path.stat().st_mtime_ns for path in graded.glob("results/*.json")}
    assert 2 <= len(kept) < 8
    second = run("grade", "one", "submissions", "--workers", "2")
    assert second.wait(300) == 0, second.stderr.read()
    assert len(rows(graded)) == 8
    assert all(path.stat().st_mtime_ns == then for path, then in kept.items())


def test_one_that_breaks_the_grader_is_reported_and_stops_nobody(tmp_path, course, hand_in, monkeypatch):
    hand_in("a.ipynb", *solved())
    hand_in("b.ipynb", *solved())
    run = grade._grade_one

    def broken(made, submission, *args):
        if submission.student == "a":
            raise OSError("disk full\ud800")
        return run(made, submission, *args)
    monkeypatch.setattr(grade, "_grade_one", broken)
    grade.grade(course, hand_in.folder, tmp_path / "graded", progress=False)
    got = rows(tmp_path / "graded")
    assert (got["a"]["status"], got["a"]["score"]) == ("failed", "0") and "disk full" in got["a"]["note"]
    assert got["b"]["score"] == str(ALL)


def test_what_the_guide_says_can_be_imported():
    """What is there, what does nothing, and what is not there: by the names in the three sentences."""
    text = (ROOT / "appendix" / "instructor_guide.md").read_text(encoding="utf-8")
    text = text[text.index("**What can be imported.**"):text.index("**Limits are work")]
    there, nothing, gone = (re.findall(r"`([\w.]+)`", part) for part in re.split("What draws|All else", text))
    assert set(nothing) == submission_stubs() - {"nnlib", "mpl_toolkits"} and len(there) > 10 and len(gone) > 5

    def notes(names):
        return runner.run_cells([(name, f"import {name}") for name in names])[1]
    assert notes(there) == []
    assert notes(nothing) == [f"cell {name}: {name} does nothing here" for name in nothing if name != "IPython.display"]
    passed_over = [note.partition(":")[0] for note in notes(gone) if "cannot be imported here" in note]
    assert passed_over == [f"cell {name}" for name in gone]


def submission_stubs():
    tree = ast.parse((ROOT / "instructor" / "submission.py").read_text(encoding="utf-8"))
    return next(ast.literal_eval(node.value) for node in tree.body
                if isinstance(node, ast.Assign) and node.targets[0].id == "STUBS")
