"""Does an exercise notice every small slip?  ``python tests/exercises/mutants.py [exercise ...]``

Changes one thing at a time in each reference solution (a number by one, an operator, a comparison, an axis, a function for its
twin, a step left out) and judges the result as a reader's answer. What gets full points is printed; EQUIVALENT says why it may.
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
TWINS = ["sum mean", "sum prod", "max min", "maximum minimum", "argmax argmin", "cumsum cumprod", "any all", "std var",
         "ceil floor", "log log2", "zeros ones", "outer dot", "eigvals eigvalsh", "sort argsort"]  # taken for each other
EQUIVALENT = {  # (exercise, the mutant's changed line): why that is as right an answer
    ("pinball", "slope = np.where(e >= 0, 1 - q, -q) * (e != 0)"): "at 0 the last factor decides",
    ("paper_gradient", "return [[-0.0184, -0.02208], [0.0, 0.0]]"): "a list is as good as an array",
    ("shortcut_gradient", "return dy + dy * (x @ W >= 0) @ W.T"): "no sum is exactly 0",
    ("leave_one_out", "w = np.linalg.lstsq(X[others], t[others])[0]"): "NumPy's own limit gives the same",
    ("precision_recall", "called = scores >= threshold"): "no score is the threshold itself",
    ("paper_convolution", "return [[-1.0, 4.0], [0.0, 1.0]]"): "a list is as good as an array",
    ("fastest_rate", "curvatures = np.linalg.eigvals(H)"): "the general routine finds the same eigenvalues",
    ("paper_transposed", "return [-2.0, 4.0, 0.0, 3.0, -3.0]"): "a list is as good as an array",
    ("residual_backward", "through_branch = dy @ W.T * (x >= 0)"): "no input is exactly 0",
    ("coverage", "count = np.zeros((n - 1) * stride + kernel)"): "a count is a number, whole or not",
    ("paper_attention", "return [5.0, 6.0]"): "a list is as good as an array",
    ("attend_padded", "e = np.where(real, np.exp(scores + scores.max(axis=1, keepdims=True)), 0)"): "a shift of a row cancels",
    ("attend_padded", "e = np.where(real, np.exp(scores), 0)"): "a shift of a row cancels",
    ("attend_padded", "e = np.where(real, np.exp(scores - scores.max(keepdims=True)), 0)"): "a shift of a row cancels",
    ("attend_padded", "e = np.where(real, np.exp(scores - scores.min(axis=1, keepdims=True)), 0)"): "a shift of a row cancels",
    ("causal_heads", "e = np.exp(scores + scores.max(axis=1, keepdims=True))"): "a shift of a row cancels",
    ("causal_heads", "e = np.exp(scores)"): "a shift of a row cancels",
    ("causal_heads", "e = np.exp(scores - scores.max(keepdims=True))"): "a shift of a row cancels",
    ("paper_boltzmann", "return [9 / 11, 2 / 3]"): "a list is as good as an array",
    ("cd1_gradient", "h = u_h < p"): "a truth value counts as 0 or 1",
    ("cd1_gradient", "h = (u_h <= p).astype(float)"): "no draw is exactly the probability",
    ("cd1_gradient", "v1 = (u_v <= sigmoid(h @ W.T + b)).astype(float)"): "no draw is exactly the probability",
    ("cd1_gradient", "v1 = u_v < sigmoid(h @ W.T + b)"): "a truth value counts as 0 or 1",
    ("flip_energy", "return 2 / x * (W @ x)"): "1 / x is x where x is 1 or -1",
    ("paper_star", "return [3.0, 6.0, 4.0, 4.0]"): "a list is as good as an array",
    ("reach", "known = (A + np.eye(len(A))) @ known > 0"): "a truth value counts as 0 or 1",
    ("reach", "return known.sum(axis=1)"): "a count is a number, whole or not",
    ("reach", "return known.sum(axis=0).astype(int)"): "who reaches whom is symmetric",
    ("plane_angle", "return np.degrees(np.arccos(cosines.min()))"): "a cosine is above 1 by rounding alone, and by luck",
    ("plane_angle", "return np.degrees(np.arccos(np.clip(cosines.min(), -1, 1)))"): "a singular value is not negative",
    ("plane_angle", "return np.degrees(np.arccos(np.clip(cosines.min(), 0, 2)))"): "a cosine is above 1 by luck alone",
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
    elif isinstance(node, ast.Attribute):
        if node.attr == "T":
            yield node.value
        for other in (name for twins in TWINS if node.attr in (pair := twins.split()) for name in pair if name != node.attr):
            new = copy.copy(node)
            new.attr = other
            yield new
    elif isinstance(node, ast.Slice):
        if node.lower is not None:
            yield ast.Slice(None, node.upper, node.step)
        if node.upper is not None:
            yield ast.Slice(node.lower, None, node.step)
    elif isinstance(node, (ast.Assign, ast.AugAssign, ast.Expr, ast.If, ast.For, ast.While)):
        yield ast.Pass()


def places(definition):
    """(container, key) of every node of a definition's body: what stands there is ``container[key]``."""
    yield from ((definition.body, k) for k in range(len(definition.body)))
    for statement in definition.body:
        for parent in ast.walk(statement):
            for field, value in ast.iter_fields(parent):
                if isinstance(value, ast.AST):
                    yield vars(parent), field
                elif isinstance(value, list):
                    yield from ((value, k) for k in range(len(value)))


def mutants(function):
    """(changed line, source) of every mutant of a function or class."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    definition = tree.body[0]
    definition.decorator_list = []
    original = ast.unparse(tree)
    seen = {original}
    for container, key in list(places(definition)):
        node = container[key]
        for new in variants(node):
            container[key] = new
            source = ast.unparse(ast.fix_missing_locations(copy.deepcopy(tree)))
            if source not in seen:
                seen.add(source)
                changed = [line.strip() for line in source.splitlines() if line not in original.splitlines()]
                yield (changed or ["a line left out"])[0], source
        container[key] = node


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
