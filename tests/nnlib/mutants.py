"""Mutation testing: does some test fail for every small change of nnlib's code?

    python tests/nnlib/mutants.py [module ...]      one process, a second or two a mutant

cosmic-ray changes one operator, comparison, number, condition or loop at a time, in a copy of the project, and runs
the module's own tests. It prints the share of mutants that a test killed and the others as differences;
MUTANTS.md says why those live. Replacements that nothing survives are left out, such as a bitwise operator between
floats: they would flatter the share.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = {                                       # module: tests; by default those of its own name
    "special": "activations", "arithmetic": "autodiff", "layer": "layers", "weights": "layers",
}
MODULES = ["operation", "checks", "special", "activations", "losses", "init", "layer", "layers", "weights",
           "autodiff", "arithmetic", "gradcheck"]
CONFIG = """
[cosmic-ray]
module-path = "nnlib/{module}.py"
timeout = 120.0
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


def mutate(module, folder, environment):
    """List of (killed, difference) of each mutant of a module."""
    tests = f"tests/nnlib/test_{TESTS.get(module, module)}.py"
    pytest = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "_hypothesis_pytestplugin", "--hypothesis-seed=0", tests]
    run(*pytest, cwd=folder, env=environment)               # all green, and everything compiled
    for compiled in (folder / "nnlib/__pycache__").glob(f"{module}.*.pyc"):
        compiled.unlink()                                   # its age in seconds would hide a mutant
    config, session = folder / "config.toml", folder / f"{module}.sqlite"
    config.write_text(CONFIG.format(module=module, command=" ".join(pytest)))
    environment = environment | {"PYTHONDONTWRITEBYTECODE": "1"}
    cosmic_ray = [sys.executable, "-c", "from cosmic_ray.cli import main; main()"]
    run(*cosmic_ray, "init", str(config), str(session), cwd=folder, env=environment)
    run(sys.executable, "-m", "cosmic_ray.tools.filters.operators_filter", str(session), str(config),
        cwd=folder, env=environment)
    run(*cosmic_ray, "exec", str(config), str(session), cwd=folder, env=environment)
    mutants = []
    for line in run(*cosmic_ray, "dump", str(session), cwd=folder, env=environment).splitlines():
        _, result = json.loads(line)
        if result and result["worker_outcome"] == "normal":
            mutants.append((result["test_outcome"] != "survived", result["diff"]))
    return mutants


def main(modules):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
                                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    alive, everything = [], 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("nnlib", "tests/nnlib"):
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", folder)
        for module in modules:
            mutants = mutate(module, folder, environment)
            lived = [difference for killed, difference in mutants if not killed]
            print(f"{module:<12} {len(mutants) - len(lived):>4} of {len(mutants):>4} killed", flush=True)
            everything += len(mutants)
            alive += lived
    print(f"{'all':<12} {everything - len(alive):>4} of {everything:>4} killed, {1 - len(alive) / everything:.1%}\n")
    for difference in alive:
        print("\n".join(line for line in difference.splitlines() if line[:1] in "+-@"), end="\n\n")


if __name__ == "__main__":
    main(sys.argv[1:] or MODULES)
