import re
import warnings

import numpy as np
import pytest

from nnlib import checks


@pytest.mark.parametrize("shape, expected, wanted", [
    ((64, 28, 28), ("N", 784), "(N, 784)"),
    ((64, 783), ("N", 784), "(N, 784)"),
    ((3,), (4,), "(4,)"),
    ((3, 1), (3,), "(3,)"),
    ((1,), (), "()"),
    ((4,), (..., "N", 4), "(..., N, 4)"),
    ((4, 3), (..., 4), "(..., 4)"),
])
def test_shapes_that_do_not_fit(shape, expected, wanted):
    with pytest.raises(ValueError, match=re.escape(f"Dense expects {wanted}, got {shape}") + "$"):
        checks.shape("Dense", np.zeros(shape), expected)


@pytest.mark.parametrize("shape, expected", [
    ((64, 784), ("N", 784)), ((0, 784), ("N", 784)), ((), ()), ((4,), (..., 4)), ((2, 3, 4), (..., 4)), ((2,), ("N",)),
])
def test_shapes_that_fit(shape, expected):
    checks.shape("Dense", np.zeros(shape), expected)


def test_shape_names_the_argument():
    with pytest.raises(ValueError, match=re.escape("dense expects W (D, K), got (3,)")):
        checks.shape("dense", np.zeros(3), ("D", "K"), "W")


def test_notation():
    assert checks.notation("(N,T,D),(D,4H),(2,N,H)") == [[("N", "T", "D")], [("D", "4H")], [("2", "N", "H")]]
    assert checks.notation("(N, C)|(N, C, H, W), (...,K), ()") == [[("N", "C"), ("N", "C", "H", "W")], [(..., "K")], [()]]
    assert checks.notation("") == []
    for text in ("N,D", "(N,D) K", "(N,D", "((N,D))", "(N),D"):
        with pytest.raises(ValueError, match=re.escape(f"operation expects shapes as in '(N,D),(D,K)', got {text!r}")):
            checks.notation(text)


def test_shapes_with_known_sizes():
    sizes = {}
    checks.shape("f", np.zeros((5, 12)), ("D", "3H"), "W", sizes)
    assert sizes == {"D": 5, "H": 4}
    checks.shape("f", np.zeros((2, 4)), (2, "H"), "state", sizes)
    checks.shape("f", np.zeros((7, 7)), ("N", "N"))
    checks.shape("f", np.zeros((9, 9, 5)), [("N", "H"), (..., "D")], "x", sizes)
    for shape, expected, wanted in [((3, 4), ("2D", "H"), "(10, 4)"), ((3, 5), ("K", "2 H"), "(K, 8)"),
                                    ((3,), ("N", "2N"), "(N, 2 N)"),
                                    ((3, 4), [("N", "D"), ("N", "D", "H", "W")], "(N, 5) or (N, 5, 4, W)"),
                                    ((2, 3), ("N", "N"), "(N, N)"), ((2, 5), ("M", "2M"), "(M, 2 M)"),
                                    ((), (..., "D"), "(..., 5)")]:
        with pytest.raises(ValueError, match=re.escape(f"f expects W {wanted}, got {shape}") + "$"):
            checks.shape("f", np.zeros(shape), expected, "W", sizes)
    assert sizes == {"D": 5, "H": 4}            # what does not fit decides nothing
    with pytest.raises(ValueError, match=re.escape("f expects (N, 5), got (3,)")):
        checks.shape("f", np.zeros(3), [(..., "N", "D")], "", sizes, brief=True)


@pytest.mark.parametrize("axis, ndim, expected", [(0, 2, (0,)), (-1, 3, (2,)), ((-1, 0), 2, (1, 0)), ([2, -2], 3, (2, 1)),
                                                  ((), 2, ()), (np.int64(1), 2, (1,))])
def test_axes(axis, ndim, expected):
    assert checks.axes("f", axis, ndim) == expected


def test_axes_that_are_refused():
    for axis, ndim in [(2, 2), (-3, 2), ((0, 0), 2), ((0, -2), 2), ((0, 5), 2), (0, 0)]:
        with pytest.raises(ValueError, match=re.escape(f"f expects axes of {-ndim} to {ndim - 1}, each once, got {axis}")):
            checks.axes("f", axis, ndim)
    for axis in (1.0, "0", True, (0, None)):
        with pytest.raises(TypeError, match="f expects an axis as an integer, got"):
            checks.axes("f", axis, 2)


def test_same_shape():
    checks.same_shape("mse", a=np.zeros((2, 3)), b=np.ones((2, 3)))
    for a, b in [((3,), (3, 1)), ((3, 1), (3,)), ((2,), (3,)), ((3,), (2,))]:
        with pytest.raises(ValueError, match=re.escape(f"mse expects a and b of one shape, got {a} and {b}")):
            checks.same_shape("mse", a=np.zeros(a), b=np.zeros(b))


