"""Data made on the spot, as many samples as you like. Classes take turns, so they are balanced."""

import numpy as np

from nnlib import checks


def xor(n=4, *, noise=0.0, rng=None):
    """The corners of the unit square, class 1 where exactly one coordinate is 1.

    Parameters
    ----------
    n : int
        Samples; they visit the corners (0, 0), (0, 1), (1, 0), (1, 1) in turn.
    noise : float
        Standard deviation of the normal noise added to both coordinates.
    rng : numpy.random.Generator

    Returns
    -------
    X : (n, 2) float64
    y : (n,) int64 in 0..1
    """
    checks.count("xor", n=n)
    checks.number("xor", 0, noise=noise)
    rng = checks.generator("xor", rng)
    corner = np.arange(n) % 4
    X = np.column_stack([corner // 2, corner % 2]).astype(float)
    y = (corner // 2) ^ (corner % 2)
    return X + noise * rng.standard_normal(X.shape), y


def moons(n=200, *, noise=0.1, rng=None):
    """Two half circles of radius 1, hooked into each other.

    Class 0 lies on (cos t, sin t), class 1 on (1 − cos t, 1/2 − sin t), with t uniform in 0..pi.

    Parameters
    ----------
    n : int
        Samples.
    noise : float
        Standard deviation of the normal noise added to both coordinates.
    rng : numpy.random.Generator

    Returns
    -------
    X : (n, 2) float64
    y : (n,) int64 in 0..1
    """
    checks.count("moons", n=n)
    checks.number("moons", 0, noise=noise)
    rng = checks.generator("moons", rng)
    y = np.arange(n) % 2
    t = rng.uniform(0, np.pi, n)
    X = np.column_stack([np.where(y, 1 - np.cos(t), np.cos(t)), np.where(y, 0.5 - np.sin(t), np.sin(t))])
    return X + noise * rng.standard_normal(X.shape), y


def spirals(n=300, *, classes=2, turns=1.0, noise=0.03, rng=None):
    """Interleaved spiral arms, one for each class, from radius 0.1 to 1.

    At radius r, uniform in 0.1..1, arm k stands at the angle 2 pi (turns r + k / classes).

    Parameters
    ----------
    n : int
        Samples.
    classes : int
        Arms.
    turns : float
        Turns of an arm over a radius of 1.
    noise : float
        Standard deviation of the normal noise added to both coordinates.
    rng : numpy.random.Generator

    Returns
    -------
    X : (n, 2) float64
    y : (n,) int64 in 0..classes-1
    """
    checks.count("spirals", n=n, classes=classes)
    checks.number("spirals", 0, turns=turns, noise=noise)
    rng = checks.generator("spirals", rng)
    y = np.arange(n) % classes
    r = rng.uniform(0.1, 1, n)
    angle = 2 * np.pi * (turns * r + y / classes)
    X = np.column_stack([r * np.cos(angle), r * np.sin(angle)])
    return X + noise * rng.standard_normal(X.shape), y


def blobs(n=300, *, classes=3, spread=0.5, rng=None):
    """Round normal clouds, one for each class, their centres evenly on a circle of radius 2.

    Parameters
    ----------
    n : int
        Samples.
    classes : int
        Clouds.
    spread : float
        Standard deviation of a cloud along each axis.
    rng : numpy.random.Generator

    Returns
    -------
    X : (n, 2) float64
    y : (n,) int64 in 0..classes-1
    """
    checks.count("blobs", n=n, classes=classes)
    checks.number("blobs", 0, spread=spread)
    rng = checks.generator("blobs", rng)
    y = np.arange(n) % classes
    angle = 2 * np.pi * y / classes
    return 2 * np.column_stack([np.cos(angle), np.sin(angle)]) + spread * rng.standard_normal((n, 2)), y


def recall(n, length, *, symbols=4, rng=None):
    """Sequences whose first step must be remembered to the end, past steps that say nothing.

    Step 0 shows the symbol to keep, one-hot in the first ``symbols`` features. Each later step shows a random
    distractor, one-hot in the last ``symbols`` features. The label is the symbol of step 0.

    Parameters
    ----------
    n, length : int
        Sequences, and steps of each.
    symbols : int
        Symbols to keep; as many distractors.
    rng : numpy.random.Generator

    Returns
    -------
    X : (n, length, 2 * symbols) float64
    y : (n,) int64 in 0..symbols-1

    After the long time lag tasks of Hochreiter and Schmidhuber, *Long Short-Term Memory*, Neural Computation
    9 (8), 1997, section 5.2.
    """
    checks.count("recall", n=n, length=length)
    checks.count("recall", least=2, symbols=symbols)
    rng = checks.generator("recall", rng)
    shown = rng.integers(symbols, size=(n, length))
    feature = shown.copy()
    feature[:, 1:] += symbols
    return np.eye(2 * symbols)[feature], shown[:, 0].copy()


def adding(n, length, *, rng=None):
    """Sequences of numbers, two of them marked; the answer is the sum of the two.

    Feature 0 is uniform in 0..1, feature 1 marks one step of the first half and one of the second with 1.
    Answering 1 always has a mean squared error of 1/6.

    Parameters
    ----------
    n, length : int
        Sequences, and steps of each, at least 2.
    rng : numpy.random.Generator

    Returns
    -------
    X : (n, length, 2) float64
    y : (n, 1) float64

    After Hochreiter and Schmidhuber, *Long Short-Term Memory*, Neural Computation 9 (8), 1997, section 5.4.
    """
    checks.count("adding", n=n)
    checks.count("adding", least=2, length=length)
    rng = checks.generator("adding", rng)
    X = np.zeros((n, length, 2))
    X[:, :, 0] = rng.random((n, length))
    rows = np.arange(n)
    first, second = rng.integers(length // 2, size=n), rng.integers(length // 2, length, size=n)
    X[rows, first, 1] = X[rows, second, 1] = 1
    return X, (X[rows, first, 0] + X[rows, second, 0])[:, None]


def shapes(n, size=32, *, noise=0.08, rng=None):
    """Images of one to three discs, squares and triangles, and the class of every pixel.

    Each shape has its own place, size and brightness (0.5 to 1) on a darker, sloping background. Later shapes
    cover earlier ones.

    Parameters
    ----------
    n : int
        Images.
    size : int
        Height and width in pixels, at least 12.
    noise : float
        Standard deviation of the normal noise added to every pixel; the sum is clipped to 0..1.
    rng : numpy.random.Generator

    Returns
    -------
    images : (n, 1, size, size) float64 in 0..1
    masks : (n, size, size) int64
        0 background, 1 disc, 2 square, 3 triangle.
    """
    checks.count("shapes", n=n)
    checks.count("shapes", least=12, size=size)
    checks.number("shapes", 0, noise=noise)
    rng = checks.generator("shapes", rng)
    row, column = np.mgrid[:size, :size] + 0.5
    images, masks = np.empty((n, 1, size, size)), np.zeros((n, size, size), dtype=np.int64)
    for image, mask in zip(images[:, 0], masks):
        slope = rng.uniform(-0.1, 0.1, 2)
        image[:] = rng.uniform(0.15, 0.3) + slope[0] * (row / size - 0.5) + slope[1] * (column / size - 0.5)
        for kind in rng.integers(1, 4, size=rng.integers(1, 4)):
            radius = rng.uniform(0.12, 0.22) * size
            down, right = (row, column) - rng.uniform(radius, size - radius, 2)[:, None, None]
            inside = (down**2 + right**2 <= radius**2,
                      np.maximum(abs(down), abs(right)) <= 0.85 * radius,
                      # an equilateral triangle, point up: its base, and its two sides at 60 degrees
                      (down <= radius / 2) & (np.sqrt(3) * abs(right) <= radius + down))[kind - 1]
            image[inside], mask[inside] = rng.uniform(0.5, 1.0), kind
    return np.clip(images + noise * rng.standard_normal(images.shape), 0, 1), masks


def communities(n=60, *, classes=2, inside=0.2, across=0.02, signal=1.0, rng=None):
    """A graph in which friends are mostly of one's own group, and what each member says of itself, with noise.

    Two nodes of one group are joined with probability ``inside``, two of different groups with ``across``, each pair by
    itself (a stochastic block model). The features of a node are ``signal`` at its group, 0 elsewhere, plus standard
    normal noise.

    Parameters
    ----------
    n : int
        Nodes; the groups take turns.
    classes : int
        Groups, and features.
    inside, across : float in 0..1
    signal : float
    rng : numpy.random.Generator

    Returns
    -------
    A : (n, n) float64
        Symmetric, 0 on the diagonal.
    X : (n, classes) float64
    y : (n,) int64 in 0..classes-1

    After Holland, Laskey and Leinhardt, *Stochastic blockmodels*, Social Networks 5 (2), 1983.
    """
    checks.count("communities", n=n, classes=classes)
    checks.number("communities", 0, 1, inside=inside, across=across)
    checks.number("communities", signal=signal)
    rng = checks.generator("communities", rng)
    y = np.arange(n) % classes
    joined = rng.random((n, n)) < np.where(y[:, None] == y, inside, across)
    upper = np.triu(joined, 1).astype(float)
    return upper + upper.T, signal * np.eye(classes)[y] + rng.standard_normal((n, classes)), y


def molecules(n, atoms=10, *, rng=None):
    """Graphs that look like molecules. Class 1: some carbon is bonded both to an oxygen and to a nitrogen.

    One atom in five is nitrogen (up to three bonds), one in five oxygen (two), the others carbon (four); so the kinds alone
    say nothing about the class. Each atom is bonded to an earlier one that has a bond free; then up to two pairs with
    bonds free are bonded too, which makes rings. Molecules are drawn until one has the class whose turn it is. Chemistry
    asks for more: these are graphs with kinds.

    Parameters
    ----------
    n : int
        Molecules.
    atoms : int
        Atoms of each, at least 5.
    rng : numpy.random.Generator

    Returns
    -------
    X : (n, atoms, 3) float64
        The kind of each atom, one-hot: carbon, nitrogen, oxygen. Atom 0 is carbon.
    A : (n, atoms, atoms) float64
        Bonds: symmetric, 0 on the diagonal, connected.
    y : (n,) int64 in 0..1
    """
    checks.count("molecules", n=n)
    checks.count("molecules", least=5, atoms=atoms)
    rng = checks.generator("molecules", rng)
    X, A, y = np.empty((n, atoms, 3)), np.empty((n, atoms, atoms)), np.arange(n) % 2
    for i in range(n):
        while True:
            X[i], A[i] = _molecule(atoms, rng)
            carbon, nitrogen, oxygen = X[i].T
            if np.any(carbon * (A[i] @ nitrogen) * (A[i] @ oxygen)) == y[i]:
                break
    return X, A, y


def _molecule(atoms, rng):
    """Kinds (atoms, 3) and bonds (atoms, atoms) of one molecule."""
    while True:
        few = atoms // 5
        kind = np.concatenate([[0], rng.permutation(np.repeat((0, 1, 2), (atoms - 1 - 2 * few, few, few)))])
        A, free = np.zeros((atoms, atoms)), np.array([4, 3, 2])[kind]
        for atom in range(1, atoms):
            open_before = np.flatnonzero(free[:atom])
            if len(open_before) == 0:           # all bonds are taken: begin again
                break
            _bond(A, free, atom, rng.choice(open_before))
        else:
            break
    for _ in range(2):
        pairs = np.argwhere(np.triu((A == 0) & (free[:, None] > 0) & (free > 0), 1))
        if len(pairs):
            _bond(A, free, *rng.choice(pairs))
    return np.eye(3)[kind], A


def _bond(A, free, i, j):
    A[i, j] = A[j, i] = 1
    free[[i, j]] -= 1
