import subprocess
import sys
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnlib import data

seeded = [
    lambda rng: data.xor(40, noise=0.1, rng=rng), lambda rng: data.moons(40, rng=rng),
    lambda rng: data.spirals(42, classes=3, rng=rng), lambda rng: data.blobs(42, rng=rng),
    lambda rng: data.recall(40, 7, rng=rng), lambda rng: data.adding(40, 7, rng=rng),
    lambda rng: data.shapes(5, 16, rng=rng), lambda rng: data.communities(40, rng=rng), lambda rng: data.molecules(6, rng=rng),
    lambda rng: (data.augment(np.linspace(0, 1, 160).reshape(10, 4, 4), std=0.1, rng=rng),) * 2]


# Shipped data

def test_digits():
    X, y = data.digits()
    assert X.shape == (1797, 1, 8, 8) and X.dtype == np.float64 and X.min() == 0 and X.max() == 1
    assert y.shape == (1797,) and y.dtype == np.int64
    # class sizes of optdigits.tes in UCI's description
    np.testing.assert_array_equal(np.bincount(y), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180])
    np.testing.assert_array_equal(16 * X[0, 0, :2], [[0, 0, 5, 13, 9, 1, 0, 0], [0, 0, 13, 15, 10, 15, 5, 0]])
    assert (16 * X).sum() == 561718
    X[:] = 0
    assert data.digits()[0].any()  # each caller has their own


def test_wine():
    X, y = data.wine()
    assert X.shape == (178, 13) == (178, len(data.WINE_FEATURES)) and X.dtype == np.float64
    np.testing.assert_array_equal(np.bincount(y), [59, 71, 48])
    np.testing.assert_array_equal(X[0], [14.23, 1.71, 2.43, 15.6, 127, 2.8, 3.06, 0.28, 2.29, 5.64, 1.04,
                                         3.92, 1065])
    # means in the data set's description
    np.testing.assert_allclose(X.mean(axis=0).round(2)[[0, 1, 4, 9]], [13.0, 2.34, 99.74, 5.06], atol=0.005)
    assert X.mean(axis=0)[12] == pytest.approx(746.9, abs=0.1)
    assert data.WINE_FEATURES[0] == "alcohol" and data.WINE_FEATURES[12] == "proline"


def test_sunspots():
    years, numbers = data.sunspots()
    np.testing.assert_array_equal(years, np.arange(1700, 2009))
    assert numbers.shape == (309,) and numbers.dtype == np.float64 and numbers.min() == 0
    assert years[numbers.argmax()] == 1957 and numbers.max() == 190.2
    assert numbers[0] == 5 and numbers[-1] == 2.9


def test_karate_club():
    A, y = data.karate_club()
    assert A.shape == (34, 34) and A.dtype == np.float64 and A.sum() == 2 * 78
    np.testing.assert_array_equal(A, A.T)
    assert set(np.unique(A)) == {0, 1} and not A.diagonal().any()
    assert A.sum(axis=0)[[0, 33]].tolist() == [16, 17]  # the two leaders' friends
    assert (y[0], y[33]) == (0, 1) and y.sum() == 17


def test_photograph():
    image = data.photograph()
    assert image.shape == (128, 128) and image.dtype == np.float64
    assert 0 <= image.min() < 0.1 and 0.9 < image.max() <= 1
    assert image[40, 64] > image[110, 20]  # coffee and crockery above a dark table


def test_every_file_has_its_source_and_licence():
    folder = files("nnlib.data")
    readme = (folder / "README.md").read_text("utf-8")
    for file in folder.iterdir():
        if file.name.endswith((".npz", ".csv", ".txt")):
            (line,) = [line for line in readme.splitlines() if line.startswith(f"| `{file.name}` |")]
            assert any(licence in line for licence in ("CC BY 4.0", "CC0", "public domain", "BSD"))


def test_data_needs_numpy_alone():
    program = ("import sys, nnlib.data\n"
               "print(sorted({'matplotlib', 'scipy', 'tqdm', 'IPython'} & set(sys.modules)))")
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "[]\n"


# Splitting

