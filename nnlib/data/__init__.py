"""Data for the chapters: shipped, generated, and augmented. Needs NumPy alone, and no network."""

from .augment import augment, noise, rotate, shift, zoom
from .datasets import WINE_FEATURES, digits, karate_club, photograph, split, sunspots, wine
from .generate import adding, blobs, moons, recall, shapes, spirals, xor
