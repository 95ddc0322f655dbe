"""``python -m book COMMAND``: every command of the book; ``make COMMAND`` is a short name for it.

This file runs before anything is installed, so it uses the standard library alone, in a syntax that an old
Python can still read, and first of all says so: it can then say what is missing.
"""

from __future__ import print_function

import sys

OLDEST, NEWEST = (3, 11), (3, 14)
NEEDS = (
    "This book needs Python %d.%d to %d.%d, and this is Python %s.\n"
    "Install one from https://www.python.org/downloads/ (or your system's packages), then try again."
    % (OLDEST + NEWEST + (sys.version.split()[0],))
)
if sys.version_info < (3, 5):
    sys.exit(NEEDS)

import glob  # noqa: E402
import hashlib  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import re  # noqa: E402
import shutil  # noqa: E402
import socket  # noqa: E402
import subprocess  # noqa: E402
import time  # noqa: E402
from urllib.request import url2pathname  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
VENV_PYTHON = (
    os.path.join(VENV, "Scripts", "python.exe") if os.name == "nt" else os.path.join(VENV, "bin", "python")
)
STAMP = os.path.join(VENV, "installed.sha256")
LOG = os.path.join(VENV, "install.log")
HTML = os.path.join(ROOT, "_build", "html")
ROOM_GB = 2.0
BUILD = ("-c", "from jupyter_book.cli.main import main; main()", "build", ".", "--all", "-W", "--keep-going", "-n", "-q")
BROWSERS = (
    "chromium-headless-shell",  # has no windows and their buttons: a third less work for a page
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge",
)  # fmt: skip

HELP = """Neural Networks You Can Touch

  make book            make the environment, build the book, print the path to open
  make test            everything that continuous integration checks
  make test P=changed  what your change touches, without browsers; P= also takes paths, rooms and chapters
  make lab             JupyterLab on the chapters (make lab A="--no-browser")
  make new             the skeleton of a new chapter (make new C=17_topic)
  make check           what do the chapters still lack? (one: make check C=03_losses)
  make chapters        run the chapters and store their outputs (one: make chapters C=03_losses)
  make serve           serve the built book on http://127.0.0.1:8000
  make bench           time nnlib and the live figures
  make mutants         does a test fail for every small change of nnlib? (make mutants A="layers --sample 100")
  make student         notebooks and a book without any solution
  make instructor      assignments and grading (make instructor A="grade --help")
  make runtime         make the small Python of book/python again from its wheel (needs node)
  make scripts         bundle the editor and the worker of the pages again (needs node)
  make clean           delete what was built (make clean ALL=1: the environment too)

Without make (Windows): py -m book COMMAND, with the same names; parts of the tests: py -m book test lint unit.
A first run takes some minutes: it installs the pinned packages into .venv, inside this folder."""


class Missing(Exception):
    """Something the machine lacks; the message says what, and how to get it."""


def say(text):
    print("\033[1m%s\033[0m" % text if sys.stdout.isatty() else text, flush=True)


def run(*command, **options):
    """Run a command in the book's folder; its exit code."""
    environment = dict(os.environ, **options.pop("env", {}))
    return subprocess.call(list(command), cwd=ROOT, env=environment, **options)


