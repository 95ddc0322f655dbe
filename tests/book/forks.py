"""Where a training of a chapter leads elsewhere in a page than on this machine: ``python -m tests.book.forks 10_resnet``.

Runs the chapter's code here and in the small Python, without what it draws, and compares its trainings step by step: the sum
of the sizes of all weights. For those that differ it prints by how much at first, and later. A fork of rounding begins with less
than 1e-7 of the sum in float32, and 1e-15 in float64. One that begins with another's forked weights begins with more.
"""

import json
import os
import re
import sys
from pathlib import Path

from book.arithmetic import ONE_ROUNDING

os.environ.update(ONE_ROUNDING)  # as where the stored text was made, and before anything imports NumPy

from book.notebook import read  # noqa: E402
from book.python import extension, host  # noqa: E402

ROOT = Path(__file__).parents[2]
TRACED = '''
import contextlib, io, json, sys, types

class Nothing(types.ModuleType):
    """Stands for all that draws."""
    __path__ = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *args, **options):
        return self

    def __iter__(self):
        return iter([self, self])

    def __getitem__(self, key):
        return self

for name in drawing:
    sys.modules[name] = Nothing(name)
import numpy as np
from nnlib import optim

trainings, step = [], optim.Optimizer.step

def traced(self):
    step(self)
    if self.steps == 1:
        self.seen = []
        trainings.append((number, self.lr, self.seen))
    self.seen.append(float(sum(np.abs(p.value).sum(dtype=float) for p in self.parameters)))

optim.Optimizer.step = traced
space = {"__name__": "chapter"}
for number, source in enumerate(cells):
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            exec(compile(source, f"<cell {number + 1}>", "exec"), space)
        except Exception as error:
            print(f"cell {number + 1} is passed over: {error!r}"[:120], file=sys.stderr)
'''
COMPARED = """
here = json.load(open("/book/here.json"))
forks = {}
for (number, rate, ours), (_, chosen, theirs) in zip(here, trainings):
    if rate != chosen:
        continue  # an earlier fork has led to another rate
    apart = [abs(a - b) / a if a == a and b == b else float(str(a) != str(b)) for a, b in zip(ours, theirs)]
    if any(apart):
        first = next(k for k, size in enumerate(apart) if size)
        forks.setdefault(number, []).append((apart[first], first + 1, max(apart)))
for number, found in forks.items():
    begin = ", ".join(f"{size:.0e}" for size, first, _ in found[:3])
    print(f"cell {number + 1}: {len(found)} of {sum(n == number for n, *_ in here)} trainings differ; "
          f"the first begin with {begin}, the largest with {max(found)[0]:.0e} (step {max(found)[1]}), "
          f"and come to be {max(far for *_, far in found):.0e} apart")
print(f"{len(here)} and {len(trainings)} trainings")
"""


def main(name):
    cells = [cell.source for cell in read(ROOT / "chapters" / f"{name}.ipynb").cells if cell.cell_type == "code"]
    used = re.findall(r"\b(?:matplotlib|nnlib\.plots|nnlib\.explore)\.[\w.]+", "\n".join(cells))
    drawing = sorted({"matplotlib", "nnlib.plots", "nnlib.explore", "sympy", *used})
    program = f"cells, drawing = {cells!r}, {drawing!r}\n{TRACED}"
    space = {}
    exec(program, space)
    python = host.Python(extension.in_book(ROOT) | {"book/here.json": json.dumps(space["trainings"]).encode()})
    status, said = python.run(f"import guest\nguest.begin('')\n{program}{COMPARED}", 10**14)
    print(name, said, python.written(2), sep="\n")
    return status


if __name__ == "__main__":
    sys.exit(max(main(name) for name in sys.argv[1:]))
