"""Does an exercise notice every small slip?  ``python tests/exercises/mutants.py [exercise ...]``

Changes one thing at a time in each reference solution (a number by one, an operator, a comparison, an axis, a step left
out) and judges the result as a reader's answer. What gets full points is printed; EQUIVALENT says why it may.
"""

import ast
import copy
import functools
import inspect
import signal
import sys
import textwrap
import warnings

import numpy as np

from nnlib.exercises import all_exercises
from nnlib.exercises.judging.judge import judge

SECONDS = 2  # for a mutant, which may loop for ever
OTHER = {
    ast.Add: [ast.Sub], ast.Sub: [ast.Add], ast.Mult: [ast.Div, ast.Add], ast.Div: [ast.Mult], ast.Pow: [ast.Mult],
    ast.MatMult: [ast.Mult], ast.FloorDiv: [ast.Div], ast.Mod: [ast.FloorDiv],
    ast.Lt: [ast.LtE, ast.Gt], ast.LtE: [ast.Lt, ast.GtE], ast.Gt: [ast.GtE, ast.Lt], ast.GtE: [ast.Gt, ast.LtE],
    ast.Eq: [ast.NotEq], ast.NotEq: [ast.Eq], ast.And: [ast.Or], ast.Or: [ast.And],
    ast.UAdd: [ast.USub], ast.BitAnd: [ast.BitOr], ast.BitOr: [ast.BitAnd],
}  # fmt: skip
EQUIVALENT = {
    # (exercise, mutant's changed line): why it is an answer as right as the reference
}


class TooSlow(BaseException):
    pass


def variants(node):
    """Replacements of one node of the syntax tree."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield from (ast.Constant(node.value + step) for step in (1, -1))
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node, (ast.BinOp, ast.AugAssign, ast.BoolOp, ast.UnaryOp)):
        for other in OTHER.get(type(node.op), []):
            new = copy.copy(node)
            new.op = other()
            yield new
        if isinstance(node, (ast.UnaryOp)):
            yield node.operand
        if isinstance(node, ast.BinOp):
            yield from (node.left, node.right)
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        for other in OTHER.get(type(node.ops[0]), []):
            new = copy.copy(node)
            new.ops = [other()]
            yield new
    elif isinstance(node, ast.Call):
        if node.args:
            yield node.args[0]  # the step left out: np.exp(z) becomes z
        if isinstance(node.func, ast.Attribute) and not (isinstance(node.func.value, ast.Name) and node.func.value.id == "np"):
            yield node.func.value  # x.sum(axis=0) becomes x
        for k in range(len(node.keywords)):
            new = copy.copy(node)
            new.keywords = node.keywords[:k] + node.keywords[k + 1 :]
            yield new
    elif isinstance(node, ast.Attribute) and node.attr == "T":
        yield node.value
    elif isinstance(node, (ast.Assign, ast.AugAssign, ast.Expr, ast.If, ast.For, ast.While)):
        yield ast.Pass()


def mutants(function):
    """(changed line, source) of every mutant of a function or class."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    definition = tree.body[0]
    definition.decorator_list = []
    original = ast.unparse(tree)
    body = [node for statement in definition.body for node in ast.walk(statement)]
    seen = {original}
    for node in body:
        parent, field, index = _place(definition, node)
        if parent is None:
            continue
        for new in variants(node):
            _put(parent, field, index, new)
            try:
                source = ast.unparse(ast.fix_missing_locations(copy.deepcopy(tree)))
            finally:
                _put(parent, field, index, node)
            if source in seen:
                continue
            seen.add(source)
            old, changed = original.splitlines(), source.splitlines()
            differ = [line.strip() for line in changed if line not in old] or ["without a line"]
            yield differ[0], source


def _place(root, node):
    for parent in ast.walk(root):
        for field, value in ast.iter_fields(parent):
            if value is node:
                return parent, field, None
            if isinstance(value, list):
                for k, item in enumerate(value):
                    if item is node:
                        return parent, field, k
    return None, None, None


def _put(parent, field, index, value):
    if index is None:
        setattr(parent, field, value)
    else:
        getattr(parent, field)[index] = value


def earns_all(entry, source, key):
    """Whether the answer that ``source`` defines gets full points."""
    scope = dict(sys.modules[entry.reference.__module__].__dict__)

    def too_slow(*_):
        raise TooSlow

    old = signal.signal(signal.SIGALRM, too_slow)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        exec(compile(source, "mutant", "exec"), scope)
        answer = entry.answer(scope[entry.reference.__name__])
        return not any(judge(key, key.outcomes(answer)).faults)
    except BaseException:  # a mutant may do anything
        return False
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)


@functools.cache
def survivors(name):
    """(number of mutants, [(changed line, source)] of those that get full points on two seeds)."""
    entry = all_exercises()[name]
    alive, count = [], 0
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        keys = [entry.key(np.random.default_rng(seed)) for seed in (0, 1)]
        for key in keys:
            key.mistakes = list  # hints are not asked for
        for line, source in mutants(entry.reference):
            count += 1
            if all(earns_all(entry, source, key) for key in keys):
                alive.append((line, source))
    return count, alive


def main(names):
    everything = unexplained = 0
    for name in names or all_exercises():
        count, alive = survivors(name)
        lived = [line for line, _ in alive if (name, line) not in EQUIVALENT]
        everything, unexplained = everything + count, unexplained + len(lived)
        print(f"{name:<24} {count - len(alive):>4} of {count:>4} rejected", flush=True)
        for line in lived:
            print(f"    {line}")
    print(f"{everything - unexplained} of {everything} rejected or explained, {1 - unexplained / everything:.1%}")
    return int(unexplained > 0.05 * everything)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