def succeeds(*command):
    return subprocess.call(list(command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0


# The environment ----------------------------------------------------------------------------------------


def usable_python():
    """This Python, or the newest supported one on the PATH; never that of an environment that is to be replaced."""
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        inside = os.path.realpath(sys.prefix) == os.path.realpath(VENV)
        return getattr(sys, "_base_executable", sys.executable) if inside else sys.executable
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        path = shutil.which("python3.%d" % minor)
        probe = "import sys; sys.exit(sys.version_info[:2] != (3, %d))" % minor
        if path and succeeds(path, "-c", probe):
            return path
    raise Missing(NEEDS)


def wanted():
    """Fingerprint of what the environment must hold."""
    digest = hashlib.sha256()
    for name in ("requirements.txt", "pyproject.toml"):
        with open(os.path.join(ROOT, name), "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def elsewhere():
    """The other folder whose nnlib the environment imports, as after a copy or a move of the whole; "" if none."""
    for library in ("Lib", os.path.join("lib", "python3*")):
        for name in glob.glob(
            os.path.join(VENV, library, "site-packages", "nnlib-*.dist-info", "direct_url.json")
        ):
            with open(name) as file:
                path = url2pathname(json.load(file)["url"][len("file://") :])
            return "" if os.path.realpath(path) == os.path.realpath(ROOT) else path
    return ""


def installed():
    try:
        with open(STAMP) as file:
            return os.path.exists(VENV_PYTHON) and file.read() == wanted() and not elsewhere()
    except OSError:
        return False


def pip(*arguments):
    """Run pip install; on a terminal its many lines become one that counts packages. "" or what went wrong."""
    command = [VENV_PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"]
    process = subprocess.Popen(
        command + list(arguments),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    with open(os.path.join(ROOT, "requirements.txt")) as file:
        total = sum("==" in line for line in file)
    count, said = 0, []
    for line in process.stdout:
        said.append(line)
        if line.startswith(("Collecting ", "Requirement already", "Ignoring ")):
            count += 1
            text = "%d of %d packages" % (count, total)
        elif line.startswith("Installing collected"):
            text = "unpacking"
        else:
            continue
        if sys.stdout.isatty():
            print("\r  %-70s" % text[:70], end="", flush=True)
        elif count % 25 == 0 or text == "unpacking":
            print("  " + text, flush=True)
    if sys.stdout.isatty() and count:
        print()
    if not process.wait():
        return ""
    text = "".join(said)
    with open(LOG, "w") as file:
        file.write(text)
    return text


def advice(said):
    """What to do when pip ended with these words."""
    if re.search(r"from versions: none|(Connection|Proxy|SSL|Timeout|Resolution)\w*Error|CERTIFICATE_VERIFY_FAILED", said):
        return (
            "The packages could not be downloaded: no index of packages answers from here.\n"
            "Look whether this machine has a network, and whether it needs a proxy (HTTPS_PROXY) or an index of its own\n"
            "(PIP_INDEX_URL); then run the same command again."
        )
    errors = [line[len("ERROR: ") :] for line in said.splitlines() if line.startswith("ERROR: ")]
    return (
        "pip could not install the packages: %s\nAll that it said is in %s. What was installed is kept:\n"
        "after a lost connection, run the same command again." % ("; ".join(errors[-2:]) or "it gave no reason", LOG)
    )


def install():
    """Make ``.venv`` and install the pinned packages and nnlib into it."""
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < ROOM_GB:
        raise Missing(
            "The environment needs about %.0f GB of free disk space; here are %.1f GB." % (ROOM_GB, free)
        )
    other = elsewhere()
    if other:
        say("The environment in .venv belongs to %s: a new one is made for this folder" % other)
    if other or not (os.path.exists(VENV_PYTHON) and succeeds(VENV_PYTHON, "-m", "pip", "--version")):
        python = usable_python()
        say("Making the environment in .venv with %s" % python)
        if not succeeds(python, "-c", "import ensurepip, venv"):
            raise Missing(
                "This Python has no venv module. On Debian and Ubuntu: sudo apt install python3-venv"
            )
        if run(python, "-m", "venv", "--clear", VENV):
            raise Missing("python -m venv failed: its message is above.")
    say("Installing the pinned packages (a first run downloads about 250 MB; later runs skip this)")
    failed = pip("--only-binary", ":all:", "-r", "requirements.txt") or pip(
        "--quiet", "--no-deps", "--no-build-isolation", "-e", "."
    )
    if failed:
        raise Missing(advice(failed))
    with open(STAMP, "w") as file:
        file.write(wanted())


def browser():
    """Path of a Chromium-like browser, for the tests that read the built book."""
    named = os.environ.get("BOOK_BROWSER")
    for name in (named,) if named else BROWSERS:
        path = shutil.which(name)
        if path:
            return path
    raise Missing(
        "The tests drive a Chromium, Chrome or Edge browser, and none is on the PATH%s.\n"
        "Debian: sudo apt install chromium-headless-shell. Ubuntu: sudo apt install chromium.\n"
        "Elsewhere: set BOOK_BROWSER to the program's path.\n"
        "Without one: python -m book test lint unit chapters" % (" under BOOK_BROWSER" if named else "")
    )


# The commands -------------------------------------------------------------------------------------------


def build():
    """Build the book from the stored outputs, with warnings as errors; stale outputs are refused."""
    started = time.time()
    if run(sys.executable, "-m", "book.check", "--stale"):
        return 1
    former, code = HTML + ".former", 1
    shutil.rmtree(former, ignore_errors=True)
    if os.path.exists(HTML):
        os.rename(HTML, former)
    try:
        code = run(sys.executable, *BUILD)
    finally:
        if code:  # what a reader has open stays
            shutil.rmtree(HTML, ignore_errors=True)
            if os.path.exists(former):
                os.rename(former, HTML)
    shutil.rmtree(former, ignore_errors=True)
    if code == 0:
        say("Built in %.0f s. Open: %s" % (time.time() - started, os.path.join(HTML, "index.html")))
    return code


def check(*names):
    """Say all that the chapters lack, each with the line of CONTRIBUTING.md that asks for it."""
    return run(sys.executable, "-m", "book.check", *names)


def new(*names):
    """Write the skeleton of a chapter."""
    return run(sys.executable, "-m", "book.new", *names)


def chapters(*names):
    """Run the chapters (all, or those named) and store their outputs."""
    return run(sys.executable, "-m", "book.execute", *names)


def pytest(*arguments):
    workers = "3"  # on two cores: a test waits for its browser, kernel or program half of its time
    keeps = {"PYTHONDONTWRITEBYTECODE": ""}  # else each worker, and each program that a test starts, compiles all anew
    return run(sys.executable, "-m", "pytest", "-q", "-n", workers, "--dist", "worksteal", *arguments, env=keeps)


PARTS = {
    "lint": lambda: run(sys.executable, "-m", "ruff", "check", "--quiet", "."),
    "book": build,
    "unit": lambda: pytest("-m", "not browser"),
    "chapters": lambda: run(sys.executable, "-m", "book.validate"),
    "browser": lambda: pytest("-m", "browser"),  # reads what the two before it made
}


def located(name):
    """The path, room of tests or chapter that ``name`` means: tests/nnlib/test_losses.py, exercises, 03 or 03_losses."""
    for path in (os.path.join("tests", name), name):  # nnlib and instructor are rooms of tests first
        inside = os.path.normpath(path.split("::")[0]).split(os.sep)[0] == "tests"
        if inside and os.path.exists(os.path.join(ROOT, path.split("::")[0])):
            return path
    folder, wanted = os.path.join(ROOT, "chapters"), os.path.splitext(os.path.basename(name))[0]
    for file in sorted(os.listdir(folder)):
        stem, suffix = os.path.splitext(file)
        if suffix == ".ipynb" and (wanted == stem or stem.startswith(wanted + "_")):
            return os.path.join("chapters", file)
    raise Missing(
        "There is no part, room, path or chapter %s of tests.\nThe parts are: %s changed\nThe rooms are: %s"
        % (name, " ".join(PARTS), " ".join(rooms()))
    )


def rooms():
    folder = os.path.join(ROOT, "tests")
    names = [name for name in os.listdir(folder) if not name.startswith(("_", "."))]
    return sorted(name for name in names if os.path.isdir(os.path.join(folder, name)))


def steps(names):
    """(title, function) for each part of the tests, and for the paths together: notebooks by nbval, others by pytest."""
    found = [(name, PARTS[name]) for name in names if name in PARTS]
    paths, options = [located(name) for name in names if name not in PARTS and name != "changed"], ()
    if "changed" in names:
        asking = subprocess.run([sys.executable, "-m", "book.changed"], cwd=ROOT, universal_newlines=True, capture_output=True)
        if asking.returncode:
            raise Missing(asking.stderr)
        asked = asking.stdout
        paths, options = paths + asked.split(), ("-m", "not browser and not slow")
        found.append(("lint", PARTS["lint"]))
    books = [path for path in paths if path.endswith(".ipynb")]
    others = [path for path in paths if path not in books]
    if others:
        say("\n".join(others))
        found.append(("tests", lambda: some(options, others)))
    if books:
        found.append(("check", lambda: check(*books)))
        found.append(("chapters", lambda: run(sys.executable, "-m", "book.validate", *books)))
    return found


def some(options, paths):
    code = pytest(*(tuple(options) + tuple(paths)))
    return 0 if options and code == 5 else code  # 5, no test at all: what has changed may have none but those left out


def test(*names):
    """Run the named parts of the tests, by default all, and print what each took."""
    todo = steps(names or tuple(PARTS))
    if any(title == "browser" for title, _ in todo):
        browser()
    lines = []
    for title, step in todo:
        say("\n== %s" % title)
        started = time.time()
        code = step()
        lines.append("%-9s %-6s %6.0f s" % (title, "FAILED" if code else "passed", time.time() - started))
    say("\n" + ("\n".join(lines) or "Nothing has changed that a test reads."))
    return int(any("FAILED" in line for line in lines))


def lab(*arguments):
    return run(sys.executable, "-m", "jupyterlab", "chapters", *arguments)


def serve(port="8000"):
    if not os.path.exists(os.path.join(HTML, "index.html")) and build():
        return 1
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", int(port))) == 0:
            raise Missing("Another program has port %s: take another one, as in %s -m book serve 8001" % (port, sys.executable))
    return run(sys.executable, "-m", "http.server", port, "--bind", "127.0.0.1", "--directory", HTML)


def bench():
    codes = [
        run(sys.executable, os.path.join("benchmarks", name))
        for name in sorted(os.listdir(os.path.join(ROOT, "benchmarks")))
        if name.endswith(".py")
    ]
    return max(codes)


def mutants(*arguments):
    return run(sys.executable, os.path.join("tests", "nnlib", "mutants.py"), *arguments)


def clean(what=""):
    names = ["_build", "build", ".pytest_cache", ".ruff_cache", ".hypothesis"]
    for name in names + [".venv"] * (what == "all"):
        shutil.rmtree(os.path.join(ROOT, name), ignore_errors=True)
    return 0


def runtime():
    """Make the small Python again from its pinned wheel; see book/python/README.md."""
    return run(sys.executable, "-m", "book.python.make")


def scripts():
    """Bundle the pages' editor and worker again; see book/python/README.md."""
    return run(sys.executable, "-m", "book.python.scripts")


def instructor(*arguments):
    return run(sys.executable, "-m", "instructor", *arguments)


def student(*arguments):
    return instructor("student", *arguments)


COMMANDS = {
    "book": build,
    "test": test,
    "new": new,
    "check": check,
    "chapters": chapters,
    "lab": lab,
    "serve": serve,
    "bench": bench,
    "mutants": mutants,
    "student": student,
    "instructor": instructor,
    "runtime": runtime,
    "scripts": scripts,
}


def main(arguments):
    name, rest = (arguments[0], arguments[1:]) if arguments else ("help", [])
    if name == "clean":
        return clean(*rest)
    if name not in COMMANDS:
        print(HELP)
        return 0 if name in ("help", "-h", "--help") else 2
    try:
        if not installed():
            install()
        if os.path.realpath(sys.prefix) != os.path.realpath(VENV):
            return run(VENV_PYTHON, "-m", "book", *arguments)
        return COMMANDS[name](*rest)
    except Missing as missing:
        print("\n%s" % missing, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
