"""The commands on a bare machine: what is missing is said in words, and nothing is done twice."""

import ast
import collections
import datetime
import json
import re
import socket
import subprocess
import sys
from importlib import metadata
from types import SimpleNamespace

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from sphinx.util.matching import compile_matchers

from book import __main__ as commands
from tests import conftest


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
    with pytest.raises(commands.Missing, match="no part, room, path or chapter units of tests.\nThe parts are: lint book unit"):
        commands.test("units")


@pytest.mark.parametrize(
    "name, found",
    [
        ("exercises", "tests/exercises"),
        ("tests/exercises", "tests/exercises"),
        ("instructor", "tests/instructor"),
        ("nnlib", "tests/nnlib"),
        ("book", "tests/book"),
        ("nnlib/test_losses.py", "tests/nnlib/test_losses.py"),
        ("nnlib/test_losses.py::test_mse", "tests/nnlib/test_losses.py::test_mse"),
        ("03", "chapters/03_losses.ipynb"),
        ("03_losses", "chapters/03_losses.ipynb"),
        ("chapters/03_losses.ipynb", "chapters/03_losses.ipynb"),
        ("chapters/03_losses", "chapters/03_losses.ipynb"),
        ("03_losses.ipynb", "chapters/03_losses.ipynb"),
    ],
)
def test_rooms_paths_and_chapters_are_found(name, found):
    assert commands.located(name).replace("\\", "/") == found


@pytest.mark.parametrize("name", ["nnlib/losses.py", "README.md", "tests/../nnlib", "book/check.py", "3"])
def test_what_holds_no_tests_is_said(name):
    with pytest.raises(commands.Missing, match=f"no part, room, path or chapter {re.escape(name)} of tests"):
        commands.located(name)


def test_no_test_at_all_is_no_success_but_for_what_has_changed(monkeypatch):
    monkeypatch.setattr(commands, "run", lambda *command, **options: 5 if "pytest" in command else 0)
    monkeypatch.setattr(commands.subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, "tests/book\n", ""))
    assert commands.test("exercises") == 1
    assert commands.test("changed") == 0


def test_notebooks_go_to_nbval_and_the_rest_to_pytest(monkeypatch):
    ran = []
    monkeypatch.setattr(commands, "run", lambda *command, **options: ran.append(command[1:]) or 0)
    assert commands.test("exercises", "03") == 0
    assert [command[:2] for command in ran] == [("-m", "pytest"), ("-m", "book.check"), ("-m", "book.validate")]
    assert ran[0][-1] == "tests/exercises" and ran[2][-1].endswith("03_losses.ipynb")


@pytest.mark.parametrize(
    "path, asked",
    [
        ("nnlib/losses.py", ["tests/nnlib/test_losses.py", "tests/nnlib/test_public.py"]),
        ("nnlib/exercises/ch03_losses.py", ["tests/exercises"]),
        ("tests/nnlib/test_losses.py", ["tests/nnlib/test_losses.py"]),
        ("tests/instructor/course.py", ["tests/instructor"]),
        ("book/check.py", ["tests/book"]),
        ("CONTRIBUTING.md", ["tests/book/test_docs.py", "tests/book/test_check.py"]),
        ("chapters/03_losses.ipynb", ["chapters/03_losses.ipynb", "tests/chapters/test_stored_outputs.py",
                                      "tests/exercises/test_chapters.py"]),
        ("chapters/99_gone.ipynb", ["tests/chapters/test_stored_outputs.py", "tests/exercises/test_chapters.py"]),
    ],
)  # fmt: skip
def test_a_change_asks_for_what_it_touches(path, asked):
    from book.changed import wanted

    assert wanted([path]) == asked


def test_what_has_changed_is_told_on_main_too_and_where_it_cannot_be(monkeypatch, tmp_path):
    from book import changed

    def git(*arguments):
        settings = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
        subprocess.run(["git", *settings, *arguments], cwd=tmp_path, check=True, capture_output=True)

    monkeypatch.setattr(changed, "ROOT", tmp_path)
    with pytest.raises(SystemExit, match="here name the tests, as in make test P="):
        changed.changed()
    git("init")
    (tmp_path / "old.py").touch()
    git("add", ".")
    git("commit", "-m", "old")
    git("update-ref", "refs/remotes/origin/main", "HEAD")
    (tmp_path / "new.py").touch()
    git("add", ".")
    git("commit", "-m", "new")
    assert changed.changed() == ["new.py"]          # on main, which origin has not yet
    git("checkout", "-b", "other")
    (tmp_path / "newer.py").touch()
    assert changed.changed() == ["newer.py"]


