"""The colours of the book's figures.

One pair runs through the book: blue for class 0 and for negative numbers, vermillion for class 1 and for
positive ones (Okabe and Ito, *Color Universal Design*, 2008). It stays apart under every common
colour blindness.
"""

from matplotlib.colors import LinearSegmentedColormap

COLORS = ["#0072B2", "#D55E00", "#009E73", "#AA4A8A", "#B98200", "#4C4C4C"]  # the cycle of book.mplstyle
MARKERS = "os^Dv*"
NEGATIVE, POSITIVE, GRADIENT, INK = COLORS[0], COLORS[1], "#00704F", "#222222"
DIVERGING = LinearSegmentedColormap.from_list("diverging", [NEGATIVE, "#ffffff", POSITIVE])
