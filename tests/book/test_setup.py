"""The commands on a bare machine: what is missing is said in words, and nothing is done twice."""

import ast
import collections
import re
import subprocess
import sys

import pytest

from book import __main__ as commands


def book(root, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "book", *arguments], cwd=root, capture_output=True, text=True
    )


def targets(root):
    return re.findall(
        r"^(\w+): ; @\$\(PYTHON\) -m book (\w+)", (root / "Makefile").read_text(encoding="utf-8"), re.M
    )


def test_make_is_only_a_short_name(root):
    pairs = targets(root)
    assert pairs and all(target == command for target, command in pairs)
    assert {command for _, command in pairs} == set(commands.COMMANDS) | {"help", "clean"}
    recipes = [line for line in (root / "Makefile").read_text(encoding="utf-8").splitlines() if ": ;" in line]
    assert len(recipes) == len(pairs)


def test_help_lists_every_command(root):
    done = book(root, "help")
    assert done.returncode == 0
    assert set(re.findall(r"^  make (\w+)", done.stdout, re.M)) == set(commands.COMMANDS) | {"clean"}


def test_an_unknown_command_shows_the_help(root):
    done = book(root, "biuld")
    assert done.returncode == 2 and "make book" in done.stdout


def test_an_unknown_part_of_the_tests_is_said():
    with pytest.raises(commands.Missing, match="no part units. The parts are: lint book unit"):
        commands.test("units")


def test_too_old_a_python_is_said(monkeypatch):
    Version = collections.namedtuple("Version", "major minor micro")
    monkeypatch.setattr(commands.sys, "version_info", Version(3, 8, 18))
    monkeypatch.setattr(commands.shutil, "which", lambda name: None)
    with pytest.raises(commands.Missing, match=r"needs Python 3.11 to 3.14"):
        commands.usable_python()


def test_a_newer_python_beside_an_old_one_is_found(monkeypatch):
    Version = collections.namedtuple("Version", "major minor micro")
    running = f"python3.{sys.version_info[1]}"
    monkeypatch.setattr(commands.sys, "version_info", Version(3, 8, 18))
    monkeypatch.setattr(commands.shutil, "which", lambda name: sys.executable if name == running else None)
    assert commands.usable_python() == sys.executable


def test_the_entry_point_can_be_read_by_an_old_python(root):
    source = (root / "book" / "__main__.py").read_text(encoding="utf-8")
    tree = ast.parse(source, feature_version=(3, 5))
    assert not any(isinstance(node, ast.JoinedStr) for node in ast.walk(tree)), "f-strings need Python 3.6"
    standard = set(sys.stdlib_module_names)
    imported = {
        alias.name.split(".")[0] for node in tree.body if isinstance(node, ast.Import) for alias in node.names
    }
    assert imported <= standard


def test_too_little_room_is_said(monkeypatch):
    usage = collections.namedtuple("usage", "total used free")
    monkeypatch.setattr(commands.shutil, "disk_usage", lambda path: usage(10, 10, int(3e8)))
    with pytest.raises(commands.Missing, match="here are 0.3 GB"):
        commands.install()


def test_a_missing_browser_is_said(monkeypatch):
    monkeypatch.setattr(commands.shutil, "which", lambda name: None)
    monkeypatch.delenv("BOOK_BROWSER", raising=False)
    with pytest.raises(commands.Missing, match="apt install chromium"):
        commands.browser()
    with pytest.raises(commands.Missing, match="Chromium"):
        commands.test("browser")


def test_a_failed_installation_is_said_and_not_remembered(monkeypatch, tmp_path):
    monkeypatch.setattr(commands, "STAMP", str(tmp_path / "stamp"))
    monkeypatch.setattr(commands, "pip", lambda *arguments: 1)
    with pytest.raises(commands.Missing, match="run the same command again"):
        commands.install()
    assert not commands.installed()


def test_what_is_installed_is_not_installed_again(monkeypatch, tmp_path):
    calls = []
    monkeypatch.setattr(commands, "STAMP", str(tmp_path / "stamp"))
    monkeypatch.setattr(commands, "pip", lambda *arguments: calls.append(arguments) or 0)
    assert not commands.installed()
    commands.install()
    assert calls and commands.installed()
    monkeypatch.setattr(commands, "wanted", lambda: "other requirements")
    assert not commands.installed()


def test_requirements_are_pinned_and_whole(root):
    lines = [line.strip() for line in (root / "requirements.txt").read_text(encoding="utf-8").splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+( ; .+)?", line) for line in lines), (
        "every package has one version"
    )
    pinned = {re.split("==", line)[0].lower().replace("_", "-") for line in lines}
    direct = {
        re.split(r"[=<>]", line)[0].strip().lower()
        for line in (root / "requirements.in").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    }
    assert direct <= pinned
    assert "torch" not in pinned
    done = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_this_environment_is_the_pinned_one(root):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--dry-run",
            "--quiet",
            "--no-index",
            "--report",
            "-",
            "-r",
            "requirements.txt",
        ],
        cwd=root,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and '"install": []' in done.stdout, done.stderr[-500:]
