"""Run a submission in a limited process and bring back plain arrays.

Three layers, each used where the system has it: resource limits (any Unix), Landlock (Linux 5.13: which files
can be read and written), namespaces through ``unshare`` (no network, no other process in sight).
``missing_layers`` says what is not there.
"""

import ctypes
import functools
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import sysconfig
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil

from nnlib.exercises import judging
from nnlib.exercises.judging.outcome import ENDED, ERROR, NONE, OK, UNUSABLE, UNWRITTEN, Outcome
from nnlib.exercises.judging.plain import decode, encode

UNSHARE = ["unshare", "--user", "--map-root-user", "--net", "--pid", "--ipc", "--fork", "--kill-child"]
SECONDS = 10            # for a cell, and for an exercise
SECONDS_ALL = 60        # for a submission
MEGABYTES = 2048        # of address space for each process, and of memory for all of them
PROCESSES = 64
RESULT_BYTES = 16 << 20
FIRST_UID = 64_000      # when grading as root, submissions run as users that own nothing
_STATUSES = {UNWRITTEN, NONE, ERROR, UNUSABLE, OK}
_WHY = {"timeout": "it took more than {SECONDS_ALL} s", "memory": "it took more than {MEGABYTES} MB of memory",
        "processes": "it started more than {PROCESSES} processes", "stopped": "Python ended"}


class Result(NamedTuple):
    """What a submission did: ``outcomes[name]`` has an outcome for each case; ``errors`` are pairs."""

    status: str  # ran, unreadable, stopped, timeout, memory, processes
    note: str
    outcomes: dict
    errors: list  # (number of the cell, message)
    made_for: str


@functools.cache
def has_namespaces():
    """Whether ``unshare`` works here."""
    try:
        return subprocess.run([*UNSHARE, "true"], capture_output=True, timeout=10).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


@functools.cache
def has_landlock():
    """Whether the kernel can limit which files a process reads."""
    if not sys.platform.startswith("linux"):
        return False
    return ctypes.CDLL(None).syscall(444, None, 0, 1) >= 1


def can_change_user():
    """Whether submissions can run as another user, who can start this Python and reach the jobs' folders."""
    return os.geteuid() == 0 and _others_can_work_in(tempfile.gettempdir())


@functools.cache
def _others_can_work_in(folder):
    try:
        probe = [sys.executable, "-I", "-c", "import os, sys, numpy; os.stat(sys.argv[1])", os.path.join(folder, ".")]
        return subprocess.run(probe, user=FIRST_UID, group=FIRST_UID, extra_groups=[], cwd="/",
                              capture_output=True, timeout=30).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


def missing_layers():
    """What this system cannot keep a submission from, as sentences."""
    sentences = []
    if not has_namespaces():
        sentences.append("no namespaces: submissions can use the network and can see and stop your processes")
    if not has_landlock():
        sentences.append("no Landlock: submissions can read every file that you can, solutions included")
    if os.geteuid() == 0 and not can_change_user():
        sentences.append("run by root, whose processes have no limit: they are counted instead")
    return sentences


@functools.cache
def _readable():
    """Python and its libraries, without the book's own package, whose source holds solutions."""
    packages = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
    entries = [str(entry) for folder in packages for entry in Path(folder).iterdir()
               if "nnlib" not in entry.name.lower()]
    base = [sysconfig.get_path(name, vars={"base": sys.base_prefix}) for name in ("stdlib", "platstdlib")]
    binaries = [os.path.dirname(os.path.realpath(sys.executable)), os.path.join(sys.base_prefix, "lib")]
    system = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/bin", "/bin", "/usr/share",
              "/etc/ld.so.cache", "/etc/fonts", "/etc/localtime"]
    prefix = Path(sys.prefix)
    return sorted({*entries, *base, *binaries, *system, str(prefix / "pyvenv.cfg"), str(prefix / "bin")})


@functools.cache
def _font_cache():
    """matplotlib's list of fonts, made once: it takes seconds, and a submission starts with an empty home."""
    try:
        import matplotlib
        import matplotlib.font_manager  # makes the file
        return next(Path(matplotlib.get_cachedir()).glob("fontlist*.json"), None)
    except ImportError:
        return None


def _process_limit():
    """The system's limit counts all processes of a user, and a namespace of one's own starts at none.

    It lies above PROCESSES, so that who passes that is noticed.
    """
    limit = PROCESSES + 32
    if has_namespaces() or can_change_user():
        return limit
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.uids().real == os.getuid():
                limit += process.num_threads()
    return limit


def _prepare(job, submission, keys, adapters):
    """Fill the job's folder."""
    for name in ("out", "home"):
        (job / name).mkdir()
    shutil.copyfile(submission, job / "submission.ipynb")
    shutil.copyfile(Path(__file__).with_name("worker.py"), job / "worker.py")
    (job / "judging").mkdir()
    for name, source in judging.bundle().items():
        (job / "judging" / name).write_text(source, encoding="utf-8")
    if _font_cache():
        (job / "home" / "matplotlib").mkdir()
        shutil.copy(_font_cache(), job / "home" / "matplotlib")
    exercises = [{"name": key.name, "value": key.value, "adapter": adapters[key.name],
                  "cases": [encode(case.args) for case in key.cases]} for key in keys]
    (job / "task.json").write_text(json.dumps({
        "seconds": SECONDS, "seconds_all": SECONDS_ALL, "megabytes": MEGABYTES, "processes": _process_limit(),
        "readable": _readable() if has_landlock() else None, "exercises": exercises}))


