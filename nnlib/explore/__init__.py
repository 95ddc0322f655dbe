"""``explore``: one plain matplotlib drawing function becomes a figure with sliders, with a kernel and without one.

::

    def draw(ax, w=1.0, b=0.0):
        ax.plot(x, np.tanh(w * x + b))

    explore(draw, w=(-3.0, 3.0, 0.5), b=(-3.0, 3.0, 0.5), describe=lambda w, b: f"tanh of {w} x + {b}")

Where a kernel runs, the controls are ipywidgets. With the environment variable ``EXPLORE_STATIC=1`` every state is
drawn at once, and the cell's output is HTML that needs neither kernel nor network.

``text/plain`` of a static figure ends with a fingerprint of what is drawn. It does not depend on how zlib compresses,
which the payload and the images do: a tool that compares outputs between machines replaces every match of
``[A-Za-z0-9+/]{100,}={0,2}`` (base64) and compares the rest.

A URL fragment presets controls: ``#explore=name&w=2&b=-1`` those of the figure whose drawing function is ``name``,
``#w=2`` those of every figure with a control ``w``.
"""

from .engine import Explorer, explore
from .typeset import typeset

__all__ = ["Explorer", "explore", "typeset"]
