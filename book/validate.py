"""Run chapters again and compare with their stored outputs: ``python -m book.validate [PATH ...]``.

nbval compares what is printed, shown and drawn as text, HTML or SVG; a changed number fails, with the difference. Of a
live figure it compares the text form, whose fingerprint covers every state: the HTML form is compressed, and two
machines need not compress alike. The tests in a browser find the figures in ``kept.FOLDER``.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from book import kept
from book.execute import CELL_SECONDS, KERNEL_ENVIRONMENT, ROOT
from book.notebook import ChapterError, read


def unreadable(paths):
    """What cannot be read as a chapter, of files and of all in folders."""
    for path in map(Path, paths):
        for file in sorted(path.rglob("*.ipynb")) if path.is_dir() else [path]:
            try:
                read(file)
            except ChapterError as error:
                yield str(error)


def main(paths):
    broken = [*unreadable(paths or [ROOT / "chapters"])]
    if broken:
        return "\n".join([*broken, "Nothing was compared with stored outputs."])
    with tempfile.TemporaryDirectory() as ipython:
        start_up = Path(ipython, "profile_default", "startup", "keep.py")
        start_up.parent.mkdir(parents=True)
        start_up.write_text(kept.START_UP, encoding="utf-8")
        if not paths:
            shutil.rmtree(kept.FOLDER, ignore_errors=True)
        options = "-q -p no:cacheprovider -p book.kernels -o verbosity_assertions=2 --dist loadscope --nbval --nbval-current-env"
        options = [
            *options.split(),
            f"--numprocesses={min(2, os.cpu_count() or 1)}",
            f"--nbval-cell-timeout={CELL_SECONDS}",
            f"--nbval-sanitize-with={Path(__file__).with_name('sanitize.cfg')}",
        ]
        command = [sys.executable, "-m", "pytest", *options, *(paths or ["chapters"])]
        environment = {**os.environ, **KERNEL_ENVIRONMENT, "IPYTHONDIR": ipython}
        return subprocess.call(command, cwd=ROOT, env=environment)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