def test_split_follows_its_rule():
    y = np.array([0, 0, 1, 0, 0, 0, 1, 1, 0, 1, 1, 1])
    X = np.arange(12) * 10
    (X0, y0), (X1, y1), (X2, y2) = data.split(X, y)
    # class 0 is 0 1 3 4 5 8, class 1 is 2 6 7 9 10 11; of each the fourth and the fifth leave the first part
    np.testing.assert_array_equal(X0, [0, 10, 20, 30, 60, 70, 80, 110])
    np.testing.assert_array_equal(X1, [40, 90])
    np.testing.assert_array_equal(X2, [50, 100])
    for X_part, y_part in ((X0, y0), (X1, y1), (X2, y2)):
        np.testing.assert_array_equal(y_part, y[X_part // 10])


@settings(max_examples=60, deadline=None)
@given(n=st.integers(0, 60), classes=st.integers(1, 4),
       parts=st.lists(st.integers(1, 4), min_size=2, max_size=4),
       seed=st.one_of(st.none(), st.integers(0, 99)))
def test_split_shares_out_every_sample_by_class(n, classes, parts, seed):
    y = np.random.default_rng(n).integers(classes, size=n)
    rng = None if seed is None else np.random.default_rng(seed)
    shares = data.split(np.arange(n), y, parts, rng=rng)
    assert len(shares) == len(parts)
    together = np.concatenate([X for X, _ in shares])
    np.testing.assert_array_equal(np.sort(together), np.arange(n))
    for (X, labels), part in zip(shares, parts):
        np.testing.assert_array_equal(labels, y[X])
        if rng is None:
            assert (np.diff(X) > 0).all()
        for label in range(classes):
            size = (y == label).sum()
            rounds, rest = divmod(size, sum(parts))
            assert rounds * part <= (labels == label).sum() <= rounds * part + min(part, rest)


def test_split_with_rng_and_real_targets(rng):
    X, y = rng.normal(size=(20, 2)), rng.normal(size=(20, 1))
    (first, _), (second, targets) = data.split(X, y, (4, 1))
    np.testing.assert_array_equal(second, X[4::5])  # real numbers are one class
    np.testing.assert_array_equal(targets, y[4::5])
    np.testing.assert_array_equal(data.split(X, y[:, 0], (4, 1))[1][0], X[4::5])
    shuffled = [data.split(X, y, (4, 1), rng=np.random.default_rng(s))[0][0] for s in (1, 1, 2)]
    np.testing.assert_array_equal(shuffled[0], shuffled[1])
    assert shuffled[0].shape == first.shape and (shuffled[0] != shuffled[2]).any()


@pytest.mark.parametrize("form", [lambda y: y[:, None], lambda y: np.eye(2)[y], lambda y: np.eye(2, dtype=int)[y],
                                  lambda y: np.eye(2, dtype=bool)[y], lambda y: np.array(["a", "b"])[y]])
def test_split_keeps_the_mix_of_labels_in_any_form(form):
    y = np.arange(20) % 2
    for (X, labels), (expected, _) in zip(data.split(np.arange(20), form(y), (1, 1)), data.split(np.arange(20), y, (1, 1))):
        np.testing.assert_array_equal(X, expected)
        np.testing.assert_array_equal(labels, form(y)[X])


def test_digits_split_is_balanced():
    parts = data.split(*data.digits())
    assert [len(y) for _, y in parts] == [1085, 357, 355]
    for _, y in parts:
        assert np.ptp(np.bincount(y) / len(y)) < 0.01


@pytest.mark.parametrize("arguments, error, message", [
    ((np.ones(3), np.ones(2)), ValueError,
     r"split expects one label for each sample, got X \(3,\) and y \(2,\)"),
    ((1.0, np.ones(2)), ValueError, "split expects one label"),
    ((np.ones(2), 1.0), ValueError, "split expects one label"),
    ((np.ones(3), np.ones(3), (3,)), ValueError, r"split expects at least two parts, got \[3\]"),
    ((np.ones(3), np.ones(3), (3, 0)), ValueError, "split expects parts >= 1"),
    ((np.ma.masked_equal([0, 1, 0], 1), np.ones(3)), TypeError, "split expects X and y without a mask, got a masked array"),
    ((np.ones(3), np.ma.masked_equal([0, 1, 0], 1)), TypeError, "split expects X and y without a mask"),
    ((np.ones(3), np.ones(3), (0.8, 0.2)), TypeError, "split expects parts as an integer")])
def test_split_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        data.split(*arguments)


# Generators

@pytest.mark.parametrize("make", seeded)
def test_same_seed_same_data(make):
    first, again, other = (make(np.random.default_rng(s)) for s in (1, 1, 2))
    for a, b, c in zip(first, again, other):
        np.testing.assert_array_equal(a, b)
        assert a.shape == c.shape and a.dtype == c.dtype
    assert (first[0] != other[0]).any()


def test_xor():
    X, y = data.xor()
    np.testing.assert_array_equal(X, [[0, 0], [0, 1], [1, 0], [1, 1]])
    np.testing.assert_array_equal(y, [0, 1, 1, 0])
    assert X.dtype == np.float64 and y.dtype == np.int64
    X, y = data.xor(4001, noise=0.2, rng=np.random.default_rng(0))
    corners, labels = data.xor(4001)
    np.testing.assert_array_equal(y, labels)
    assert (X - corners).std() == pytest.approx(0.2, rel=0.05) and abs((X - corners).mean()) < 0.01


def test_moons():
    X, y = data.moons(200, noise=0.0, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(y, np.arange(200) % 2)
    upper, lower = X[y == 0], X[y == 1]
    np.testing.assert_allclose(np.hypot(*upper.T), 1)
    np.testing.assert_allclose(np.hypot(*(lower - [1, 0.5]).T), 1)
    assert upper[:, 1].min() >= 0 and lower[:, 1].max() <= 0.5
    assert np.ptp(upper[:, 0]) > 1.9 and np.ptp(lower[:, 0]) > 1.9
    noisy, _ = data.moons(200, noise=0.3, rng=np.random.default_rng(0))
    assert (noisy - X).std() == pytest.approx(0.3, rel=0.1)


@pytest.mark.parametrize("classes, turns", [(2, 1.0), (3, 0.5), (1, 2.0)])
def test_spirals(classes, turns):
    X, y = data.spirals(300, classes=classes, turns=turns, noise=0.0, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(y, np.arange(300) % classes)
    r = np.hypot(*X.T)
    assert 0.1 <= r.min() < 0.12 and 0.98 < r.max() <= 1
    angle = 2 * np.pi * (turns * r + y / classes)
    np.testing.assert_allclose(X, np.column_stack([r * np.cos(angle), r * np.sin(angle)]), atol=1e-12)
    noisy, _ = data.spirals(300, classes=classes, turns=turns, noise=0.2, rng=np.random.default_rng(0))
    assert (noisy - X).std() == pytest.approx(0.2, rel=0.1)


@pytest.mark.parametrize("classes", [1, 3, 4])
def test_blobs(classes):
    X, y = data.blobs(4000, classes=classes, spread=0.3, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(y, np.arange(4000) % classes)
    for k in range(classes):
        angle = 2 * np.pi * k / classes
        np.testing.assert_allclose(X[y == k].mean(axis=0), [2 * np.cos(angle), 2 * np.sin(angle)], atol=0.05)
        np.testing.assert_allclose(X[y == k].std(axis=0), 0.3, rtol=0.1)


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 20), length=st.integers(1, 12), symbols=st.integers(2, 5))
def test_recall(n, length, symbols):
    X, y = data.recall(n, length, symbols=symbols, rng=np.random.default_rng(0))
    assert X.shape == (n, length, 2 * symbols) and X.dtype == np.float64
    assert y.shape == (n,) and y.dtype == np.int64
    np.testing.assert_array_equal(X.sum(axis=2), 1)  # one-hot
    shown = X.argmax(axis=2)
    np.testing.assert_array_equal(shown[:, 0], y)
    assert (shown[:, 1:] >= symbols).all() and (y < symbols).all()


def test_recall_uses_every_symbol_evenly():
    X, y = data.recall(4000, 3, rng=np.random.default_rng(0))
    np.testing.assert_allclose(np.bincount(y) / 4000, 0.25, atol=0.03)
    np.testing.assert_allclose(X[:, 1:].mean(axis=(0, 1)), [0] * 4 + [0.25] * 4, atol=0.03)


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 20), length=st.integers(2, 13))
def test_adding(n, length):
    X, y = data.adding(n, length, rng=np.random.default_rng(0))
    assert X.shape == (n, length, 2) and y.shape == (n, 1)
    value, mark = X[:, :, 0], X[:, :, 1]
    assert set(np.unique(mark)) <= {0, 1} and (value >= 0).all() and (value < 1).all()
    np.testing.assert_array_equal(mark[:, :length // 2].sum(axis=1), 1)
    np.testing.assert_array_equal(mark[:, length // 2:].sum(axis=1), 1)
    np.testing.assert_allclose((value * mark).sum(axis=1, keepdims=True), y)


def test_adding_baseline_and_places():
    X, y = data.adding(20000, 6, rng=np.random.default_rng(0))
    assert ((y - 1) ** 2).mean() == pytest.approx(1 / 6, rel=0.03)
    np.testing.assert_allclose(X[:, :, 1].mean(axis=0), 1 / 3, atol=0.02)


def test_communities():
    A, X, y = data.communities(400, classes=3, inside=0.3, across=0.05, signal=2.0, rng=np.random.default_rng(0))
    assert A.shape == (400, 400) and X.shape == (400, 3) and y.dtype == np.int64 and set(np.unique(A)) == {0, 1}
    np.testing.assert_array_equal(A, A.T)
    np.testing.assert_array_equal(y, np.arange(400) % 3)
    pairs, same = np.triu(np.ones((400, 400), bool), 1), y[:, None] == y
    assert not A.diagonal().any()
    assert A[pairs & same].mean() == pytest.approx(0.3, abs=0.01) and A[pairs & ~same].mean() == pytest.approx(0.05, abs=0.005)
    np.testing.assert_allclose([X[y == k].mean(axis=0) for k in range(3)], 2 * np.eye(3), atol=0.3)
    assert (X - 2 * np.eye(3)[y]).std() == pytest.approx(1, abs=0.05)
    assert data.communities(6, inside=1, across=0, rng=np.random.default_rng(0))[0].sum(axis=1).tolist() == [2] * 6


@pytest.mark.parametrize("atoms", [5, 10, 13])
def test_molecules(atoms):
    X, A, y = data.molecules(60, atoms, rng=np.random.default_rng(0))
    assert X.shape == (60, atoms, 3) and A.shape == (60, atoms, atoms) and y.dtype == np.int64
    np.testing.assert_array_equal(y, np.arange(60) % 2)
    np.testing.assert_array_equal(X.sum(axis=2), 1)
    np.testing.assert_array_equal(X.sum(axis=1), [[atoms - 2 * (atoms // 5), atoms // 5, atoms // 5]] * 60)   # kinds say nothing
    assert X[:, 0, 0].all() and len({tuple(kinds) for kinds in X.argmax(axis=2)}) > 5
    np.testing.assert_array_equal(A, np.swapaxes(A, 1, 2))
    assert set(np.unique(A)) == {0, 1} and not A[:, range(atoms), range(atoms)].any()
    assert (A.sum(axis=2) <= X @ [4, 3, 2]).all()
    assert (np.linalg.matrix_power(A + np.eye(atoms), atoms) > 0).all()         # connected
    bonds = A.sum(axis=(1, 2)) / 2
    assert bonds.min() >= atoms - 1 and bonds.max() == atoms + 1
    for kinds, bonded, label in zip(X.argmax(axis=2), A, y):
        around = [{kinds[j] for j in np.flatnonzero(bonded[i])} for i in range(atoms) if kinds[i] == 0]
        assert any({1, 2} <= kinds_around for kinds_around in around) == label


def test_shapes():
    images, masks = data.shapes(60, 32, noise=0.0, rng=np.random.default_rng(0))
    assert images.shape == (60, 1, 32, 32) and masks.shape == (60, 32, 32)
    assert images.dtype == np.float64 and masks.dtype == np.int64
    assert images.min() >= 0 and images.max() <= 1
    assert set(np.unique(masks)) == {0, 1, 2, 3}
    ground, shape = images[:, 0][masks == 0], images[:, 0][masks > 0]
    assert ground.max() < 0.45 and shape.min() >= 0.5
    assert ((masks > 0).sum(axis=(1, 2)) > 0).all()
    counts = [len(np.unique(image[0][mask > 0])) for image, mask in zip(images, masks)]
    assert set(counts) == {1, 2, 3}  # one brightness each
    noisy, _ = data.shapes(60, 32, noise=0.05, rng=np.random.default_rng(0))
    assert noisy.min() >= 0 and noisy.max() <= 1


def test_shapes_have_their_shape():
    """Alone in an image, a disc fills pi/4 of its bounding box, a square all of it, a triangle half."""
    images, masks = data.shapes(300, 64, noise=0.0, rng=np.random.default_rng(1))
    filled = {1: [], 2: [], 3: []}
    for image, mask in zip(images[:, 0], masks):
        if len(np.unique(image[mask > 0])) == 1:
            kind = mask.max()
            rows, columns = np.nonzero(mask)
            height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
            filled[kind].append((mask > 0).sum() / (height * width))
            if kind == 3:
                assert np.median(rows) > (rows.min() + rows.max()) / 2  # heavy below: the point is up
                assert width / height == pytest.approx(2 / np.sqrt(3), rel=0.12)
            else:
                assert abs(height - width) <= 1
                assert 2 * 0.12 * 64 * (0.85 if kind == 2 else 1) - 1 <= height <= 2 * 0.22 * 64 + 1
    for kind, share in ((1, np.pi / 4), (2, 1.0), (3, 0.5)):
        assert len(filled[kind]) > 10
        assert np.mean(filled[kind]) == pytest.approx(share, abs=0.04)


@pytest.mark.parametrize("call, error, message", [
    (lambda: data.xor(0), ValueError, "xor expects n >= 1"),
    (lambda: data.xor(4, noise=-1), ValueError, "xor expects 0 <= noise"),
    (lambda: data.xor(4, rng=3), TypeError, "xor expects rng"),
    (lambda: data.moons(2.5), TypeError, "moons expects n as an integer"),
    (lambda: data.moons(2, noise=-1), ValueError, "moons expects 0 <= noise"),
    (lambda: data.spirals(classes=0), ValueError, "spirals expects classes >= 1"),
    (lambda: data.spirals(turns=-1), ValueError, "spirals expects 0 <= turns"),
    (lambda: data.spirals(noise=-1), ValueError, "spirals expects 0 <= noise"),
    (lambda: data.blobs(classes=0), ValueError, "blobs expects classes >= 1"),
    (lambda: data.blobs(spread=-1), ValueError, "blobs expects 0 <= spread"),
    (lambda: data.recall(1, 0), ValueError, "recall expects length >= 1"),
    (lambda: data.recall(1, 1, symbols=1), ValueError, "recall expects symbols >= 2"),
    (lambda: data.adding(0, 2), ValueError, "adding expects n >= 1"),
    (lambda: data.adding(1, 1), ValueError, "adding expects length >= 2"),
    (lambda: data.shapes(0), ValueError, "shapes expects n >= 1"),
    (lambda: data.shapes(1, 11), ValueError, "shapes expects size >= 12"),
    (lambda: data.shapes(1, noise=-1), ValueError, "shapes expects 0 <= noise"),
    (lambda: data.communities(0), ValueError, "communities expects n >= 1"),
    (lambda: data.communities(5, classes=0), ValueError, "communities expects classes >= 1"),
    (lambda: data.communities(5, inside=1.5), ValueError, "communities expects 0 <= inside <= 1, got 1.5"),
    (lambda: data.communities(5, across=-0.1), ValueError, "communities expects 0 <= across <= 1, got -0.1"),
    (lambda: data.communities(5, signal="a"), TypeError, "communities expects signal as a number"),
    (lambda: data.molecules(0), ValueError, "molecules expects n >= 1"),
    (lambda: data.molecules(1, 4), ValueError, "molecules expects atoms >= 5, got 4")])
def test_generators_refuse(call, error, message):
    with pytest.raises(error, match=message):
        call()


# Augmentation

def resample_by_loop(image, down, right, degrees, factor):
    """The twin: pixel by pixel, from the definition."""
    height, width = image.shape
    cy, cx = (height - 1) / 2, (width - 1) / 2
    a = np.deg2rad(degrees)

    def pixel(r, c):
        return image[r, c] if 0 <= r < height and 0 <= c < width else 0.0
    out = np.zeros_like(image)
    for r in range(height):
        for c in range(width):
            y, x = -(r - cy - down), c - cx - right  # y upwards
            x, y = np.cos(a) * x + np.sin(a) * y, -np.sin(a) * x + np.cos(a) * y  # turned back
            x, y = x / factor, y / factor
            row, column = cy - y, cx + x
            r0, c0 = int(np.floor(row)), int(np.floor(column))
            fr, fc = row - r0, column - c0
            out[r, c] = ((1 - fr) * (1 - fc) * pixel(r0, c0) + (1 - fr) * fc * pixel(r0, c0 + 1)
                         + fr * (1 - fc) * pixel(r0 + 1, c0) + fr * fc * pixel(r0 + 1, c0 + 1))
    return out


amounts = dict(seed=st.integers(0, 99), height=st.integers(1, 6), width=st.integers(1, 6))


@settings(max_examples=60, deadline=None)
@given(**amounts, down=st.floats(-8, 8), right=st.floats(-8, 8))
def test_shift_is_its_loop(seed, height, width, down, right):
    images = np.random.default_rng(seed).random((2, height, width))
    moved = data.shift(images, down, right)
    for image, result in zip(images, moved):
        np.testing.assert_allclose(result, resample_by_loop(image, down, right, 0, 1), atol=1e-7)


@settings(max_examples=60, deadline=None)
@given(**amounts, degrees=st.floats(-400, 400))
def test_rotate_is_its_loop(seed, height, width, degrees):
    images = np.random.default_rng(seed).random((2, height, width))
    for image, result in zip(images, data.rotate(images, degrees)):
        np.testing.assert_allclose(result, resample_by_loop(image, 0, 0, degrees, 1), atol=1e-7)


@settings(max_examples=60, deadline=None)
@given(**amounts, factor=st.floats(0.2, 5))
def test_zoom_is_its_loop(seed, height, width, factor):
    images = np.random.default_rng(seed).random((2, height, width))
    for image, result in zip(images, data.zoom(images, factor)):
        np.testing.assert_allclose(result, resample_by_loop(image, 0, 0, 0, factor), atol=1e-7)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_whole_pixels_and_quarter_turns_are_exact(dtype, rng):
    images = rng.random((3, 2, 5, 5)).astype(dtype)
    down = np.zeros_like(images)
    down[:, :, 2:, :-1] = images[:, :, :-2, 1:]
    cases = [(data.shift(images, 0, 0), images), (data.shift(images, 2, -1), down),
             (data.rotate(images, 90), np.rot90(images, axes=(2, 3))), (data.rotate(images, 360), images),
             (data.rotate(images, -180), images[:, :, ::-1, ::-1]), (data.zoom(images, 1), images),
             (data.shift(images, 9, 0), 0 * images), (data.noise(images, 0.0, rng=rng), images)]
    for result, expected in cases:
        assert result.dtype == dtype and result.shape == images.shape
        np.testing.assert_array_equal(result, expected)


def test_one_amount_for_each_image(rng):
    images = rng.random((3, 5, 5))
    for function, amounts in [(data.rotate, [10.0, 0.0, -30.0]), (data.zoom, [0.5, 1.0, 2.0])]:
        together = function(images, amounts)
        for image, amount, result in zip(images, amounts, together):
            np.testing.assert_array_equal(function(image[None], amount)[0], result)
    np.testing.assert_array_equal(data.shift(images, [1, 2, 3], 1)[1], data.shift(images[1:2], 2, [1])[0])


def test_noise(rng):
    images = np.full((2, 1, 100, 100), 0.5, np.float32)
    noisy = data.noise(images, [0.1, 0.4], rng=rng)
    assert noisy.dtype == np.float32
    np.testing.assert_allclose((noisy - images).std(axis=(1, 2, 3)), [0.1, 0.4], rtol=0.05)
    np.testing.assert_allclose((noisy - images).mean(axis=(1, 2, 3)), 0, atol=0.02)
    assert noisy.min() < 0  # not clipped


def test_augment_keeps_within_its_limits(rng):
    """A dot in the middle of a black image shows how far each image was moved."""
    images = np.zeros((400, 1, 21, 21))
    images[:, :, 10, 10] = 1
    moved = data.augment(images, pixels=3, degrees=0, zoom=0.0, rng=rng)[:, 0]
    total = moved.sum(axis=(1, 2))
    np.testing.assert_allclose(total, 1)
    rows, columns = (moved.sum(axis=2) @ np.arange(21)) - 10, (moved.sum(axis=1) @ np.arange(21)) - 10
    for offsets in rows, columns:
        assert np.abs(offsets).max() <= 3 and offsets.min() < -2.5 and offsets.max() > 2.5
    assert abs(np.corrcoef(rows, columns)[0, 1]) < 0.2
    # an arm to the right shows the angle
    arm = np.zeros((400, 21, 21))
    arm[:, 10, 18] = 1
    turned = data.augment(arm, pixels=0, degrees=20, zoom=0.0, rng=rng)
    total = turned.sum(axis=(1, 2))
    rows = (turned.sum(axis=2) @ np.arange(21)) / total - 10
    columns = (turned.sum(axis=1) @ np.arange(21)) / total - 10
    angles = np.rad2deg(np.arctan2(-rows, columns))
    assert np.abs(angles).max() < 22 and angles.min() < -17 and angles.max() > 17
    zoomed = data.augment(arm, pixels=0, degrees=0, zoom=0.2, rng=rng)
    reach = (zoomed.sum(axis=1) @ np.arange(21)) / zoomed.sum(axis=(1, 2)) - 10
    assert 6.2 < reach.min() < 6.8 and 9.2 < reach.max() < 9.8
    still = data.augment(images, pixels=0, degrees=0, zoom=0, std=0.0, rng=rng)
    np.testing.assert_array_equal(still, images)
    noisy = data.augment(images, pixels=0, degrees=0, zoom=0, std=0.2, rng=rng)
    assert (noisy - images).std() == pytest.approx(0.2, rel=0.1)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_augment_keeps_dtype_and_shape(dtype, rng):
    for shape in [(4, 8, 8), (4, 3, 8, 6), (0, 8, 8)]:
        images = rng.random(shape).astype(dtype)
        result = data.augment(images, std=0.1, rng=rng)
        assert result.dtype == dtype and result.shape == shape
        assert not np.may_share_memory(result, images)


@pytest.mark.parametrize("call, error, message", [
    (lambda x: data.shift(x.astype(int), 1, 1), TypeError, "shift expects images as floats, got int"),
    (lambda x: data.rotate(x[0], 1), ValueError,
     r"rotate expects images \(N, H, W\) or \(N, C, H, W\), got \(4, 4\)"),
    (lambda x: data.rotate(x[None, None], 1), ValueError, r"got \(1, 1, 3, 4, 4\)"),
    (lambda x: data.zoom(x[:, :0], 1), ValueError, r"zoom expects images .* got \(3, 0, 4\)"),
    (lambda x: data.shift(x, [1, 2], 1), ValueError, r"shift expects down as one number or 3, got \(2,\)"),
    (lambda x: data.shift(x, 1, [1, 2]), ValueError, "shift expects right as one number or 3"),
    (lambda x: data.rotate(x, np.nan), ValueError, "rotate expects degrees to be finite"),
    (lambda x: data.zoom(x, 0), ValueError, "zoom expects factor > 0, got 0"),
    (lambda x: data.zoom(x, [1, -1, 1]), ValueError, "zoom expects factor > 0, got -1"),
    (lambda x: data.noise(x, -1), ValueError, "noise expects std >= 0, got -1"),
    (lambda x: data.noise(x, 1, rng=3), TypeError, "noise expects rng"),
    (lambda x: data.augment(x, pixels=-1), ValueError, "augment expects 0 <= pixels"),
    (lambda x: data.augment(x, degrees=-1), ValueError, "augment expects 0 <= degrees"),
    (lambda x: data.augment(x, std=-1), ValueError, "augment expects 0 <= std"),
    (lambda x: data.augment(x, zoom=1.0), ValueError, "augment expects 0 <= zoom < 1"),
    (lambda x: data.augment(x, rng=3), TypeError, "augment expects rng")])
def test_augmentation_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call(np.ones((3, 4, 4)))


def test_definitions_are_one_text_in_small_letters():
    text = data.definitions()
    assert text == text.lower() and "\n" not in text and "  " not in text
    assert text.count(". ") > 100 and set(text) <= set("abcdefghijklmnopqrstuvwxyz '-,.")
