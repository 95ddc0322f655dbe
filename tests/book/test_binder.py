"""What Binder installs suffices: an environment made from its files alone has all that chapters import, and runs one.

That every chapter runs with these versions is what the comparison of their outputs shows: `.venv` holds the same list.
"""

import ast
import os
import re
import shutil
import subprocess
import sys

import nbformat
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
def test_binder_s_environment_has_what_chapters_import_and_runs_one(root, python, tmp_path):
    copy, venv = tmp_path / "repository", tmp_path / "venv"
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True).stdout
    for name in filter(None, tracked.split("\0")):
        if (root / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, copy / name)
    subprocess.run([python, "-m", "venv", venv], check=True)
    bin_folder = venv / ("Scripts" if os.name == "nt" else "bin")
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("EXPLORE_", "PYTHON", "JUPYTER_", "VIRTUAL_ENV"))
    }
    environment["PATH"] = f"{bin_folder}{os.pathsep}{environment['PATH']}"

    def run(*arguments):
        done = subprocess.run(
            [bin_folder / "python", *arguments], cwd=copy, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]

    # What is imported is compiled by then; the rest need not be.
    run("-m", "pip", "install", "--quiet", "--no-compile", "-r", "binder/requirements.txt")
    chapters = sorted((copy / "chapters").glob("*.ipynb"))
    imports = {line for path in chapters for line in imported(path)}
    assert len(imports) > len(chapters)
    run("-c", "\n".join(sorted(imports)))
    run("-c", RUN_LIVE, f"chapters/{chapters[0].name}")


def imported(path):
    """The import statements of a notebook, one line each."""
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code" and "raises-exception" not in cell.metadata.get("tags", []):
            for node in ast.walk(ast.parse(cell.source)):
                if isinstance(node, (ast.Import, ast.ImportFrom)):
                    yield ast.unparse(node)
