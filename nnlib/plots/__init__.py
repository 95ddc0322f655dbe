"""Pictures of networks and of their training, in matplotlib's own conventions.

Every function takes ``ax=None`` (the current axes, or new ones) and returns the axes it drew on. Nothing here
is needed to compute: ``import nnlib`` does not import this package.
"""

from nnlib.plots.boundary import decision_boundary
from nnlib.plots.colors import COLORS, DIVERGING, GRADIENT, INK, MARKERS, NEGATIVE, POSITIVE
from nnlib.plots.curves import loss_curves
from nnlib.plots.graph import computational_graph
from nnlib.plots.images import image_grid
from nnlib.plots.network import network_diagram

__all__ = ["COLORS", "DIVERGING", "GRADIENT", "INK", "MARKERS", "NEGATIVE", "POSITIVE", "computational_graph",
           "decision_boundary", "image_grid", "loss_curves", "network_diagram"]
