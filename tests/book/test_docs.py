"""README and CONTRIBUTING say nothing that is not so: commands, files and examples in them exist."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ["README.md", "CONTRIBUTING.md", "intro.md"]


@pytest.fixture(params=PAGES)
def text(request, root):
    return (root / request.param).read_text(encoding="utf-8")


def test_commands_exist(root, text):
    targets = set(re.findall(r"^(\w+): ;", (root / "Makefile").read_text(encoding="utf-8"), re.M))
    named = re.findall(r"`make (\w+)|^make (\w+)|-m book (\w+)", text, re.M)
    assert named and {next(filter(None, names)) for names in named} <= targets


def test_parts_of_the_tests_exist():
    from book import __main__ as commands

    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.search(r"one part of\s+the tests: (.*?)\.", text, re.S)[1]
    assert set(re.findall(r"`(\w+)`", named)) == set(commands.PARTS)


def test_files_named_exist(root, text):
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    paths = re.findall(r"(?<!})`((?:\.\w+|[\w.]+)(?:/[\w.-]+)*/(?:[\w.-]+)?)`", text)
    missing = [
        name
        for name in links + paths
        if "NN" not in name and not name.startswith("_build") and not (root / name).exists()
    ]
    assert missing == []


def test_the_table_of_folders_is_the_tree(root):
    tracked = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True).stdout.split("\n")
    folders = {folder for path in tracked for folder in map(str, list(Path(path).parents)[:-1])}
    of_nnlib = {folder for folder in folders if Path(folder).parent == Path("nnlib")}
    table = (root / "README.md").read_text(encoding="utf-8").split("| Folder |")[1].split("\n\n")[0]
    named = set()
    for first, what in re.findall(r"^\| (`.*?) \| (.*) \|$", table, re.M):
        row = re.findall(r"`([\w./]+)/`", first)
        named.update(row)
        assert [name for name in re.findall(r"`(\w+\.py)`", what) if not (root / row[0] / name).exists()] == []
    assert {folder for folder in folders if "/" not in folder} | of_nnlib <= named <= folders


def test_examples_run(text, monkeypatch):
    """Blocks of Python in the pages, with the names that they take for granted."""
    import numpy as np

    import nnlib
    from nnlib.explore import explore

    monkeypatch.setenv("EXPLORE_STATIC", "1")
    for block in re.findall(r"```python\n(.*?)```", text, re.S):
        names = {"np": np, "nnlib": nnlib, "explore": explore, "x": np.linspace(-3, 3, 11)}
        exec(compile(block, "example", "exec"), names)


def test_nothing_tracked_names_a_machine_or_registry(root):
    found = subprocess.run(
        [
            "git",
            "grep",
            "-nIE",
            r"/(home|root)/[a-z]|/work/(main|shared)|/opt/(pypi|wheels)",
            "--",
            ".",
            ":!tests/book/test_docs.py",
            ":!*/mathjax/*",
        ],
        cwd=root,
        capture_output=True,
        text=True,
    )
    assert found.stdout == ""
