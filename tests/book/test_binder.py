"""What Binder installs suffices: every chapter runs, from its own folder, in an environment made from its files alone."""

import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

RUN_LIVE = """
import sys
import nbformat
from book.execute import Client
notebook = nbformat.read(sys.argv[1], as_version=4)
Client(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": "chapters"}}).execute()
"""


@pytest.fixture(scope="module")
def python(root):
    """The Python that Binder is told to take, if it is here; otherwise this one."""
    name = re.fullmatch(r"python-(3\.\d+)\n", (root / "binder" / "runtime.txt").read_text(encoding="utf-8"))[
        1
    ]
    path = shutil.which(f"python{name}")
    works = path and subprocess.run([path, "-c", "import ensurepip"], capture_output=True).returncode == 0
    return path if works else sys.executable


def test_the_python_named_runs_the_pinned_numpy(root):
    named = (root / "binder" / "runtime.txt").read_text(encoding="utf-8").strip()
    minor = int(named.rsplit(".", 1)[1])
    assert 11 <= minor <= 14  # what numpy's pinned version and requirements.txt are made for


def test_binder_hides_no_file_of_the_root(root):
    """With a binder/ folder, Binder reads nothing in the root: its files must lead there."""
    lines = (root / "binder" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert lines == ["-r ../requirements.txt", "-e ."]
    assert {path.name for path in (root / "binder").iterdir()} == {"runtime.txt", "requirements.txt"}


@pytest.mark.slow
def test_every_chapter_runs_in_binder_s_environment(root, python, tmp_path):
    copy, venv = tmp_path / "repository", tmp_path / "venv"
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True
    ).stdout
    for name in filter(None, tracked.split("\0")):
        if (root / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, copy / name)
    subprocess.run([python, "-m", "venv", venv], check=True)
    bin_folder = venv / ("Scripts" if os.name == "nt" else "bin")
    installed = subprocess.run(
        [bin_folder / "python", "-m", "pip", "install", "--quiet", "-r", "binder/requirements.txt"],
        cwd=copy,
        capture_output=True,
        text=True,
    )
    assert installed.returncode == 0, installed.stderr

    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("EXPLORE_", "PYTHON", "JUPYTER_", "VIRTUAL_ENV"))
    }
    environment["PATH"] = f"{bin_folder}{os.pathsep}{environment['PATH']}"

    def run(chapter):
        return subprocess.run(
            [bin_folder / "python", "-c", RUN_LIVE, chapter],
            cwd=copy,
            env=environment,
            capture_output=True,
            text=True,
        )

    chapters = sorted(Path("chapters") / path.name for path in (copy / "chapters").glob("*.ipynb"))
    assert chapters
    with ThreadPoolExecutor(2) as pool:
        failures = {
            path.name: done.stderr[-2000:]
            for path, done in zip(chapters, pool.map(run, chapters))
            if done.returncode
        }
    assert failures == {}
