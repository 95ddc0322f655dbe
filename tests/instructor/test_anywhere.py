"""Grading needs nothing of one system alone, and no rights. Other systems than Linux are not tried here: what only some have is
taken away."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import instructor
from book.notebook import ROOT
from tests.instructor.course import notebook, solved

SOME_HAVE = {"fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "posix", "syslog", "winreg", "msvcrt", "_winapi"}
CALLS = {"os": {"fork", "forkpty", "setsid", "setuid", "setgid", "setgroups", "getuid", "geteuid", "getgid", "chown", "mkfifo",
                "nice", "killpg", "getpgid", "setpgid", "waitpid", "prctl", "unshare", "memfd_create",
                "sched_setaffinity", "wait", "O_NOFOLLOW", "O_NONBLOCK", "O_DIRECTORY", "O_CLOEXEC", "uname", "getloadavg"},
         "signal": {"alarm", "setitimer", "pthread_kill", "pthread_sigmask", "SIGKILL", "SIGALRM", "SIGXCPU"},
         "time": {"tzset"}, "socket": {"AF_UNIX"}, "ctypes": {"CDLL"}}
FILES = [*ROOT.glob("instructor/*.py"), *ROOT.glob("nnlib/exercises/**/*.py"), ROOT / "book/python/host.py",
         ROOT / "book/python/__init__.py", ROOT / "book/notebook.py"]
ELSEWHERE = """
import json, os, signal, sys, time
import nbformat, numpy, tqdm, wasmtime, markdown_it, latex2mathml.converter, urllib.request
import concurrent.futures, tempfile, subprocess, multiprocessing, shutil, zipfile
SOME_HAVE, CALLS, MINE, HERE = {some!r}, {calls!r}, {mine!r}, sys.argv[1:]
sys.path.insert(0, MINE)
sys.platform = HERE[0]
for name in CALLS["os"]: vars(os).pop(name, None)
for name in CALLS["signal"]: vars(signal).pop(name, None)
vars(time).pop("tzset", None)
for name in SOME_HAVE: sys.modules[name] = None
from pathlib import Path
from instructor import assignment, grade
made = assignment.Assignment("week", "Week", ["softmax", "collapse"], "secret")
results = grade.grade(made, HERE[1], HERE[2], progress=False)
print(json.dumps({{one["student"]: [one["status"], one["note"]] for one in results}}))
"""


def test_the_package_says_where_what_is():
    there = {path.stem for path in (ROOT / "instructor").iterdir() if path.suffix == ".py" or path.is_dir()}
    assert set(re.findall(r"``(\w+)``", instructor.__doc__)) - {"check"} == {name for name in there if not name.startswith("__")}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_nothing_is_used_that_only_some_systems_have(path):
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names} & SOME_HAVE
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module} & SOME_HAVE | {alias.name for alias in node.names} & CALLS.get(node.module, set())
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found |= {node.attr} & CALLS.get(node.value.id, set())
    assert not found


@pytest.mark.parametrize("system", ["win32", "darwin"])
def test_grading_does_without_what_only_some_systems_have(system, tmp_path):
    folder = tmp_path / "submissions"
    folder.mkdir()
    (folder / "ada.ipynb").write_text(notebook(*solved()))
    (folder / "bob.ipynb").write_text(notebook("import os\nwhile True: pass"))
    done = subprocess.run([sys.executable, "-c", ELSEWHERE.format(some=SOME_HAVE, calls=CALLS, mine=str(ROOT)), system,
                           str(folder), str(tmp_path / "graded")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert '"ada": ["graded", ""]' in done.stdout and "needs more work" in done.stdout


NOBODY = 65534
AS_NOBODY = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs", "--inh-caps=-all",
             "--bounding-set=-all"]
ORDINARY = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
import instructor
from book.notebook import ROOT
rights = dict(line.split(":\\t") for line in Path("/proc/self/status").read_text().splitlines() if ":\\t" in line)
assert int(rights["Uid"].split()[1]) and not int(rights["CapEff"], 16) and rights["NoNewPrivs"] == "1", rights
from instructor import assignment, grade
made = assignment.Assignment("week", "Week", ["softmax", "collapse"], "secret")
for one in grade.grade(made, *sys.argv[2:], progress=False):
    print(one["student"], one["status"], sum(part["points"] for part in one["exercises"].values()), one["note"], sep="|")
"""


@pytest.fixture
def open_folder():
    """A folder that others can look into: pytest's own are for their owner alone."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.slow(every=3)
@pytest.mark.skipif(not (sys.platform == "linux" and shutil.which("setpriv")), reason="needs setpriv, of Linux")
def test_grading_as_an_ordinary_user_without_any_rights(open_folder):
    """Who runs this without being root is that user already; else nobody is: no capability, no way to get one, no home."""
    folder, out = open_folder / "submissions", open_folder / "graded"
    folder.mkdir()
    out.mkdir()
    (folder / "ada.ipynb").write_text(notebook(*solved()))
    (folder / "bob.ipynb").write_text(notebook("import os\nwhile True: pass", *solved("softmax")))
    (folder / "cem.ipynb").write_text(notebook("open('/etc/passwd')", *solved()))
    (folder / "dan.ipynb").symlink_to("/etc/passwd")
    rights = ["setpriv", "--no-new-privs"]
    if os.geteuid() == 0:
        rights = AS_NOBODY
        os.chown(out, NOBODY, NOBODY)
    can = subprocess.run([*rights, sys.executable, "-c", "import sys; open(sys.argv[1])", str(folder / "ada.ipynb")],
                         capture_output=True, text=True, cwd="/")
    if can.returncode:
        pytest.skip(f"an ordinary user cannot start this Python or read these files: {can.stderr[-200:]}")
    environment = {name: value for name, value in os.environ.items() if name not in ("HOME", "XDG_CACHE_HOME")}
    done = subprocess.run([*rights, sys.executable, "-c", ORDINARY, str(ROOT), str(folder), str(out)],
                          env=environment | {"HOME": "/nonexistent"}, capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stderr
    ada, bob, cem, dan = (line.split("|") for line in done.stdout.splitlines())
    assert ada == ["ada", "graded", "3", ""] and bob[1:3] == ["graded", "0"] and "needs more work" in bob[3]
    assert cem[1:3] == ["graded", "3"] and "FileNotFoundError" in cem[3]
    assert dan[1:3] == ["missing", "0"] and "a link" in dan[3]
