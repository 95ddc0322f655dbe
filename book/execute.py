"""Run chapters and store their outputs: ``python -m book.execute [NAME ...]``.

The outputs are what readers see and what nbval checks, so they must not depend on when, where or how often they were
made: a second run changes no byte. A chapter that fails is left as it was, and the failing cell is named.
"""

import atexit
import hashlib
import json
import os
import re
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from tqdm import tqdm

from book.arithmetic import ONE_ROUNDING
from book.kernels import AsyncNamedKernelManager
from book.notebook import ChapterError, chapter_paths, parse, parts

ROOT = Path(__file__).resolve().parent.parent
CELL_SECONDS = 600
CELL_METADATA = ("tags", "mystnb", "jupyter")  # the last hides a cell in JupyterLab
RAN = "ran"  # key of the notebook's metadata: the fingerprint of each code cell and its outputs, as they were when it ran
NOTEBOOK_METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
KERNEL_ENVIRONMENT = {
    "EXPLORE_STATIC": "1",  # live figures are stored in the form that needs no kernel
    **ONE_ROUNDING,
    "PYTHONHASHSEED": "0",
    "COLUMNS": "100",
}


class Client(NotebookClient):
    """nbclient without its mirror of Output widgets, which can hang on cells with ``interact``."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, kernel_manager_class=AsyncNamedKernelManager, **kwargs)
        self.comm_open_handlers.clear()


def fingerprint(cell):
    """Eight letters that another source or other outputs would not give."""
    both = json.dumps([cell.source.rstrip(), cell.outputs], sort_keys=True)
    return hashlib.sha256(both.encode("utf-8")).hexdigest()[:8]


def normalise(notebook):
    """Drop what differs between two runs or two editors; give each cell an id that stays."""
    notebook.metadata.clear()
    notebook.metadata.update(nbformat.from_dict(NOTEBOOK_METADATA))
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    seen = {None}
    for number, cell in enumerate(notebook.cells):
        if cell.get("id") in seen:
            cell.id = f"cell-{number:03d}"
        seen.add(cell.id)
        cell.metadata = nbformat.from_dict({k: v for k, v in cell.metadata.items() if k in CELL_METADATA})
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                output.text = re.sub(r"\S*[/\\]ipykernel_\d+[/\\]\d+\.py", "<cell>", output.text)
    for part in parts(notebook):
        if part.kind == "solution" and part.cell.cell_type == "code":  # folded in JupyterLab too
            part.cell.metadata["jupyter"] = nbformat.from_dict({"source_hidden": True})
    nbformat.validate(notebook)


def execute(path, on_cell=lambda: None):
    """Run one chapter from its own folder and store its outputs; True if the file changed.

    Raises ChapterError, which names chapter and cell, and leaves the file as it was.
    """
    old = path.read_bytes()
    notebook = parse(old, path.name)
    running = {}

    def start(cell, cell_index):
        running.update(number=cell_index + 1, id=cell.id)

    client = Client(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,
        on_cell_start=start,
        extra_arguments=["--log-level=ERROR"],
        on_cell_complete=lambda cell, cell_index: on_cell(),
        resources={"metadata": {"path": str(path.parent)}},
    )
    # What the kernel itself says, as of a socket that closed first, tells something only of one that ended.
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as aside:
        try:
            normalise(notebook)
            client.execute(stderr=aside)
            normalise(notebook)
        except Exception as error:
            where = f"{path.name}, cell {running['number']} (id {running['id']})" if running else path.name
            text = error.traceback if isinstance(error, CellExecutionError) else str(error)
            if isinstance(error, DeadKernelError):
                text += ": the cell ended Python, or there was not enough memory"
            if not isinstance(error, CellExecutionError):
                aside.seek(0)
                text += f"\n{aside.read()}"
            text = re.sub(r"\x1b\[[0-9;]*m", "", text)
            raise ChapterError(f"{where} failed:\n{text}") from error
        finally:
            atexit.unregister(client._cleanup_kernel)  # it is done, or there was none: then nbclient's own call fails aloud
    notebook.metadata[RAN] = {cell.id: fingerprint(cell) for cell in notebook.cells if cell.cell_type == "code"}
    new = (nbformat.writes(notebook) + "\n").encode("utf-8")
    store(path, old, new)
    return new != old


def store(path, old, new):
    """Put ``new`` in the place of the file's ``old``, whole or not at all."""
    temporary = path.with_suffix(f".{os.getpid()}.tmp")  # of this run alone
    try:
        if path.read_bytes() != old:
            raise ChapterError(f"{path.name} was edited while it ran: run the command again")
        if new != old:
            temporary.write_bytes(new)
            os.replace(temporary, path)
    except OSError as error:
        raise ChapterError(f"{path.name} could not be written: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)


def find(names):
    """Paths for names like ``03``, ``03_losses`` or ``chapters/03_losses``; of all chapters without names."""
    chapters = chapter_paths()
    if not names:
        return chapters
    found = []
    for name in names:
        if name.endswith(".ipynb") and Path(name).exists():
            found.append(Path(name).resolve())
            continue
        stem = name.removeprefix("chapters/").removesuffix(".ipynb")
        matches = [path for path in chapters if stem == path.stem or path.stem.startswith(stem + "_")]
        if not matches:
            sys.exit(f"There is no chapter {name}. There are: {', '.join(path.stem for path in chapters)}")
        found += matches
    return found


def main(names):
    paths = find(names)
    cells = sum(path.read_bytes().count(b'"cell_type": "code"') for path in paths)
    failures = []
    lock = threading.Lock()
    with tempfile.TemporaryDirectory() as ipython, tqdm(total=cells, unit="cell", desc="chapters") as bar:
        os.environ.update(KERNEL_ENVIRONMENT, IPYTHONDIR=ipython)  # no start-up files of the user's own

        def advance():
            with lock:
                bar.update()

        def one(path):
            started = time.time()
            try:
                changed = execute(path, advance)
            except ChapterError as error:
                failures.append(str(error))
                return
            result = "changed" if changed else "unchanged"
            bar.write(f"{path.name:28} {time.time() - started:5.1f} s  {result}")

        with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
            list(pool.map(one, paths))
    for failure in failures:
        print(f"\n{failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
