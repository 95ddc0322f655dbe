"""What to test after a change, in under a minute where that can be: ``python -m book test changed``.

Files that differ from the branch ``main`` (on it, from ``origin/main``) choose the tests: those beside them, and those that
read them. Browsers and whatever is slow are left to ``make test``.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RULES = (  # the first that matches a path says what it asks for
    (r"tests/conftest\.py", ["tests/book", "tests/chapters"]),
    (r"tests/.*/test_\w+\.py", ["{path}"]),
    (r"tests/nnlib/reference/(\w+)\.\w+", ["tests/nnlib/test_{0}.py"]),
    (r"tests/(\w+)/.*", ["tests/{0}"]),
    (r"chapters/(.*)\.ipynb", ["{path}", "tests/chapters/test_stored_outputs.py", "tests/exercises/test_chapters.py"]),
    (r"nnlib/explore/.*", ["tests/explore"]),
    (r"nnlib/exercises/judging/.*", ["tests/exercises", "tests/instructor"]),
    (r"nnlib/exercises/.*", ["tests/exercises"]),
    (r"nnlib/(\w+)\.py", ["tests/nnlib/test_{0}.py", "tests/nnlib/test_public.py"]),
    (r"nnlib/data/.*", ["tests/nnlib/test_data.py"]),
    (r"nnlib/.*", ["tests/nnlib"]),
    (r"instructor/.*", ["tests/instructor"]),
    (r"appendix/(notation|playground)\.md", ["tests/book/test_{0}.py", "tests/book/test_check.py"]),
    (r"appendix/instructor_guide\.md", ["tests/instructor"]),
    (r"appendix/.*|_toc.yml|references.bib", ["tests/book/test_reference.py", "tests/book/test_mistakes.py"]),
    (r"(README|CONTRIBUTING|intro)\.md", ["tests/book/test_docs.py", "tests/book/test_check.py"]),
    (r"(book|binder|\.github|\.ci)/.*|Makefile|\w+\.(toml|in|txt|yml)", ["tests/book"]),
)


def git(*arguments):
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True)
    return done.stdout.split("\n") if done.returncode == 0 else []


def changed():
    """Paths that differ from where this branch left ``main``, and those not committed."""
    if not shutil.which("git") or not git("rev-parse", "HEAD"):
        sys.exit("What has changed is known in a clone, with git: here name the tests, as in make test P=nnlib/test_losses.py")
    branches = sorted(("main", "origin/main"), key=lambda name: name == git("branch", "--show-current")[0])
    [base] = next(filter(None, (git("merge-base", "HEAD", name)[:1] for name in branches)), ["HEAD"])
    found = {*git("diff", "--name-only", base), *git("ls-files", "--others", "--exclude-standard")}
    return sorted(filter(None, found))


def wanted(paths):
    """Tests and chapters that the change of these paths asks for."""
    found = []
    for path in paths:
        for pattern, asked in RULES:
            if match := re.fullmatch(pattern, path):
                for name in asked:
                    target = name.format(*match.groups(), path=path)
                    if not (ROOT / target).exists():  # a module whose tests stand in another file, or a file that is gone
                        target = str(Path(target).parent)
                    if (ROOT / target).exists() and target not in found and target not in ("chapters", "."):
                        found.append(target)
                break
    rooms = {name for name in found if not Path(name).suffix}
    return [name for name in found if name in rooms or not rooms & {str(parent) for parent in Path(name).parents}]


if __name__ == "__main__":
    paths = changed()
    print("\n".join(wanted(paths)))
    sys.exit(0)