def test_a_build_that_fails_leaves_the_book_that_was_there(monkeypatch, tmp_path):
    html = tmp_path / "html"
    html.mkdir()
    (html / "index.html").write_text("old")
    monkeypatch.setattr(commands, "HTML", str(html))

    def fails(*command, **_):
        if "book.check" not in command:
            html.mkdir()
            (html / "rest.html").touch()
            return 1
        return 0

    def interrupted(*command, **_):
        if fails(*command):
            raise KeyboardInterrupt
        return 0

    monkeypatch.setattr(commands, "run", fails)
    assert commands.build() == 1
    monkeypatch.setattr(commands, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        commands.build()
    assert [(path.name, path.read_text()) for path in html.iterdir()] == [("index.html", "old")]
    assert list(tmp_path.iterdir()) == [html]


def test_what_serves_says_why_it_cannot(monkeypatch, tmp_path):
    monkeypatch.setattr(commands, "HTML", str(tmp_path))
    monkeypatch.setattr(commands, "run", lambda *command, **_: 1 if "book.check" in command else pytest.fail("served a rest"))
    assert commands.serve() == 1
    (tmp_path / "index.html").touch()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(commands.Missing, match=f"Another program has port {port}: take another one"):
            commands.serve(str(port))


def test_every_tracked_file_that_a_test_reads_asks_for_tests(root):
    from book.changed import wanted

    done = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True)
    idle = [name for name in done.stdout.splitlines() if (root / name).exists() and not wanted([name])]
    assert {name.split("/")[0] for name in idle} <= {".gitignore", "LICENSE", "LICENSE-CONTENT", "benchmarks", "references.bib"}


@pytest.mark.parametrize("command, said", [
    pytest.param(["explore.py", "line"], r"\nline  +81 ", marks=pytest.mark.browser),
    (["training_step.py", "1"], r"\nLSTM +\d"),
    pytest.param(["grading.py", "4"], r"4 submissions of \d exercises", marks=pytest.mark.slow(every=3)),
], ids=["explore", "training_step", "grading"])
def test_every_benchmark_runs(root, command, said):
    """Whatever it measures: limits are for a quiet machine."""
    done = subprocess.run([sys.executable, *command], cwd=root / "benchmarks", capture_output=True, text=True)
    assert re.search(said, done.stdout) and "Traceback" not in done.stderr, done.stdout + done.stderr


@pytest.mark.parametrize(
    "name, wrong", [("explore", "lines"), ("explore", "--every"), ("training_step", "ten"), ("grading", "few")])
def test_a_benchmark_refuses_what_it_does_not_know(root, name, wrong):
    done = subprocess.run([sys.executable, f"benchmarks/{name}.py", wrong], cwd=root, capture_output=True, text=True)
    assert done.returncode == 2 and wrong in done.stderr and "usage" in done.stderr and "Traceback" not in done.stderr


def test_drafts_beside_the_chapters_are_ignored(root):
    assert subprocess.run(["git", "check-ignore", "-q", "chapters/17_topic.md"], cwd=root).returncode == 0
    left_out = compile_matchers(yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))["exclude_patterns"])
    for name, out in {"chapters/17_topic.md": True, "chapters/17_topic.ipynb": False, "appendix/notation.md": False}.items():
        assert any(match(name) for match in left_out) == out, name      # by the build, too: two files of one name are an error


def test_the_lab_is_given_its_arguments(root, monkeypatch):
    ran = []
    monkeypatch.setattr(commands, "run", lambda *command, **options: ran.append(command) or 0)
    commands.main(["lab", "--no-browser"])
    assert ran[-1][-1] == "--no-browser"
    assert "-m book lab $(A)" in (root / "Makefile").read_text(encoding="utf-8")


def environment(folder, owner):
    """What an environment notes of the nnlib that it imports."""
    noted = folder / ".venv" / "lib" / "python3.12" / "site-packages" / "nnlib-0.1.0.dist-info" / "direct_url.json"
    noted.parent.mkdir(parents=True)
    noted.write_text(json.dumps({"url": owner.as_uri(), "dir_info": {"editable": True}}))
    return str(folder / ".venv")


def test_a_copied_environment_belongs_to_the_other_folder(monkeypatch, tmp_path):
    here, there = tmp_path / "a clone", tmp_path / "the original"
    there.mkdir()
    (tmp_path / "stamp").write_text(commands.wanted())
    monkeypatch.setattr(commands, "STAMP", str(tmp_path / "stamp"))
    monkeypatch.setattr(commands, "ROOT", str(here))
    monkeypatch.setattr(commands, "wanted", lambda: (tmp_path / "stamp").read_text())
    monkeypatch.setattr(commands, "VENV", environment(here, there))
    assert commands.elsewhere() == str(there) and not commands.installed()
    made = []
    monkeypatch.setattr(commands, "run", lambda *command, **options: made.append(command) or 0)
    monkeypatch.setattr(commands, "pip", lambda *arguments: "")
    commands.install()
    assert "--clear" in made[0], "the old environment is not replaced"


