"""matplotlib's backend inside the small Python: a figure that is shown, or open when a cell ends, is an image of the cell."""

import base64
import io

import guest
import matplotlib.pyplot as plt
from matplotlib.backends.backend_agg import FigureCanvasAgg as FigureCanvas  # noqa: F401 (by this name pyplot finds it)


def show(*args, **kwargs):
    """``plt.show()``."""
    for number in plt.get_fignums():
        out = io.BytesIO()
        plt.figure(number).savefig(out, format="png", bbox_inches="tight", dpi=144)
        guest.shown.append(("image", "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()))
    plt.close("all")
