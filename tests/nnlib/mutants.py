"""Mutation testing: does some test fail for every small change of nnlib's code?

    make mutants A="[module ...] [--sample 100] [--jobs 2]"      a second or two a mutant

cosmic-ray changes one operator, comparison, number, condition or loop at a time, in a copy of the project, and runs
the module's own tests. It prints the share of mutants that a test killed and the others as differences;
MUTANTS.md says why those live. Replacements that nothing survives are left out, such as a bitwise operator between
floats: they would flatter the share. With ``--sample`` a module that has more mutants is judged by that many of them,
drawn with a fixed seed.
"""

import argparse
import json
import os
import random
import shlex
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).parents[2]
REQUIREMENTS = Path(__file__).with_name("requirements-mutants.txt")
TESTS = {                                       # module: tests; by default those of its own name
    "special": "activations", "arithmetic": "autodiff", "layer": "layers", "weights": "layers",
    "gated": "recurrent", "stacked": "recurrent", "convolution": "convolution pooling upsampling",
}
MODULES = ["operation", "checks", "special", "activations", "losses", "init", "layer", "layers", "weights",
           "autodiff", "arithmetic", "gradcheck", "optim", "regularize", "train", "metrics", "convolution", "pooling",
           "upsampling", "recurrent", "gated", "stacked", "attention", "boltzmann",
           "autoencoder", "graph"]
CONFIG = """
[cosmic-ray]
module-path = "nnlib/{module}.py"
timeout = 60.0
excluded-modules = []
test-command = '''{command}'''

[cosmic-ray.distributor]
name = "local"

[cosmic-ray.filters.operators-filter]
exclude-operators = [
    "core/ReplaceBinaryOperator_.*_(FloorDiv|Mod|Pow|RShift|LShift|BitOr|BitAnd|BitXor)",
    "core/ReplaceBinaryOperator_(Add|Sub)_(Mul|Div)",
    "core/ReplaceBinaryOperator_(Mul|Div|Pow)_Sub",
    "core/ReplaceComparisonOperator_(Eq|NotEq|Lt|LtE|Gt|GtE|In|NotIn)_(Is|IsNot)",
    "core/RemoveDecorator",
]
"""


def run(*command, **options):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, **options).stdout


def cosmic_ray_python():
    """A Python with cosmic-ray, in an environment of its own below ``_build``."""
    folder = ROOT / "_build" / "mutation-tools"
    python, stamp = folder / ("Scripts" if os.name == "nt" else "bin") / "python", folder / "installed.txt"
    if not stamp.exists() or stamp.read_text() != REQUIREMENTS.read_text():
        print("installing cosmic-ray", flush=True)
        run(sys.executable, "-m", "venv", "--clear", str(folder))
        run(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(REQUIREMENTS))
        stamp.write_text(REQUIREMENTS.read_text())
    return str(python)


def keep_sample(session, size):
    """Leave ``size`` of the mutants that wait to be run."""
    with closing(sqlite3.connect(session)) as database, database:
        waiting = [job for job, in database.execute(
            "select job_id from mutation_specs where job_id not in (select job_id from work_results) order by rowid")]
        dropped = random.Random(0).sample(waiting, max(0, len(waiting) - size))
        for table in ("mutation_specs", "work_items"):
            database.executemany(f"delete from {table} where job_id = ?", [(job,) for job in dropped])


def mutate(module, python, sample):
    """List of (killed, difference) of each mutant of a module."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
                                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("nnlib", "tests/nnlib"):
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", folder)
        here = dict(cwd=folder, env=environment | {"PYTHONPATH": str(folder)})
        tests = [f"tests/nnlib/test_{name}.py" for name in [*TESTS.get(module, module).split(), "public"]]
        pytest = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "_hypothesis_pytestplugin", "--hypothesis-seed=0",
                  *tests]
        run(*pytest, **here)                                    # all green, and everything compiled
        for compiled in (folder / "nnlib/__pycache__").glob(f"{module}.*.pyc"):
            compiled.unlink()                                   # its age in seconds would hide a mutant
        here["env"]["PYTHONDONTWRITEBYTECODE"] = "1"
        config, session = folder / "config.toml", folder / f"{module}.sqlite"
        config.write_text(CONFIG.format(module=module, command=shlex.join(pytest)))
        cosmic_ray = [python, "-c", "from cosmic_ray.cli import main; main()"]
        run(*cosmic_ray, "init", str(config), str(session), **here)
        run(python, "-m", "cosmic_ray.tools.filters.operators_filter", str(session), str(config), **here)
        if sample:
            keep_sample(session, sample)
        run(*cosmic_ray, "exec", str(config), str(session), **here)
        mutants = []
        for line in run(*cosmic_ray, "dump", str(session), **here).splitlines():
            _, result = json.loads(line)
            if result and result["worker_outcome"] == "normal":
                mutants.append((result["test_outcome"] != "survived", result["diff"]))
        return mutants


def main():
    parser = argparse.ArgumentParser(description="Mutation testing of nnlib.")
    parser.add_argument("modules", nargs="*", metavar="module", help="such as convolution; by default all")
    parser.add_argument("--sample", type=int, metavar="N", help="at most so many mutants of a module")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="so many modules at once")
    options = parser.parse_args()
    unknown = set(options.modules) - set(MODULES)
    if unknown:
        parser.error(f"no module {', '.join(sorted(unknown))}; there are {' '.join(MODULES)}")
    modules, python = options.modules or MODULES, cosmic_ray_python()
    alive = everything = 0
    with ThreadPoolExecutor(options.jobs) as pool:
        for module, mutants in zip(modules, pool.map(lambda m: mutate(m, python, options.sample), modules)):
            lived = [difference for killed, difference in mutants if not killed]
            print(f"{module:<12} {len(mutants) - len(lived):>4} of {len(mutants):>4} killed", flush=True)
            for difference in lived:
                print("\n".join(line for line in difference.splitlines()[1:] if line[:1] in "+-@"), end="\n\n", flush=True)
            everything += len(mutants)
            alive += len(lived)
    print(f"{'all':<12} {everything - alive:>4} of {everything:>4} killed, {1 - alive / everything:.1%}")
    return int(alive > 0.1 * everything)


if __name__ == "__main__":
    sys.exit(main())