def test_an_environment_of_this_folder_is_kept(monkeypatch, tmp_path):
    monkeypatch.setattr(commands, "ROOT", str(tmp_path))
    monkeypatch.setattr(commands, "VENV", environment(tmp_path, tmp_path))
    assert commands.elsewhere() == ""


def test_an_environment_is_not_replaced_by_its_own_python():
    import venv  # noqa: F401  the base has it

    assert not commands.usable_python().startswith(commands.VENV)


OFFLINE = """WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError(...): Failed'
ERROR: Could not find a version that satisfies the requirement numpy==2.4.6 (from versions: none)
ERROR: No matching distribution found for numpy==2.4.6
"""


def test_without_network_the_advice_is_about_the_network():
    said = commands.advice(OFFLINE)
    assert "network" in said and "PIP_INDEX_URL" in said and "Retrying" not in said
    for fault in ("'Connection aborted.', ConnectionResetError(104", "ReadTimeoutError(HTTPS", "ProxyError('Cannot connect', 403",
                  "NameResolutionError(", "ConnectTimeoutError(", "SSLError(SSLCertVerificationError(1", OFFLINE.split("\n")[1]):
        assert "PIP_INDEX_URL" in commands.advice(f"ERROR: {fault}\n"), fault
    said = commands.advice("Collecting a\nERROR: ResolutionImpossible\n")
    assert "ResolutionImpossible" in said and "Collecting" not in said and "network" not in said


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
    kinds = (ast.AnnAssign, ast.AsyncFunctionDef, ast.Nonlocal, ast.Starred, ast.NamedExpr)
    assert source.isascii() and source.splitlines().index("from __future__ import print_function") < 12
    assert not any(isinstance(node, kinds) and not isinstance(getattr(node, "ctx", None), ast.Load) for node in ast.walk(tree))
    refused = source.index("sys.exit(NEEDS)")
    assert all(source.index(name) > refused for name in ("import hashlib", "import shutil", "url2pathname"))
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
    with pytest.raises(commands.Missing, match="apt install chromium-headless-shell"):
        commands.browser()
    with pytest.raises(commands.Missing, match="Chromium"):
        commands.test("browser")


def test_a_failed_installation_is_said_and_not_remembered(monkeypatch, tmp_path):
    monkeypatch.setattr(commands, "STAMP", str(tmp_path / "stamp"))
    monkeypatch.setattr(commands, "pip", lambda *arguments: "ERROR: a lost connection")
    with pytest.raises(commands.Missing, match="run the same command again"):
        commands.install()
    assert not commands.installed()


def test_what_is_installed_is_not_installed_again(monkeypatch, tmp_path):
    calls = []
    monkeypatch.setattr(commands, "STAMP", str(tmp_path / "stamp"))
    monkeypatch.setattr(commands, "pip", lambda *arguments: calls.append(arguments) or "")
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
    """That each has what it needs, `pip check` says above."""
    lines = [line.partition("#")[0].strip() for line in (root / "requirements.txt").read_text(encoding="utf-8").splitlines()]
    pinned = [pin for pin in map(Requirement, filter(None, lines)) if not pin.marker or pin.marker.evaluate()]
    here = {canonicalize_name(each.name): each.version for each in metadata.distributions()}
    assert len(pinned) > 50
    assert [str(pin) for pin in pinned if not pin.specifier.contains(here.get(canonicalize_name(pin.name), "0"))] == []


def skipped(monkeypatch, day, *arguments):
    """Which of 24 tests, the first twelve of them slow, a run on that day leaves out, and the order they run in."""
    left_out, items = set(), []
    for number in range(24):
        mark = pytest.mark.slow(every=3).mark if number < 6 else pytest.mark.slow.mark if number < 12 else None
        items.append(SimpleNamespace(
            number=number, path=conftest.ROOT / "tests" / "test_it.py", get_closest_marker={"slow": mark}.get,
            add_marker=lambda mark, number=number: left_out.add(number)))
    items.reverse()
    monkeypatch.setattr(conftest, "date", SimpleNamespace(today=lambda: datetime.date(2030, 1, day)))
    conftest.pytest_collection_modifyitems(SimpleNamespace(args=arguments), items)
    assert {item.number for item in items[:12]} == set(range(12))
    return left_out


def test_slow_tests_take_turns_unless_they_are_named(monkeypatch):
    days = [set(range(6)) - skipped(monkeypatch, day, "tests") for day in range(1, 13)]
    assert all(len(days[k]) == 2 and set.union(*days[k:k + 3]) == set(range(6)) for k in range(9))
    assert all(skipped(monkeypatch, day, "tests") <= set(range(6)) for day in range(1, 13))
    for named in ("tests/explore", "tests/book/test_setup.py::test_x", str(conftest.ROOT / "tests" / "book")):
        assert skipped(monkeypatch, 1, named) == set()
