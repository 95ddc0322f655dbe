"""What Binder installs suffices: its list has all that chapters import, and the tracked files alone run one.

The list itself is installed by each `make test` on a bare machine: `.venv` is made from it. That every chapter runs with
these versions is what the comparison of their outputs shows.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
from importlib import metadata

import nbformat
import pytest

from book.notebook import chapter_paths

RUN_LIVE = """
import sys
import nbformat
from book.execute import Client
notebook = nbformat.read(sys.argv[1], as_version=4)
Client(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": "chapters"}}).execute()
"""


def test_the_python_named_runs_the_pinned_numpy(root):
    named = (root / "binder" / "runtime.txt").read_text(encoding="utf-8").strip()
    minor = int(named.rsplit(".", 1)[1])
    assert 11 <= minor <= 14  # what numpy's pinned version and requirements.txt are made for


def test_binder_hides_no_file_of_the_root(root):
    """With a binder/ folder, Binder reads nothing in the root: its files must lead there."""
    lines = (root / "binder" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert lines == ["-r ../requirements.txt", "-e ."]
    assert {path.name for path in (root / "binder").iterdir()} == {"runtime.txt", "requirements.txt"}


@pytest.mark.parametrize("path", chapter_paths(), ids=lambda path: path.stem)
def test_what_a_chapter_imports_is_what_binder_installs(root, path):
    lines = (root / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pinned = {normal(line.split("==")[0]) for line in lines if "==" in line} | {"nnlib"}
    from_where = metadata.packages_distributions()
    modules = {re.match(r"(?:from|import) (\w+)", line)[1] for line in imported(path)} - sys.stdlib_module_names
    assert "nnlib" in modules
    assert {name for name in modules if not pinned & set(map(normal, from_where.get(name, ())))} == set()


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_tracked_files_suffice(root, tmp_path):
    """In a copy of them, all that chapters import is there, and the first one runs, its figures live."""
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True).stdout
    for name in filter(None, tracked.split("\0")):
        if (root / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, tmp_path / name)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("EXPLORE_", "JUPYTER_"))}

    def run(*arguments):
        done = subprocess.run([sys.executable, *arguments], cwd=tmp_path, env=environment | {"PYTHONPATH": str(tmp_path)},
                              capture_output=True, text=True)  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]

    chapters = sorted((tmp_path / "chapters").glob("*.ipynb"))
    imports = {line for path in chapters for line in imported(path)}
    assert len(imports) > len(chapters)
    run("-c", "\n".join([*sorted(imports), "import nnlib, os", "assert nnlib.__file__.startswith(os.getcwd()), nnlib.__file__"]))
    run("-c", RUN_LIVE, f"chapters/{chapters[0].name}")


def imported(path):
    """The import statements of a notebook, one line each."""
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code" and "raises-exception" not in cell.metadata.get("tags", []):
            for node in ast.walk(ast.parse(cell.source)):
                if isinstance(node, (ast.Import, ast.ImportFrom)):
                    yield ast.unparse(node)
