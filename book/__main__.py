"""``python -m book COMMAND``: every command of the book; ``make COMMAND`` is a short name for it.

This file runs before anything is installed, so it uses the standard library alone, in a syntax that an old
Python can still read: it can then say what is missing.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
VENV_PYTHON = (
    os.path.join(VENV, "Scripts", "python.exe") if os.name == "nt" else os.path.join(VENV, "bin", "python")
)
STAMP = os.path.join(VENV, "installed.sha256")
HTML = os.path.join(ROOT, "_build", "html")
OLDEST, NEWEST = (3, 11), (3, 14)
ROOM_GB = 2.0
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")

HELP = """Neural Networks You Can Touch

  make book            make the environment, build the book, print the path to open
  make test            everything that continuous integration checks
  make lab             JupyterLab on the chapters
  make check           what do the chapters still lack? (one: make check C=03_losses)
  make chapters        run the chapters and store their outputs (one: make chapters C=03_losses)
  make serve           serve the built book on http://127.0.0.1:8000
  make bench           time nnlib and the live figures
  make mutants         does a test fail for every small change of nnlib? (make mutants A="layers --sample 100")
  make student         notebooks and a book without any solution
  make instructor      assignments and grading (make instructor A="grade --help")
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
    """This Python, or the newest supported one on the PATH."""
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return sys.executable
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        path = shutil.which("python3.%d" % minor)
        probe = "import sys; sys.exit(sys.version_info[:2] != (3, %d))" % minor
        if path and succeeds(path, "-c", probe):
            return path
    raise Missing(
        "This book needs Python %d.%d to %d.%d, and this is Python %s.\n"
        "Install one from https://www.python.org/downloads/ (or your system's packages), then try again."
        % (OLDEST + NEWEST + (sys.version.split()[0],))
    )


def wanted():
    """Fingerprint of what the environment must hold."""
    digest = hashlib.sha256()
    for name in ("requirements.txt", "pyproject.toml"):
        with open(os.path.join(ROOT, name), "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def installed():
    try:
        with open(STAMP) as file:
            return os.path.exists(VENV_PYTHON) and file.read() == wanted()
    except OSError:
        return False


def pip(*arguments):
    """Run pip install; on a terminal its many lines become one that counts packages. Its exit code."""
    command = [VENV_PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"]
    process = subprocess.Popen(
        command + list(arguments), cwd=ROOT, stdout=subprocess.PIPE, universal_newlines=True
    )
    with open(os.path.join(ROOT, "requirements.txt")) as file:
        total = sum("==" in line for line in file)
    count = 0
    for line in process.stdout:
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
    return process.wait()


def install():
    """Make ``.venv`` and install the pinned packages and nnlib into it."""
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < ROOM_GB:
        raise Missing(
            "The environment needs about %.0f GB of free disk space; here are %.1f GB." % (ROOM_GB, free)
        )
    if not (os.path.exists(VENV_PYTHON) and succeeds(VENV_PYTHON, "-m", "pip", "--version")):
        python = usable_python()
        say("Making the environment in .venv with %s" % python)
        if not succeeds(python, "-c", "import ensurepip, venv"):
            raise Missing(
                "This Python has no venv module. On Debian and Ubuntu: sudo apt install python3-venv"
            )
        if run(python, "-m", "venv", "--clear", VENV):
            raise Missing("python -m venv failed: its message is above.")
    say("Installing the pinned packages (a first run downloads about 250 MB; later runs skip this)")
    if pip("--only-binary", ":all:", "-r", "requirements.txt") or pip(
        "--quiet", "--no-deps", "--no-build-isolation", "-e", "."
    ):
        raise Missing(
            "pip could not install the packages: its message is above.\n"
            "With no network, or a lost connection: run the same command again, it goes on where it stopped."
        )
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
        "Debian, Ubuntu: sudo apt install chromium. Elsewhere: set BOOK_BROWSER to the program's path.\n"
        "Without one: python -m book test lint unit chapters" % (" under BOOK_BROWSER" if named else "")
    )


# The commands -------------------------------------------------------------------------------------------


def build():
    """Build the book from the stored outputs, with warnings as errors; stale outputs are refused."""
    started = time.time()
    if run(sys.executable, "-m", "book.check", "--stale"):
        return 1
    shutil.rmtree(HTML, ignore_errors=True)
    jupyter_book = "from jupyter_book.cli.main import main; main()"
    options = ["--all", "-W", "--keep-going", "-n", "-q"]
    code = run(sys.executable, "-c", jupyter_book, "build", ".", *options)
    if code == 0:
        say("Built in %.0f s. Open: %s" % (time.time() - started, os.path.join(HTML, "index.html")))
    return code


def check(*names):
    """Say all that the chapters lack, each with the line of CONTRIBUTING.md that asks for it."""
    return run(sys.executable, "-m", "book.check", *names)


def chapters(*names):
    """Run the chapters (all, or those named) and store their outputs."""
    return run(sys.executable, "-m", "book.execute", *names)


def pytest(*arguments):
    threads = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    return run(sys.executable, "-m", "pytest", "-q", "-n", "2", *arguments, env=threads)


PARTS = {
    "lint": lambda: run(sys.executable, "-m", "ruff", "check", "--quiet", "."),
    "book": build,
    "unit": lambda: pytest("-m", "not browser"),
    "browser": lambda: pytest("-m", "browser"),
    "chapters": lambda: run(sys.executable, "-m", "book.validate"),
}


def test(*parts):
    """Run the named parts of the tests, by default all, and print what each took."""
    unknown = set(parts) - set(PARTS)
    if unknown:
        raise Missing(
            "There is no part %s. The parts are: %s" % (", ".join(sorted(unknown)), " ".join(PARTS))
        )
    parts = parts or tuple(PARTS)
    if "browser" in parts:
        browser()
    lines = []
    for part in parts:
        say("\n== %s" % part)
        started = time.time()
        code = PARTS[part]()
        lines.append("%-9s %-6s %6.0f s" % (part, "FAILED" if code else "passed", time.time() - started))
    say("\n" + "\n".join(lines))
    return int(any("FAILED" in line for line in lines))


def lab(*arguments):
    return run(sys.executable, "-m", "jupyterlab", "chapters", *arguments)


def serve(port="8000"):
    if not os.path.exists(HTML):
        build()
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


def instructor(*arguments):
    return run(sys.executable, "-m", "instructor", *arguments)


def student(*arguments):
    return instructor("student", *arguments)


COMMANDS = {
    "book": build,
    "test": test,
    "check": check,
    "chapters": chapters,
    "lab": lab,
    "serve": serve,
    "bench": bench,
    "mutants": mutants,
    "student": student,
    "instructor": instructor,
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
