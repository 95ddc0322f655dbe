"""Data for the chapters: shipped, generated, and augmented. Needs NumPy alone, and no network."""

from nnlib.data.augment import augment, noise, rotate, shift, zoom
from nnlib.data.datasets import WINE_FEATURES, definitions, digits, karate_club, photograph, split, sunspots, wine
from nnlib.data.generate import adding, blobs, communities, molecules, moons, recall, shapes, spirals, xor

__all__ = ["WINE_FEATURES", "adding", "augment", "blobs", "communities", "definitions", "digits", "karate_club",
           "molecules", "moons", "noise", "photograph", "recall", "rotate", "shapes", "shift", "spirals", "split",
           "sunspots", "wine", "xor", "zoom"]
