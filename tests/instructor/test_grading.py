"""Honest, broken and hostile submissions, all graded in one run: none gets more than its honest work is worth."""

import csv
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from instructor import grade, lms, sandbox
from tests.instructor.course import ALL, POINTS, STUBS, notebook, solved

ROOT = Path(grade.__file__).parent.parent
STEAL = f"""import sys
for name in [name for name in sys.modules if name.startswith("nnlib")]:
    del sys.modules[name]
sys.path.insert(0, {str(ROOT)!r})
import nnlib.exercises.ch02_activations as book
softmax = book.softmax.reference"""
FAKE_RESULTS = """import json, os, pathlib
out = pathlib.Path(os.getcwd()).parent / "out"
for k in range(4):
    os.symlink("/etc/passwd", out / f"{k}.jsonl")
(out / "log.json").unlink()
os.mkfifo(out / "log.json")
os._exit(0)"""
FORK_BOMB = """import os, time
for k in range(300):            # bounded: a limit that fails harms nobody
    try:
        if os.fork() == 0:
            time.sleep(20)
            os._exit(0)
    except OSError:
        break"""
DEAF = "import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)"
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
    "magics": Expected(["%matplotlib inline\n!pip install torch\n%%time", "%%bash\nrm -rf /", *solved(), "softmax?",
                        "import matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()"]),
    "error in a cell": Expected(["1 / 0", *solved()], note="cell 1: ZeroDivisionError"),
    "syntax error": Expected([*solved(), "def f(:"], note="SyntaxError"),
    "asks for input": Expected([*solved(), "input('name?')"], note="EOFError"),
    "exits": Expected([*solved(), "exit()", "quit()", "raise SystemExit"]),
    "uses nnlib": Expected(["import nnlib\nfrom nnlib.exercises import check", *solved(),
                                         "check(softmax)"]),
    "deleted checks": Expected([*solved(), "check(softmax)"], note="cell 6: NameError"),
    "edited checks": Expected(["check = lambda *args: print('softmax: right')", STUBS["softmax"],
                               "check(softmax)"], 0),
    "infinite loop": Expected([*solved(), "while True: pass"], note="cell 6: TooSlow"),
    "stubborn loop": Expected([*solved(), f"{DEAF}\nwhile True: pass"], 0, "timeout", "more than 20 s in cell 6"),
    "loop in a function": Expected(solved(softmax="def softmax(z):\n    while True: pass"), without("softmax")),
    "sleeps": Expected([*solved(), "import time; time.sleep(1000)"], note="cell 6: TooSlow"),
    "memory bomb": Expected([*solved(), "x = np.ones(1 << 40)", "a = []\nwhile True: a.append(np.ones(1 << 22))",
                             "del a"], note="MemoryError"),
    "memory of many": Expected([*solved(), f"{DEAF}\nimport os, time\nfor k in range(4):\n    if os.fork() == 0:\n"
                                "        x = np.ones(400 << 17); time.sleep(1000)\ntime.sleep(1000)"],
                               0, "memory", "more than 1024 MB of memory in cell 6"),
    "fork bomb": Expected([*solved(), FORK_BOMB, "time.sleep(5)"], 0, "processes"),
    "leaves a child": Expected([*solved(), "import os, time\nif os.fork() == 0:\n    os.setsid()\n"
                                "    time.sleep(3000)\n    os._exit(0)"]),
    "os._exit": Expected([*solved(), "import os; os._exit(0)"], 0, "stopped", "in cell 6"),
    "os._exit in a function": Expected(solved(softmax="import os\ndef softmax(z): os._exit(0)"), without("softmax")),
    "crash": Expected([*solved(), "import ctypes; ctypes.string_at(0)"], 0, "stopped", "in cell 6"),
    "deep recursion": Expected(solved(softmax="def softmax(z): return softmax(z)"), without("softmax")),
    "patched comparisons": Expected([*solved("softmax", "dense_backward", "parameters"), PATCHED], 1),
    "equals everything": Expected([EQUAL], 0),
    "patched tools": Expected([*solved("softmax"), "import json, os\njson.dumps = lambda *a, **k: 'x'\n"
                               "os.fork = lambda: 0\nopen = print = None"], 0, None),
    "fake results": Expected([FAKE_RESULTS], 0, "stopped"),
    "steals the solution": Expected([*solved("softmax"), STEAL], without("softmax"), note="cell 5: "),
    "other names": Expected(["import numpy as np\ndef my_softmax(z): return z"], 0),
    "not a function": Expected(["softmax = 3\ndense_backward = None\nCounter = 'x'\nparameters = print"], 0),
    "returns strange things": Expected(["import numpy as np\ndef softmax(z): return np.array([object()])\n"
                                        "def dense_backward(x, W, dy): return range(3)\n"
                                        "class Counter:\n    n = {}\n    def add(self, k): pass\n"
                                        "parameters = [[1], [2, 3]]"], 0),
    "huge result": Expected(solved(softmax="def softmax(z): return np.ones((6000, 6000))"), without("softmax")),
    "much output": Expected([*solved(), "for k in range(200): print('x' * (1 << 20))"]),
    "much in files": Expected([*solved(), "open('big', 'wb').write(bytes(200 << 20))"], note="OSError"),
    "empty notebook": Expected([], 0),
    "@sum(a1)": Expected(solved()),
}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Short limits, so that the tests do not wait for those who wait for ever."""
    monkeypatch.setattr(sandbox, "SECONDS", 2)
    monkeypatch.setattr(sandbox, "SECONDS_ALL", 20)
    monkeypatch.setattr(sandbox, "MEGABYTES", 1024)


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


def test_all_in_one_run(tmp_path, course, hand_in, make_zip, listener, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_INSTRUCTOR", "hunter2")
    port, calls = listener
    expected = dict(SUBMISSIONS)
    expected["reads the environment"] = Expected([*solved(), "import os\nraise ValueError(str(dict(os.environ)))"])
    kill = [*solved(), "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"]  # nothing happens in a namespace
    expected["kills its kernel"] = Expected(kill) if sandbox.has_namespaces() else Expected(kill, 0, "stopped")
    secret = tmp_path / "week" / "assignment.json"
    expected["reads files"] = Expected([*solved(), f"raise ValueError(open({str(secret)!r}).read())"])
    expected["calls home"] = Expected(
        [*solved(), f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 1).send(b'hello')",
         f"socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'hello', ('127.0.0.1', {port}))"])
    for name, submission in expected.items():
        hand_in(f"{name}.ipynb", *submission.cells)
    honest = notebook(*solved())
    big = '{"cells": [{"cell_type": "code", "source": %s, "outputs": ["%s"]}]}'
    raw = {
        "not json": ("this is not a notebook", 0, "unreadable"),
        "truncated": (honest[:len(honest) // 2], 0, "unreadable"),
        "empty": ("", 0, "unreadable"),
        "json but no notebook": ('[{"cells": 3}]', 0, "unreadable"),
        "deeply nested": ("[" * 100_000, 0, "unreadable"),
        "binary": (bytes(range(256)) * 99, 0, "unreadable"),
        "lost metadata": (honest.replace('"metadata": {}', '"nothing": 0'), ALL, "graded"),
        "strange cells": ('{"cells": [3, {"cell_type": "code"}, {"cell_type": "code", "source": 7}], "metadata": 1}',
                          0, "graded"),
        "200 MB of stored output": (big % ('"' + "\\n".join(solved()).replace("\n", "\\n") + '"', "x" * (200 << 20)),
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
    students = [lms.Submission(name, None, "nothing handed in") for name in ("honest", "absent")]
    grade.grade(course, download, tmp_path / "graded", students, progress=False)
    got = rows(tmp_path / "graded")
    expected["@sum_a1_"] = expected.pop("@sum(a1)")
    assert got.keys() == expected.keys()
    wrong = {name: (row["status"], row["score"], row["note"]) for name, row in got.items()
             if int(row["score"]) != expected[name].points
             or expected[name].status not in (None, row["status"]) or expected[name].note not in row["note"]}
    assert not wrong
    assert not calls, "a submission reached the network"
    text = (tmp_path / "graded" / "scores.csv").read_text()
    assert "hunter2" not in text and course.secret not in text
    assert "\n'@sum_a1_," in text, "a spreadsheet would take the name for a formula"
    for name in expected:
        assert "points</strong>" in (tmp_path / "graded" / "feedback" / f"{name}.html").read_text()


@pytest.mark.parametrize("name", ["honest", "half right", "loop in a function", "stubborn loop", "os._exit", "crash",
                                  "fork bomb", "leaves a child", "patched comparisons", "equals everything", "fake results"])
def test_without_namespaces_and_landlock(name, tmp_path, course, hand_in, monkeypatch):
    """The limits that every Unix has hold by themselves."""
    monkeypatch.setattr(sandbox, "has_namespaces", lambda: False)
    monkeypatch.setattr(sandbox, "has_landlock", lambda: False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    hand_in("student.ipynb", *SUBMISSIONS[name].cells)
    [result] = grade.grade(course, hand_in.folder, tmp_path / "graded", progress=False)
    assert (grade.score(result), result["status"]) == SUBMISSIONS[name][1:3]
    running = [process.info for process in psutil.process_iter(["cmdline", "status"])]
    assert not [info for info in running
                if str(tmp_path) in " ".join(info["cmdline"] or []) and info["status"] != psutil.STATUS_ZOMBIE]
    assert len(sandbox.missing_layers()) >= 2


def test_a_function_that_ends_python_loses_only_its_own_points(tmp_path, course, hand_in):
    hand_in("student.ipynb", *SUBMISSIONS["os._exit in a function"].cells)
    [result] = grade.grade(course, hand_in.folder, tmp_path / "graded", progress=False)
    case = result["exercises"]["softmax"]["cases"][0]
    assert case[2].startswith("it did not come back")


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


def test_a_notebook_made_for_somebody_else_is_noted(tmp_path, course, hand_in):
    hand_in("jo.ipynb", *solved(), assignment={"name": "week", "student": "al"})
    [result] = grade.grade(course, hand_in.folder, tmp_path / "graded", progress=False)
    assert "made for al" in result["note"] and grade.score(result) == ALL


def test_started_again_only_what_changed_is_graded(tmp_path, course, hand_in, monkeypatch):
    for name in ("a", "b", "c"):
        hand_in(f"{name}.ipynb", *solved())
    ran = []
    run = sandbox.run_submission
    monkeypatch.setattr(sandbox, "run_submission", lambda path, *args: ran.append(path.stem) or run(path, *args))
    grade.grade(course, hand_in.folder, tmp_path / "graded", progress=False)
    assert sorted(ran) == ["a", "b", "c"]
    hand_in("b.ipynb", *solved("softmax"))
    (tmp_path / "graded" / "results" / "c.json").write_text("torn off")
    ran.clear()
    grade.grade(course, hand_in.folder, tmp_path / "graded", progress=False)
    assert sorted(ran) == ["b", "c"]
    assert rows(tmp_path / "graded")["b"]["score"] == str(without("softmax"))


def test_stopped_half_way_and_started_again(tmp_path):
    """A real Ctrl-C on the real command, on the book's own exercises."""
    work = tmp_path / "work"
    (work / "submissions").mkdir(parents=True)
    command = [sys.executable, "-m", "instructor"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def run(*arguments):
        return subprocess.Popen([*command, *arguments], cwd=work, env=environment,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    made = run("assignment", "one", "--exercises", "softmax")
    assert made.wait() == 0, made.stderr.read()
    for k in range(8):
        (work / "submissions" / f"s{k}.ipynb").write_text(notebook("import time\ntime.sleep(1)"))
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
    run = sandbox.run_submission

    def broken(path, *args):
        if path.stem == "a":
            raise OSError("disk full")
        return run(path, *args)
    monkeypatch.setattr(sandbox, "run_submission", broken)
    grade.grade(course, hand_in.folder, tmp_path / "graded", progress=False)
    got = rows(tmp_path / "graded")
    assert (got["a"]["status"], got["a"]["score"]) == ("failed", "0") and "disk full" in got["a"]["note"]
    assert got["b"]["score"] == str(ALL)