def test_no_nan_tells_how_many_and_where():
    x = np.zeros((3, 4))
    checks.no_nan("f", "x", x)
    checks.no_nan("f", "x", np.zeros((0, 3)))
    checks.no_nan("f", "x", np.array(3))
    checks.no_nan("f", "x", np.array([True, False]))
    with warnings.catch_warnings(action="error"):
        checks.no_nan("f", "x", np.array([np.inf, -np.inf, 1e200]))
        checks.no_nan("f", "x", np.array([1e30, -1e30], np.float32))
    x[1, 2] = x[2, 0] = np.nan
    with pytest.raises(ValueError, match=re.escape("f expects x without NaN, got 2 NaN of 12, first at (1, 2)")):
        checks.no_nan("f", "x", x)
    with pytest.raises(ValueError, match="got 2 NaN of 12, first at .0, 2."):
        checks.no_nan("f", "x", x.T)            # not contiguous


def test_in_range():
    checks.in_range("f", 0, 1, p=np.array([0.0, 1.0]), q=np.zeros(0), r=np.array([0.4, 0.6]))
    for bad in (-0.1, 1.1):
        with pytest.raises(ValueError, match=re.escape(f"f expects p in [0, 1], got {min(bad, 0.5)} to {max(bad, 0.5)}")):
            checks.in_range("f", 0, 1, p=np.array([0.5, bad]))


def test_distribution():
    checks.distribution("f", "p", np.array([[0.5, 0.5], [1.0, 0.0]]))
    checks.distribution("f", "p", np.array([0.3, 0.7005]))
    with pytest.raises(ValueError, match="f expects p to sum to 1 along the last axis, got 0.9"):
        checks.distribution("f", "p", np.array([[0.5, 0.5], [0.5, 0.4], [0.5, 0.3]]))      # the first wrong one
    checks.distribution("f", "p", np.zeros((0, 3)))
    checks.distribution("f", "p", np.array([1 + 1e-9, -1e-9]))
    with pytest.raises(ValueError, match="f expects p >= 0, got -0.5"):
        checks.distribution("f", "p", np.array([1.5, -0.5]))


def test_indices():
    checks.indices("f", "labels", np.array([0, 3]), 4)
    checks.indices("f", "labels", np.array([], int), 4)
    checks.indices("f", "labels", np.array([2], np.uint8), 4)
    for bad in ([0, 4], [0, 9], [-1, 0]):
        with pytest.raises(ValueError, match=f"f expects labels in 0 to 3, got {bad[0]} to {bad[1]}"):
            checks.indices("f", "labels", np.array(bad), 4)
    with pytest.raises(TypeError, match="f expects labels as integers 0 to 3, got float64"):
        checks.indices("f", "labels", np.array([0.0]), 4)


def test_number():
    checks.number("f", p=0.5)
    checks.number("f", 0, 1, p=0)
    checks.number("f", 0, 1, above=True, below=True, p=0.5)
    checks.number("f", 0, 1, p=np.float32(1))
    for bad, options, interval in [(-0.1, {}, "0 <= p <= 1"), (-1, {"above": True}, "0 < p <= 1"),
                                   (2, {"below": True}, "0 <= p < 1"), (1.1, {}, "0 <= p <= 1"),
                                   (0, {"above": True}, "0 < p <= 1"),
                                   (1, {"below": True}, "0 <= p < 1"), (np.nan, {}, "0 <= p <= 1")]:
        with pytest.raises(ValueError, match=f"^f expects {interval}, got {bad}$"):
            checks.number("f", 0, 1, **options, p=bad)
    for bad in ("0.5", None, True, [0.5], 1j):
        with pytest.raises(TypeError, match="f expects p as a number, got"):
            checks.number("f", p=bad)


def test_count():
    checks.count("f", n=1, m=np.int64(3))
    checks.count("f", least=0, n=0)
    with pytest.raises(ValueError, match="f expects n >= 1, got 0"):
        checks.count("f", n=0)
    with pytest.raises(ValueError, match="f expects n >= 2, got 1"):
        checks.count("f", least=2, n=1)
    for bad in (1.0, "1", True, None):
        with pytest.raises(TypeError, match="f expects n as an integer, got"):
            checks.count("f", m=1, n=bad)


def test_choice():
    checks.choice("f", "mode", "a", ("a", "b"))
    with pytest.raises(ValueError, match="f expects mode as one of 'a', 'b', got 'c'"):
        checks.choice("f", "mode", "c", ("a", "b"))


def test_generator():
    rng = np.random.default_rng(1)
    assert checks.generator("f", rng) is rng
    fresh = checks.generator("f", None)
    assert isinstance(fresh, np.random.Generator) and fresh is not checks.generator("f", None)
    for bad in (1, np.random, np.random.RandomState(1)):
        with pytest.raises(TypeError, match="f expects rng as numpy.random.default_rng"):
            checks.generator("f", bad)


def test_numeric():
    assert checks.numeric("f", "x", [1, 2]).dtype.kind == "i"
    assert checks.numeric("f", "x", True).dtype.kind == "b"
    for bad in (np.float16(1), np.ones(3, np.float16)):
        with pytest.raises(TypeError, match="f expects x in float32 or float64, got float16"):
            checks.numeric("f", "x", bad)
    for bad in ("a", None, [None], {"a": 1}, 1j):
        with pytest.raises(TypeError, match="f expects x as an array of real numbers, got"):
            checks.numeric("f", "x", bad)
    with pytest.raises(ValueError, match="f expects x as an array, got rows of unequal length"):
        checks.numeric("f", "x", [[1], [2, 3]])