def _supervise(process, started):
    """Wait for the process; end it and say why when it takes too long or its family too much memory."""
    while True:
        try:
            process.wait(0.25)
            return ""
        except subprocess.TimeoutExpired:
            pass
        if time.monotonic() - started > SECONDS_ALL:
            return "timeout"
        family, used = _family(process.pid), 0
        if len(family) > PROCESSES:
            return "processes"
        for member in family:
            with suppress(psutil.Error):
                used += member.memory_info().rss
        if used > MEGABYTES << 20:
            return "memory"


def _family(pid):
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.Error:
        return []


def _strays(home):
    """What a submission has started and still runs: it is known by its home, wherever it went."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("HOME") == home:
                yield process


def _end(process, home):
    """End the process and everything that it started."""
    members = _family(process.pid)[1:]
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for _ in range(100):  # while one is ended, another may start a third
        for member in members:
            with suppress(psutil.Error):
                member.kill()
        members = [] if has_namespaces() else list(_strays(home))
        if not members:
            break
        time.sleep(0.02)


def run_submission(submission, keys, adapters, slot=0):
    """Run the notebook at ``submission`` on the cases of ``keys``; what runs at once has different slots."""
    with tempfile.TemporaryDirectory(prefix="grade-", ignore_cleanup_errors=True) as folder:
        job = Path(folder)
        _prepare(job, submission, keys, adapters)
        user = {}
        if can_change_user():
            user = {"user": FIRST_UID + slot, "group": FIRST_UID + slot, "extra_groups": []}
            for path in [job, *job.rglob("*")]:
                os.chown(path, FIRST_UID + slot, FIRST_UID + slot)
        home = str(job / "home")
        environment = {"PATH": "/usr/bin:/bin", "HOME": home, "TMPDIR": home, "LANG": "C.UTF-8",
                       "MPLBACKEND": "Agg", "MPLCONFIGDIR": f"{home}/matplotlib",
                       "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        command = [sys.executable, "-I", "-B", str(job / "worker.py"), folder]
        started = time.monotonic()
        process = subprocess.Popen(
            [*(UNSHARE if has_namespaces() else []), *command], cwd="/", env=environment,
            start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, **user)
        try:
            ended = _supervise(process, started)
        finally:
            _end(process, home)
        return _result(job / "out", keys, ended, process.returncode)


def _read(path):
    """A file that the submission may have made: only a plain one of reasonable size; "" otherwise."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return ""
    with open(descriptor, "rb") as file:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > RESULT_BYTES:
            return ""
        return file.read().decode("utf-8", "replace")


def _result(out, keys, ended, code):
    """Read what the worker wrote, as far as it came."""
    try:
        log = json.loads(_read(out / "log.json"))
        running, unreadable = log.get("running"), str(log.get("unreadable", ""))
        errors = [(int(cell), str(text)) for cell, text in log.get("errors", [])]
        made_for = str((log.get("made_for") or {}).get("student", ""))
    except (ValueError, TypeError, AttributeError, RecursionError):
        running, unreadable, errors, made_for = None, "", [], ""
        ended = ended or "stopped"
    if running is not None or code:
        ended = ended or "stopped"
    status = "unreadable" if unreadable else ended or "ran"
    note = f"not a notebook: {unreadable}" if unreadable else ""
    if ended and not note:
        note = _WHY[ended].format(**globals()) + (f" in cell {running}" if isinstance(running, int) else "")
    lost = Outcome(ENDED, note=f"was not reached: {note}" if note else
                   f"did not come back: it ended Python, or took longer than {SECONDS} s")
    outcomes = {}
    for number, key in enumerate(keys):
        given = [_outcome(line) for line in _read(out / f"{number}.jsonl").splitlines()]
        if key.value and given:
            given = key.use_value(given[0])
        outcomes[key.name] = (given + [lost] * len(key.cases))[:len(key.cases)]
    return Result(status, note, outcomes, errors, made_for)


def _outcome(line):
    """The outcome on one line; a line that the worker would not write counts as an error."""
    try:
        status, arrays, note, code, changed = decode(json.loads(line))
        plain = isinstance(arrays, tuple) and all(isinstance(array, np.ndarray) for array in arrays)
        if status not in _STATUSES or not plain or (status == OK) != bool(arrays):
            raise ValueError("not an outcome")
        return Outcome(status, arrays, str(note)[:300], str(code)[:200], tuple(int(k) for k in changed))
    except (ValueError, TypeError, RecursionError, MemoryError):
        return Outcome(ERROR, note="its result cannot be read")
