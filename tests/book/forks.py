"""Where a training of a chapter leads elsewhere in a page than on this machine: ``python -m tests.book.forks 10_resnet``.

Runs the chapter's code here and in the small Python, without what it draws, and compares its trainings step by step: the sum
of the sizes of all weights. For those that come to differ by a hundredth it prints where they first differ at all. A fork of
rounding begins with less than 1e-6 of the sum.
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

STEPS = 400  # of each training
trainings, step = [], optim.Optimizer.step

def traced(self):
    step(self)
    if self.steps == 1:
        self.seen = []
        trainings.append((number, self.lr, self.seen))
    if self.steps <= STEPS:
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
    apart = [abs(a - b) / a for a, b in zip(ours, theirs)]
    if max(apart) > 0.01:
        first = next(k for k, size in enumerate(apart) if size)
        far = next(k for k, size in enumerate(apart) if size > 0.01)
        forks.setdefault(number, []).append((apart[first], first + 1, far + 1))
for number, found in forks.items():
    size, first, far = max(found)
    print(f"cell {number + 1}: {len(found)} of {sum(n == number for n, *_ in here)} trainings fork; "
          f"the first difference is at most {size:.0e}, at step {first}, and 1e-02 at step {far}")
print(f"{len(here)} and {len(trainings)} trainings; the others stay within 1e-02 for {STEPS} steps")
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
