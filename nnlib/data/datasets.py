"""Real data, shipped with the package. Sources and licences: ``nnlib/data/README.md``."""

from importlib.resources import files

import numpy as np

from nnlib import checks


def _open(name):
    return (files(__package__) / name).open("rb")


def _csv(name):
    with _open(name) as file:
        return np.loadtxt(file, delimiter=",", skiprows=1)


def digits():
    """Handwritten digits.

    Returns
    -------
    X : (1797, 1, 8, 8) float64 in 0..1
        The images, one channel. 1 is ink.
    y : (1797,) int64 in 0..9

    References
    ----------
    Alpaydin and Kaynak (1998), UCI Machine Learning Repository, doi:10.24432/C50P49, CC BY 4.0.
    """
    with _open("digits.npz") as file, np.load(file) as data:
        return data["images"][:, None] / 16, data["labels"].astype(np.int64)


def wine():
    """Chemical measurements of wines from three cultivars, in the units of their source (not standardised).

    Returns
    -------
    X : (178, 13) float64
        Columns in the order of ``nnlib.data.WINE_FEATURES``.
    y : (178,) int64 in 0..2

    References
    ----------
    Aeberhard and Forina (1992), UCI Machine Learning Repository, doi:10.24432/C5PC7J, CC BY 4.0.
    """
    table = _csv("wine.csv")
    return np.ascontiguousarray(table[:, :-1]), table[:, -1].astype(np.int64)


WINE_FEATURES = ("alcohol", "malic acid", "ash", "alcalinity of ash", "magnesium", "total phenols",
                 "flavanoids", "nonflavanoid phenols", "proanthocyanins", "color intensity", "hue",
                 "OD280/OD315", "proline")


def sunspots():
    """Mean number of sunspots in each year, 1700 to 2008.

    Returns
    -------
    years : (309,) int64
    numbers : (309,) float64

    References
    ----------
    National Geophysical Data Center (NOAA), public domain.
    """
    table = _csv("sunspots.csv")
    return table[:, 0].astype(np.int64), np.ascontiguousarray(table[:, 1])


def karate_club():
    """Friendships in a karate club that split in two.

    Returns
    -------
    A : (34, 34) float64
        Adjacency matrix: symmetric, 1 between friends, 0 on the diagonal. Member 0 is the instructor and
        member 33 the club's president.
    y : (34,) int64
        The side that each member joined: 0 the instructor's, 1 the president's.

    References
    ----------
    W. W. Zachary (1977), Journal of Anthropological Research 33 (4), 452-473.
    """
    with _open("karate_club.npz") as file, np.load(file) as data:
        edges, labels = data["edges"], data["labels"].astype(np.int64)
    A = np.zeros((len(labels), len(labels)))
    A[edges[:, 0], edges[:, 1]] = A[edges[:, 1], edges[:, 0]] = 1
    return A, labels


def photograph():
    """A grey photograph of a coffee cup, (128, 128) float64 in 0..1. Photograph by Rachel Michetti, CC0."""
    with _open("photograph.npz") as file, np.load(file) as data:
        return data["image"] / 255


def definitions():
    """The definitions of this book's glossary in random order, one text in small letters, for models of letters."""
    with _open("definitions.txt") as file:
        return " ".join(file.read().decode().lower().split())


def split(X, y, parts=(3, 1, 1), *, rng=None):
    """Share samples out to training, validation and test, keeping the mix of the classes.

    Of each class, in the order given, the first three of every five samples go to the first part, the fourth
    to the second, the fifth to the third; so the parts are the same everywhere, without any random number.
    Labels are whole numbers or words, (N,) or (N, 1), or one-hot (N, classes); all others (a regression) count
    as one class.

    Parameters
    ----------
    X, y : arrays (N, ...) and (N,) or (N, ...)
    parts : sequence of int
        Shares of the parts, two or more: ``(3, 1, 1)`` is 60, 20 and 20 percent, ``(4, 1)`` is 80 and 20.
    rng : numpy.random.Generator, optional
        Shuffles the samples first, for another split each time.

    Returns
    -------
    list of (X_part, y_part)
        One pair for each part. The samples keep their order within a part (their shuffled order with
        ``rng``).
    """
    for given in X, y:
        checks.unmasked("split", "X and y", given)
    X, y = np.asarray(X), np.asarray(y)
    if X.ndim == 0 or y.ndim == 0 or len(X) != len(y):
        raise ValueError(f"split expects one label for each sample, got X {X.shape} and y {y.shape}")
    parts = list(parts)
    if len(parts) < 2:
        raise ValueError(f"split expects at least two parts, got {parts}")
    for part in parts:
        checks.count("split", parts=part)
    order = np.arange(len(y)) if rng is None else checks.generator("split", rng).permutation(len(y))
    X, y = X[order], y[order]
    labels = y[:, 0] if y.shape[1:] == (1,) else y
    if y.ndim == 2 and y.dtype.kind in "fiub" and np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all():
        labels = np.nonzero(y)[1]       # one-hot
    if labels.ndim != 1 or labels.dtype.kind not in "iubU":
        labels = np.zeros(len(y), dtype=int)
    turn = np.empty(len(y), dtype=int)  # place of each sample within its class
    for label in np.unique(labels):
        turn[labels == label] = np.arange(np.sum(labels == label))
    part_of = np.repeat(np.arange(len(parts)), parts)[turn % sum(parts)]
    return [(X[part_of == k], y[part_of == k]) for k in range(len(parts))]
