"""``explore``: one plain matplotlib drawing function becomes a figure with sliders, with a kernel and without one.

::

    def draw(ax, w=1.0, b=0.0):
        ax.plot(x, np.tanh(w * x + b))

    explore(draw, w=(-3.0, 3.0, 0.5), b=(-3.0, 3.0, 0.5), describe=lambda w, b: f"tanh of {w} x + {b}")

Where a kernel runs, the controls are ipywidgets. With the environment variable ``EXPLORE_STATIC=1`` every state is
drawn at once, and the cell's output is HTML that needs neither kernel nor network.
"""

from .engine import Explorer, explore

__all__ = ["Explorer", "explore"]
