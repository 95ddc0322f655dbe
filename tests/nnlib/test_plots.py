import itertools
import subprocess
import sys
import warnings

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

matplotlib.use("agg")
import matplotlib.pyplot as plt  # noqa: E402

from nnlib import (  # noqa: E402
    LSTM, Activation, BatchNorm, Concatenate, Dense, Dropout, Embedding, Flatten, GCNConv, MultiHeadAttention, Residual,
    Sequential, Stacked, plots, relu,
)
from nnlib.autodiff import Tensor, Value  # noqa: E402

X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
XOR = np.array([0, 1, 1, 0])
W1, W2 = np.array([[0.1, -0.2], [0.3, 0.4]]), np.array([[0.5], [-0.6]])


@pytest.fixture(autouse=True)
def style():
    with plt.style.context("nnlib.book"), warnings.catch_warnings():
        for kind in UserWarning, RuntimeWarning, DeprecationWarning:
            warnings.simplefilter("error", kind)
        yield
    plt.close("all")


@pytest.fixture
def ax():
    return plt.subplots()[1]


def texts(ax):
    return [text.get_text() for text in ax.texts]


def overlaps(ax, artists):
    """Pairs of artists whose boxes on the page have more than a pixel in common."""
    renderer = ax.figure.canvas.get_renderer()
    boxes = [(str(artist), artist.get_window_extent(renderer)) for artist in artists]
    return [(a, b) for (a, A), (b, B) in itertools.combinations(boxes, 2)
            if min(A.x1, B.x1) - max(A.x0, B.x0) > 1 and min(A.y1, B.y1) - max(A.y0, B.y0) > 1]


def bare(text):
    """The box of the letters alone, without its background."""
    text.set_bbox(None)
    return text


# Style

def test_style_is_readable_and_blind_safe():
    settings = matplotlib.style.library.get("nnlib.book") or plt.rcParams
    assert settings["font.size"] >= 12 and settings["xtick.labelsize"] >= 11
    assert not settings["axes.spines.top"] and not settings["axes.spines.right"]
    assert list(settings["figure.figsize"]) == [6.4, 3.6]
    cycle = [to_hex(color).upper() for color in plt.rcParams["axes.prop_cycle"].by_key()["color"]]
    assert cycle == plots.COLORS == list(dict.fromkeys(plots.COLORS))

    def luminance(color):
        channels = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]
        return np.dot([0.2126, 0.7152, 0.0722], channels)
    for color in plots.COLORS:
        assert 1.05 / (luminance(color) + 0.05) >= 3  # WCAG's contrast of graphics with a white page
    for color in (plots.GRADIENT, plots.INK):
        assert 1.05 / (luminance(color) + 0.05) >= 4.5  # and of letters
    assert [to_hex(plots.DIVERGING(x)).upper() for x in (0.0, 1.0)] == [plots.NEGATIVE, plots.POSITIVE]
    assert min(plots.DIVERGING(0.5)[:3]) > 0.98


def test_style_is_found_by_name_in_a_fresh_process():
    program = "import matplotlib.pyplot as plt; plt.style.use('nnlib.book'); print(plt.rcParams['font.size'])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "13.0\n"


def test_nnlib_does_not_import_matplotlib():
    program = "import sys, nnlib; print('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "False\n"


@pytest.mark.parametrize("draw", [
    lambda **k: plots.decision_boundary(lambda P: P[:, 0], X, XOR, **k),
    lambda **k: plots.network_diagram([2, 1], **k),
    lambda **k: plots.loss_curves({"loss": [1, 2]}, **k),
    lambda **k: plots.image_grid(np.ones((2, 3, 3)), **k)])
def test_axes_given_or_current(draw):
    _, (first, second) = plt.subplots(ncols=2)
    assert draw(ax=first) is first
    plt.sca(second)
    assert draw() is second
    plt.close("all")
    assert draw() is plt.gca()


# Decision boundary

@pytest.mark.parametrize("level", [0.0, 0.5])
@pytest.mark.parametrize("column", [True, False])
def test_field_and_line(ax, level, column):
    def predict(P):
        score = P[:, 0] + 2 * P[:, 1] + level - 1
        return score[:, None] if column else score
    plots.decision_boundary(predict, X, XOR, ax, level=level, resolution=50)
    (image,) = ax.images
    x0, x1, y0, y1 = image.get_extent()
    np.testing.assert_allclose([x0, x1, y0, y1], [-0.15, 1.15, -0.15, 1.15])
    assert image.origin == "lower" and image.get_interpolation() == "none"
    field = image.get_array()
    centres = np.linspace(-0.15, 1.15, 101)[1::2]
    np.testing.assert_allclose(field, centres[None, :] + 2 * centres[:, None] - 1, atol=1e-12)
    low, high = image.get_clim()
    assert low == -high and high > np.abs(field).max()
    (line,) = [c for c in ax.collections if isinstance(c, matplotlib.contour.ContourSet)]
    points = np.concatenate([path.vertices for path in line.get_paths()])
    np.testing.assert_allclose(points @ [1, 2], 1, atol=1e-9)
    assert len(points) > 20
    np.testing.assert_allclose([*ax.get_xlim(), *ax.get_ylim()], [x0, x1, y0, y1])


def test_samples_have_colour_and_marker_of_their_class(ax):
    plots.decision_boundary(lambda P: P[:, 0] - 0.5, X, np.array([3, 7, 7, 3]), ax)
    zeros, ones = [c for c in ax.collections if not isinstance(c, matplotlib.contour.ContourSet)]
    np.testing.assert_array_equal(zeros.get_offsets(), X[[0, 3]])
    np.testing.assert_array_equal(ones.get_offsets(), X[[1, 2]])
    assert [to_hex(c.get_facecolor()[0]).upper() for c in (zeros, ones)] == plots.COLORS[:2]
    assert len(zeros.get_paths()[0].vertices) != len(ones.get_paths()[0].vertices)
    assert ones.get_zorder() > ax.images[0].get_zorder()


@pytest.mark.parametrize("y, classes", [([1, 2, 2, 1], [1, 2]), ([2, 2, 2, 2], [2]), ([0.0, 2.0, 2.0, 0.0], [0, 2])])
def test_samples_have_the_colour_of_their_region(ax, y, classes):
    plots.decision_boundary(lambda P: P @ [[1, 2, 3], [3, 2, 1]], X, y, ax)
    drawn = [c for c in ax.collections if not isinstance(c, matplotlib.contour.ContourSet)]
    assert [to_hex(c.get_facecolor()[0]).upper() for c in drawn] == [plots.COLORS[k] for k in classes]
    for c, k in zip(drawn, classes):
        np.testing.assert_array_equal(c.get_offsets(), X[np.array(y) == k])


@pytest.mark.parametrize("y, classes", [([1, 1, 1, 1], [1]), ([-1, 1, 1, -1], [0, 1]), ([1.0, 0.0, 1.0, 1.0], [0, 1]),
                                        ([True] * 4, [1]), (["b", "a", "a", "a"], [0, 1]), ([-1] * 4, [0])])
def test_classes_of_one_score(ax, y, classes):
    plots.decision_boundary(lambda P: P[:, 0] - 0.5, X, y, ax)
    drawn = [c for c in ax.collections if not isinstance(c, matplotlib.contour.ContourSet)]
    assert [to_hex(c.get_facecolor()[0]).upper() for c in drawn] == [plots.COLORS[k] for k in classes]


def test_each_of_many_classes_has_a_look_of_its_own(ax):
    points = np.random.default_rng(0).normal(size=(36, 2))
    plots.decision_boundary(lambda P: np.cos(P[:, :1] + np.arange(36)), points, np.arange(36), ax, resolution=10)
    drawn = [c for c in ax.collections if not isinstance(c, matplotlib.contour.ContourSet)]
    looks = [(to_hex(c.get_facecolor()[0]).upper(), c.get_paths()[0].vertices.tobytes()) for c in drawn]
    assert len(set(looks)) == 36 and [color for color, _ in looks] == 6 * plots.COLORS
    assert len({marker for _, marker in looks[:6]}) == 6


@pytest.mark.parametrize("y", [[0, 1, 2, 3], [-1, 0, 1, 2], [0.5, 0, 1, 2]])
def test_classes_without_a_score_are_refused(ax, y):
    with pytest.raises(ValueError, match="decision_boundary expects y in 0 to 2, as there are 3 scores, got"):
        plots.decision_boundary(lambda P: P @ [[1, 2, 3], [3, 2, 1]], X, y, ax)


def test_limit_makes_fields_comparable(ax):
    clims = []
    for steepness in (1.0, 5.0):
        plots.decision_boundary(lambda P: steepness * P[:, 0], X, XOR, ax, limit=2.0)
        clims.append(ax.images[-1].get_clim())
    assert clims[0] == clims[1] == (-3.2, 3.2)
    plots.decision_boundary(lambda P: 5 * P[:, 0], X, XOR, ax)
    assert ax.images[-1].get_clim()[1] == pytest.approx(1.6 * 5 * (1.15 - 1.3 / 160))


def test_many_classes_have_regions(ax):
    centres = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    plots.decision_boundary(lambda P: -((P[:, None] - centres) ** 2).sum(-1), centres, np.arange(3), ax,
                            resolution=40)
    (image,) = ax.images
    assert set(np.unique(image.get_array())) == {0, 1, 2}
    assert image.get_array()[2, 2] == 0 and image.get_array()[2, -3] == 1 and image.get_array()[-3, 2] == 2
    shades = [image.cmap(image.norm(k))[:3] for k in range(3)]
    for shade, color in zip(shades, plots.COLORS):  # pale, of the class's colour
        np.testing.assert_allclose(shade, 0.35 * np.array(to_rgb(color)) + 0.65, atol=0.01)
    lines = [c for c in ax.collections if isinstance(c, matplotlib.contour.ContourSet)]
    for k, line in enumerate(lines):
        points = np.concatenate([path.vertices for path in line.get_paths()])
        distance = np.sort(((points[:, None] - centres) ** 2).sum(-1), axis=1)
        assert np.median(distance[:, 1] - distance[:, 0]) < 0.02
    assert len(lines) == 3


def test_a_model_is_asked_in_evaluation_mode(ax):
    model = Sequential(Dense(2, 8, rng=np.random.default_rng(0)), BatchNorm(8), Dropout(0.9), Dense(8, 1))
    model(np.random.default_rng(0).normal(size=(9, 2)))
    plots.decision_boundary(model, X, XOR, ax, resolution=10)
    assert all(layer.training for layer in model.layers_inside())
    model.eval()
    cells = np.linspace(-0.15, 1.15, 21)[1::2]
    points = np.array([[x, y] for y in cells for x in cells])
    np.testing.assert_allclose(ax.images[0].get_array().ravel(), model(points)[:, 0], rtol=1e-10)


def test_field_without_samples_and_degenerate_cases(ax):
    plots.decision_boundary(lambda P: P[:, 1], extent=(-1, 2, -3, 4), ax=ax)
    assert ax.images[0].get_extent() == [-1, 2, -3, 4]
    fewer = len(ax.collections)
    plots.decision_boundary(lambda P: np.zeros(len(P)), X, ax=ax)  # no line, samples without class
    assert len(ax.collections) == fewer + 1
    assert to_hex(ax.collections[-1].get_facecolor()[0]) == plots.INK
    plots.decision_boundary(lambda P: P[:, 0], X[:1], XOR[:1], ax)  # one sample has no width
    assert ax.get_xlim() == (-0.15, 0.15)
    plots.decision_boundary(lambda P: np.full(len(P), np.nan), X, XOR, ax)


@pytest.mark.parametrize("arguments, message", [
    ((lambda P: P[:, 0], X.T), r"decision_boundary expects X of shape \(N, 2\), got \(2, 4\)"),
    ((lambda P: P[:, 0], X[0]), r"expects X of shape \(N, 2\), got \(2,\)"),
    ((lambda P: P[:, 0], X, XOR[:3]), r"decision_boundary expects y \(N,\) with N = 4, got \(3,\)"),
    ((lambda P: P[:, 0],), "decision_boundary expects samples X or an extent"),
    ((lambda P: P[:, 0], np.zeros((0, 2)), []), "decision_boundary expects samples X or an extent"),
    ((lambda P: P[:, 0], [[0, 1], [np.nan, 2]]), r"decision_boundary expects X without NaN, got 1 NaN of 4, first at \(1, 0\)"),
    ((lambda P: P[:, 0], [[0, 1], [np.inf, 2]]), "decision_boundary expects finite X, got infinite values"),
    ((lambda P: P[:, 0], X, [0, 1, np.nan, 1]), "decision_boundary expects y without NaN, got 1 NaN of 4"),
    ((lambda P: 1.0, X, XOR), r"expects predict to return \(N,\) or \(N, K\) for N = 6400 points, got \(\)"),
    ((lambda P: P[:3, 0], X, XOR), r"got \(3,\)"), ((lambda P: P[None], X, XOR), r"got \(1, 6400, 2\)"),
    ((lambda P: P[:, :0], X, XOR), r"expects predict to return .*, got \(6400, 0\)"),
    ((lambda P: P[:, 0], X, [0.1, 0.2, 0.3, 0.4]), "expects y of at most two classes, as there is one score, got 4")])
def test_decision_boundary_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        plots.decision_boundary(*arguments)


@pytest.mark.parametrize("predict, y, message", [
    (None, XOR, "predict as a layer or a function, got None"), (Sequential, XOR, "predict as a layer or a function, got <class"),
    (lambda P: P[:, 0] * 1j, XOR, "scores as an array of real numbers, got complex128"),
    (lambda P: np.ma.masked_less(P[:, 0], 0), XOR, "scores without a mask"),
    (lambda P: P[:, 0], np.ma.masked_equal(XOR, 1), "y without a mask"),
    (lambda P: P[:, 0], [None, 1, None, 1], "y as numbers or words, got object"),
    (lambda P: P, XOR * 1j, "y as numbers or words")])
def test_decision_boundary_refuses_what_is_no_answer(predict, y, message):
    with pytest.raises(TypeError, match="decision_boundary expects " + message):
        plots.decision_boundary(predict, X, y)


@pytest.mark.parametrize("options, error, message", [
    (dict(resolution=0), ValueError, "resolution >= 1, got 0"), (dict(resolution=-3), ValueError, "resolution >= 1, got -3"),
    (dict(resolution=2.5), TypeError, "resolution as an integer, got 2.5"),
    (dict(level=np.nan), ValueError, "-inf <= level <= inf, got nan"), (dict(level="a"), TypeError, "level as a number, got 'a'"),
    (dict(limit=np.nan), ValueError, "0 < limit <= inf, got nan"), (dict(limit=-1), ValueError, "0 < limit <= inf, got -1"),
    (dict(extent=(0, 1, 2)), ValueError, r"extent \(4,\), got \(3,\)")])
def test_decision_boundary_refuses_options(options, error, message):
    with pytest.raises(error, match="decision_boundary expects " + message):
        plots.decision_boundary(lambda P: P[:, 0], X, XOR, **options)


def test_no_class_wins_where_a_score_is_nan(ax):
    plots.decision_boundary(lambda P: np.where(P[:, :1] > 0.5, np.nan, P @ [[0.0, 1.0], [0.0, -1.0]]), X, XOR, ax, resolution=10)
    field = ax.images[0].get_array()
    np.testing.assert_array_equal(field.mask, [5 * [False] + 5 * [True]] * 10)


# Network diagram

def network(ax, **options):
    return plots.network_diagram([2, 2, 1], ax, weights=[W1, W2], biases=[[0.1, 0.2], [0.3]],
                                 values=[[0.5, 0.6], [0.27, 0.59], [0.789]],
                                 labels=[["$x_1$", "$x_2$"], ["a", "b"], ["y"]],
                                 **options)


@pytest.mark.parametrize("size", [(6.4, 3.6), (5.5, 3.2), (8, 4)])
@pytest.mark.parametrize("fmt", ["{:.2f}", "{:.3f}"])
@pytest.mark.parametrize("gradients", [True, False])
def test_numbers_of_the_two_two_one_network_do_not_overlap(size, fmt, gradients):
    ax = plt.subplots(figsize=size)[1]
    extra = dict(gradients=[[-0.04, -0.05], [-0.1, -0.13], [-0.211]],
                 weight_gradients=[W1 / 3, W2 / 7]) if gradients else {}
    network(ax, fmt=fmt, **extra)
    assert overlaps(ax, [bare(text) for text in ax.texts]) == []
    box = ax.figure.bbox
    renderer = ax.figure.canvas.get_renderer()
    for text in ax.texts:  # and nothing is cut off
        extent = text.get_window_extent(renderer)
        assert box.x0 <= extent.x0 and extent.x1 <= box.x1 and box.y0 <= extent.y0 and extent.y1 <= box.y1
    circles = ax.collections[0].get_sizes()[0] ** 0.5 * ax.figure.dpi / 72
    for text in ax.texts:  # values fit into their circles
        if text.get_position() == (0, 0) and text.get_text() in (fmt.format(0.5), fmt.format(0.789)):
            assert text.get_window_extent(renderer).width < circles


def test_what_is_written(ax):
    network(ax, gradients=[[-0.04, -0.05], [-0.1, -0.13], [-0.211]], weight_gradients=[W1 / 10, W2 / 10])
    assert sorted(texts(ax)) == sorted(
        ["0.10", "−0.20", "0.30", "0.40", "0.50", "−0.60"]
        + ["0.01", "−0.02", "0.03", "0.04", "0.05", "−0.06"]
        + ["0.50", "0.60", "0.27", "0.59", "0.79"] + ["−0.04", "−0.05", "−0.10", "−0.13", "−0.21"]
        + ["b = 0.10", "b = 0.20", "b = 0.30"] + ["$x_1$", "$x_2$", "a", "b", "y"])


def test_an_edge_that_passes_a_number_is_hidden_behind_it():
    ax = plt.subplots(figsize=(5.6, 3.7))[1]
    network(ax, gradients=[[-0.04, -0.05], [-0.1, -0.13], [-0.211]], weight_gradients=[W1 / 10, W2 / 10])
    ax.set_xlim(-2.5, 4.5)  # narrower than it was laid out for, as with scales beside it
    outside = [text for text in ax.texts if text.xyann != (0, 0) and "$" not in text.get_text()]
    crossed = {
        text for text in outside for edge in ax.lines
        if edge.get_path().transformed(ax.transData).intersects_bbox(text.get_window_extent(), filled=False)
    }
    assert {"−0.04", "−0.10"} & {text.get_text() for text in crossed}
    assert all(text.get_bbox_patch() for text in crossed if len(text.get_text()) > 1)


def test_numbers_keep_their_distance_where_edges_cross(ax):
    def nearest(gap):
        ax.clear()
        plots.network_diagram([2, 2], ax, weights=[np.array([[1.0, 2.0], [3.0, 4.0]])], label_gap=gap)
        points = [ax.transData.transform(t.xy) * 72 / ax.figure.dpi for t in ax.texts]
        return min(np.hypot(*(p - q)) for p, q in itertools.combinations(points, 2))

    assert nearest(None) == pytest.approx(26, abs=3) and nearest(40) == pytest.approx(40, abs=4)


def test_every_label_stands_at_its_place(ax):
    network(ax)
    places = {text.get_text(): text.xy for text in ax.texts if hasattr(text, "xy")}
    assert places["$x_1$"][0] == places["$x_2$"][0] == 0 and places["$x_1$"][1] > places["$x_2$"][1]
    assert places["a"][0] == places["b"][0] == 1 and places["a"][1] > places["b"][1]
    assert places["b = 0.10"] == places["a"] == places["0.27"]
    assert places["b = 0.30"] == places["y"] == places["0.79"] == (2, 0.5)
    for text, start, stop in [("0.10", "$x_1$", "a"), ("−0.20", "$x_1$", "b"), ("0.30", "$x_2$", "a"),
                              ("0.40", "$x_2$", "b"),
                              ("0.50", "a", "y"), ("−0.60", "b", "y")]:
        (x0, y0), (x1, y1) = places[start], places[stop]
        x, y = next(t.xy for t in ax.texts if t.get_text() == text and 0 < t.xy[0] % 1)
        assert x0 + 0.1 < x < x1 - 0.1
        assert y == pytest.approx(y0 + (x - x0) * (y1 - y0))  # on the edge
    for layer, circles in enumerate(ax.collections):
        np.testing.assert_array_equal(circles.get_offsets()[:, 0], layer)


def test_edges_show_sign_and_size(ax):
    network(ax)
    edges = {tuple(line.get_xydata().ravel().round(6)): line for line in ax.lines}
    assert len(edges) == len(ax.lines) == 6
    drawn = sorted((line.get_linewidth(), to_hex(line.get_color()).upper()) for line in ax.lines)
    expected = sorted((0.5 + 3.2 * abs(w) / 0.6, plots.POSITIVE if w > 0 else plots.NEGATIVE)
                      for w in [*W1.ravel(), *W2.ravel()])
    for (width, color), (wide, colour) in zip(drawn, expected):
        assert width == pytest.approx(wide) and color == colour
    colors = {text.get_text(): text.get_color() for text in ax.texts if 0 < text.xy[0] % 1}
    assert colors["−0.60"] == plots.NEGATIVE and colors["0.50"] == plots.POSITIVE


def test_sizes_alone(ax):
    plots.network_diagram([3, 4, 2], ax)
    assert len(ax.lines) == 12 + 8 and texts(ax) == []
    assert [len(c.get_offsets()) for c in ax.collections] == [3, 4, 2]
    assert len({line.get_linewidth() for line in ax.lines}) == 1


def test_a_model_shows_its_weights(ax):
    rng = np.random.default_rng(0)
    model = Sequential(Flatten(), Dense(2, 3, rng=rng), BatchNorm(3), Activation(relu),
                       Dense(3, 1, bias=False, rng=rng))
    model[1].b.value = [1.0, 2.0, 3.0]
    plots.network_diagram(model, ax)
    assert [len(c.get_offsets()) for c in ax.collections] == [2, 3, 1]
    for w in [*model[1].W.value.ravel(), *model[4].W.value.ravel()]:
        assert f"{w:.2f}".replace("-", "−") in texts(ax)
    assert [t for t in texts(ax) if t.startswith("b")] == ["b = 1.00", "b = 2.00", "b = 3.00"]
    ax.clear()
    plots.network_diagram(model, ax, numbers=False)
    assert texts(ax) == []
    ax.clear()
    plots.network_diagram(Sequential(Dense(4, 3)), ax)  # twelve numbers would be too many
    assert texts(ax) == []
    ax.clear()
    plots.network_diagram(Sequential(Dense(4, 3)), ax, numbers=True)
    assert len(texts(ax)) == 15


def test_tall_layers_are_shortened(ax):
    rng = np.random.default_rng(0)
    W = rng.normal(size=(64, 9))
    plots.network_diagram([64, 9, 2], ax, weights=[W, None], values=[np.arange(64), None, None], max_units=8,
                          fmt="{:.0f}")
    assert [len(c.get_offsets()) for c in ax.collections] == [7, 7, 2]
    assert len(ax.lines) == 7 * 7 + 7 * 2
    numbers = [t for t in texts(ax) if t not in "⋮" and t not in ("64", "9")]
    assert numbers == ["0", "1", "2", "3", "61", "62", "63"]
    assert texts(ax).count("⋮") == 2 and "64" in texts(ax) and "9" in texts(ax)
    widths = [line.get_linewidth() for line in ax.lines[:49]]
    kept = W[[0, 1, 2, 3, 61, 62, 63]][:, [0, 1, 2, 3, 6, 7, 8]]
    np.testing.assert_allclose(widths, 0.5 + 3.2 * np.abs(kept / np.abs(W).max()).ravel())
    ellipsis = [text for text in ax.texts if text.get_text() == "⋮"][0].get_position()[1]
    heights = np.sort(np.append(ax.collections[0].get_offsets()[:, 1], ellipsis))
    np.testing.assert_allclose(np.diff(heights), 1 / 7)


def test_zero_and_infinite_weights_can_be_drawn(ax):
    plots.network_diagram([1, 2, 1], ax, weights=[np.zeros((1, 2)), np.zeros((2, 1))])
    plots.network_diagram([1, 2], ax, weights=[np.array([[np.nan, np.inf]])])
    ax.figure.canvas.draw()


@pytest.mark.parametrize("arguments, message", [
    (dict(network=[3]), r"network_diagram expects at least two layer sizes, each at least 1, got \[3\]"),
    (dict(network=[3, 0]), r"at least two layer sizes, each at least 1, got \[3, 0\]"),
    (dict(network=[2, 2, 1], weights=[W1]), "network_diagram expects 2 arrays in weights, got 1"),
    (dict(network=[2, 2, 1], weights=[W1, W1]),
     r"network_diagram expects shape \(2, 1\) in weights, got \(2, 2\)"),
    (dict(network=[2, 2], biases=[[1.0]]), r"expects shape \(2,\) in biases, got \(1,\)"),
    (dict(network=[2, 2], values=[[1.0, 2.0]]), "expects 2 arrays in values, got 1"),
    (dict(network=[2, 2], gradients=[[1.0], [1.0, 2.0]]), r"expects shape \(2,\) in gradients, got \(1,\)"),
    (dict(network=[2, 2], weight_gradients=[W2]),
     r"expects shape \(2, 2\) in weight_gradients, got \(2, 1\)"),
    (dict(network=[2, 2], max_units=2), r"network_diagram expects max_units >= 3, got 2"),
    (dict(network=[2, 2], labels=[["a"], ["b", "c"]]), "network_diagram expects 2 labels in column 0, got 1"),
    (dict(network=[2, 2], labels=[["a", "b"]]), "network_diagram expects 2 lists in labels, got 1"),
    (dict(network=Sequential(Flatten())), "network_diagram expects a model of Dense layers in a row, got"),
    (dict(network=Sequential(Dense(2, 3), Dense(4, 1))),
     "network_diagram expects a model of Dense layers in a row")])
def test_network_diagram_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        plots.network_diagram(**arguments)


@pytest.mark.parametrize("arguments, message", [
    (dict(network=[2.7, 3.9]), r"a model or the sizes of its layers, got \[2.7, 3.9\]"),
    (dict(network=None), "a model or the sizes of its layers, got None"),
    (dict(network=Sequential), "a model or the sizes of its layers, got <class"), (dict(network="23"), "a model .* got '23'"),
    (dict(network=[1, 1], weights={0: [[5.0]]}), "weights as a list of arrays, got a dict"),
    (dict(network=[1, 1], values=[np.ma.masked_equal([9.0], 9), [1.0]]), "values without a mask"),
    (dict(network=[1, 1], weights=[[[1j]]]), "weights as an array of real numbers")])
def test_network_diagram_refuses_what_is_no_network(arguments, message):
    with pytest.raises(TypeError, match="network_diagram expects " + message):
        plots.network_diagram(**arguments)


def test_a_layer_used_twice_is_drawn_twice(ax):
    twice = Dense(2, 2)
    plots.network_diagram(Sequential(twice, Activation(relu), Sequential(twice, twice)), ax)
    assert [len(c.get_offsets()) for c in ax.collections] == [2, 2, 2, 2]


@pytest.mark.parametrize("layer", [Concatenate(Dense(2, 3), Dense(3, 2)), MultiHeadAttention(2, 1), Residual(Dense(2, 2)),
                                   LSTM(2, 2), Stacked(LSTM(2, 2)), Embedding(2, 2), GCNConv(2, 2)])
def test_a_model_that_is_no_row_of_dense_layers_is_not_drawn_as_one(ax, layer):
    for model in (layer, Sequential(layer, Dense(2, 1))):
        with pytest.raises(ValueError, match="network_diagram expects a model of Dense layers in a row, got [A-Z]"):
            plots.network_diagram(model, ax)


@pytest.mark.parametrize("name", ["weights", "weight_gradients"])
def test_a_matrix_of_another_shape_is_not_read_in_another_order(ax, name):
    for wrong in (np.ones((3, 2)), np.ones(6), np.ones((1, 6))):
        with pytest.raises(ValueError, match=rf"network_diagram expects shape \(2, 3\) in {name}, got \({wrong.shape[0]},"):
            plots.network_diagram([2, 3], ax, **{name: [wrong]})
    plots.network_diagram([2, 1], ax, weights=[[0.5, -1.5]], values=[[[1, 2]], 3.0])  # sizes of one leave no doubt
    assert texts(ax) == ["0.50", "−1.50", "1.00", "2.00", "3.00"]


def test_labels_may_be_numbers_and_may_be_missing(ax):
    plots.network_diagram([3, 1], ax, labels=[[1, None, -2.5], ["y"]])
    assert texts(ax) == ["1", "−2.5", "y"]


# Computational graph

def squares():
    x, y = Value(3, label="x"), Value(-2, label="y")
    f = x * x + y**2
    f.label = "f"
    f.backward()
    return x, y, f


def test_graph_shows_values_gradients_and_slopes(ax):
    _, _, f = squares()
    plots.computational_graph(f, ax, slopes=True)
    assert sorted(texts(ax)) == sorted(
        ["x", "3", "6"] + ["y", "−2", "−4"] + ["×", "9", "1"] + ["^2", "4", "1"] + ["f (+)", "13", "1"]
        + ["3", "3", "−4", "1", "1"])
    assert len([p for p in ax.patches if isinstance(p, FancyBboxPatch)]) == 5
    assert len([p for p in ax.patches if isinstance(p, FancyArrowPatch)]) == 5
    ax.clear()
    plots.computational_graph(f, ax)
    assert len(texts(ax)) == 15


def deep_graph():
    x = [Value(v, label=f"x{i}") for i, v in enumerate((0.5, 0.6))]
    t = Value(1.0, label="t")
    hidden = [(x[0] * w + x[1] * v + b).relu() for w, v, b in [(0.1, 0.2, 0.1), (0.3, 0.4, 0.2)]]
    y = hidden[0] * 0.5 + hidden[1] * 0.6 + 0.3
    loss = (y - t) ** 2 * 0.5
    loss.backward()
    return loss


@pytest.mark.parametrize("own_axes", [True, False])
@pytest.mark.parametrize("make", [lambda: squares()[2], deep_graph, lambda: Value(2.0),
                                  lambda: (lambda v: v + v)(Value(1.0))])
def test_graph_goes_from_left_to_right_and_boxes_keep_apart(make, own_axes):
    result = make()
    ax = plots.computational_graph(result, None if own_axes else plt.subplots()[1])
    boxes = [p for p in ax.patches if isinstance(p, FancyBboxPatch)]
    assert overlaps(ax, boxes) == []
    whole = ax.bbox
    for box in boxes:
        extent = box.get_window_extent()
        assert extent.x0 >= whole.x0 - 1 and extent.x1 <= whole.x1 + 1
        assert extent.y0 >= whole.y0 - 1 and extent.y1 <= whole.y1 + 1
    for arrow in ax.patches:
        if isinstance(arrow, FancyArrowPatch):
            (x0, _), (x1, _) = arrow._posA_posB
            assert x0 < x1
    ends = [arrow._posA_posB for arrow in ax.patches if isinstance(arrow, FancyArrowPatch)]
    right, left = [b.get_x() + b.get_width() for b in boxes], [b.get_x() for b in boxes]
    for start, stop in ends:  # each arrow starts and ends at a box
        assert np.min(np.abs(np.array(right) - start[0])) < 1e-6
        assert np.min(np.abs(np.array(left) - stop[0])) < 1e-6
    if own_axes:
        assert ax.texts[0].get_fontsize() == pytest.approx(11)  # a figure of its own is large enough


@pytest.mark.parametrize("result", [Tensor(1.0) + 1, 3.0])
def test_the_graph_of_what_is_no_value_is_refused(result):
    with pytest.raises(TypeError, match="computational_graph expects a Value, got"):
        plots.computational_graph(result)


# Curves

def test_loss_curves(ax):
    plots.loss_curves({"loss": [3.0, 2.0, 1.0], "val_loss": [4.0, 3.0, 3.5], "accuracy": [0.1, 0.2, 0.3]}, ax)
    train, validation = ax.lines
    np.testing.assert_array_equal(train.get_xdata(), [1, 2, 3])
    np.testing.assert_array_equal(train.get_ydata(), [3, 2, 1])
    np.testing.assert_array_equal(validation.get_ydata(), [4, 3, 3.5])
    assert (train.get_linestyle(), validation.get_linestyle()) == ("-", "--")
    assert (train.get_label(), validation.get_label()) == ("loss", "validation loss")
    assert train.get_color() != validation.get_color()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "loss")
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["loss", "validation loss"]
    ax.figure.canvas.draw()
    assert all(float(label).is_integer() for label in ax.get_xticks())


def test_loss_curves_of_other_names(ax):
    history = {"loss": [3.0], "accuracy": [0.1], "val_accuracy": [0.3], "my_score": [2.0]}
    plots.loss_curves(history, ax, names=["accuracy", "val_accuracy", "my_score"])
    assert [line.get_label() for line in ax.lines] == ["accuracy", "validation accuracy", "my score"]
    assert ax.get_ylabel() == "" and len({line.get_color() for line in ax.lines}) == 3
    assert all(line.get_marker() == "." for line in ax.lines)  # one epoch has no line
    for names in (["val_loss"], []):
        with pytest.raises(ValueError, match=r"loss_curves expects names among \['loss', 'accuracy', "):
            plots.loss_curves(history, ax, names=names)
    with pytest.raises(ValueError, match="loss_curves expects names among"):
        plots.loss_curves({"accuracy": [1.0]}, ax)


def test_loss_curves_of_validation_are_those_whose_name_begins_so(ax):
    plots.loss_curves({"eval_loss": [1.0], "val_loss": [2.0], "val_eval_loss": [3.0]}, ax)
    assert [line.get_label() for line in ax.lines] == ["eval loss", "validation loss", "validation eval loss"]


@pytest.mark.parametrize("history, error, message", [
    ({"loss": np.ma.masked_equal([1.0, 99.0], 99)}, TypeError, "loss without a mask"),
    ({"loss": 3.0}, ValueError, r"loss \(N,\), got \(\)"), ({"loss": [[1, 2], [3, 4]]}, ValueError, r"loss \(N,\), got \(2, 2\)"),
    ({"loss": ["a"]}, TypeError, "loss as an array of real numbers"),
    ({1: [1.0], "loss": [1.0]}, TypeError, r"a history with names of lists, got \[1, 'loss'\]"),
    ([1.0, 2.0], TypeError, "a history with names of lists")])
def test_loss_curves_refuses(history, error, message):
    with pytest.raises(error, match="loss_curves expects " + message):
        plots.loss_curves(history)


def test_one_name_is_not_read_letter_by_letter(ax):
    plots.loss_curves({"a": [1.0], "b": [2.0], "ab": [3.0]}, ax, names="ab")
    assert [line.get_label() for line in ax.lines] == ["ab"]


@pytest.mark.parametrize("prepare", [lambda ax: ax.set_xscale("log"), lambda ax: ax.set_xticks([1, 2])])
def test_loss_curves_on_axes_with_ticks_of_their_own(ax, prepare):
    prepare(ax)
    before = ax.get_xticks().tolist()
    plots.loss_curves({"loss": [3.0, 2.0]}, ax)
    assert ax.lines and (ax.get_xscale() == "log" or ax.get_xticks().tolist() == before)


# Images

def test_image_grid_in_reading_order(ax):
    images = np.arange(5 * 2 * 3).reshape(5, 2, 3)
    plots.image_grid(images, ax, columns=3, labels=list("abcde"))
    assert len(ax.images) == 5
    corners = []
    for image, expected in zip(ax.images, images):
        np.testing.assert_array_equal(image.get_array(), expected)
        x0, x1, bottom, top = image.get_extent()
        assert x1 - x0 == pytest.approx(3) and bottom - top == pytest.approx(2)
        corners.append((round(top, 6), round(x0, 6)))
        assert image.get_clim() == (0, 29) and image.cmap.name == "gray"
    assert corners == sorted(corners) and corners[0][0] == corners[2][0] < corners[3][0] == corners[4][0]
    assert corners[0][1] == corners[3][1] and texts(ax) == list("abcde")
    assert overlaps(ax, [*ax.images]) == []
    assert overlaps(ax, [*ax.images, *ax.texts]) == []
    renderer = ax.figure.canvas.get_renderer()
    for text, image in zip(ax.texts, ax.images):
        label, picture = text.get_window_extent(renderer), image.get_window_extent(renderer)
        assert -2 < label.y0 - picture.y1 < 5
        assert (label.x0 + label.x1) / 2 == pytest.approx((picture.x0 + picture.x1) / 2, abs=1)


def test_image_grid_colours(ax):
    rng = np.random.default_rng(0)
    signed = rng.normal(size=(4, 1, 3, 3))
    plots.image_grid(signed, ax)
    largest = np.abs(signed).max()
    assert all(image.cmap is plots.DIVERGING and image.get_clim() == (-largest, largest)
               for image in ax.images)
    ax.clear()
    plots.image_grid(rng.random((2, 3, 4, 5)), ax)
    assert all(image.get_array().shape == (4, 5, 3) for image in ax.images)
    ax.clear()
    plots.image_grid(np.ones((1, 2, 2)), ax, limits=(0, 4), cmap="viridis")
    assert ax.images[0].get_clim() == (0, 4) and ax.images[0].cmap.name == "viridis"
    ax.clear()
    plots.image_grid(np.zeros((1, 2, 2)), ax)
    ax.figure.canvas.draw()


def shades(image):
    """Its pixels as they are shown: red, and whether there is a colour at all."""
    return image.to_rgba(image.get_array())[..., [0, 3]].tolist()


@pytest.mark.parametrize("hide", [lambda a: np.where(a == 1, np.nan, a), lambda a: np.where(a == 1, np.inf, a),
                                  lambda a: np.ma.masked_equal(a, 1)])
def test_a_pixel_without_a_value_is_empty_and_alone(ax, hide):
    plots.image_grid(hide(np.array([[[0.0, 1.0]], [[2.0, 4.0]]])), ax)
    first, second = map(shades, ax.images)
    assert first == [[[0, 1], [pytest.approx(0), 0]]] and second == [[[pytest.approx(0.5, abs=0.01), 1], [1, 1]]]


@pytest.mark.parametrize("value, shade", [(0.0, 0), (0.5, 0.5), (1.0, 1), (7, 1), (True, 1)])
def test_an_image_of_one_value_has_its_shade(ax, value, shade):
    plots.image_grid(np.full((2, 1, 1), value), ax)
    assert shades(ax.images[1]) == [[[pytest.approx(shade, abs=0.01), 1]]]


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, bool])
def test_colours_may_be_none_and_full(ax, dtype):
    plots.image_grid(np.eye(3, dtype=dtype)[:, :, None, None], ax)
    assert [image.get_array().ravel().tolist() for image in ax.images] == np.eye(3).tolist()


@pytest.mark.parametrize("images, message", [
    (np.full((2, 3, 1, 1), np.nan), "expects finite values, got 6 of 6 that are not, or masked"),
    (np.full((2, 1, 1), np.inf), "expects finite values, got 2 of 2"),
    (np.ma.masked_less(np.arange(6.0).reshape(2, 3, 1, 1) / 5, 0.1), "expects finite values, got 1 of 6")])
def test_image_grid_refuses_what_has_no_colour(images, message):
    with pytest.raises(ValueError, match="image_grid " + message):
        plots.image_grid(images)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.int16])
def test_colours_may_be_bytes(rng, dtype):
    colours = rng.integers(256, size=(2, 3, 4, 5))
    ax = plt.subplots()[1]
    plots.image_grid(colours.astype(dtype), ax)
    for image, expected in zip(ax.images, np.moveaxis(colours, 1, -1) / 255):
        np.testing.assert_allclose(image.get_array(), expected)


@pytest.mark.parametrize("colours", [np.full((1, 3, 2, 2), 200.0), np.full((1, 3, 2, 2), 256), np.full((1, 3, 2, 2), -0.5)])
def test_colours_out_of_range_are_refused(colours):
    with pytest.raises(ValueError, match="image_grid expects colours 0..1, or integers 0..255, got"):
        plots.image_grid(colours, plt.subplots()[1])


@pytest.mark.parametrize("count, size, columns", [(1, (6.4, 3.6), 1), (24, (6.4, 3.6), 8),
                                                  (24, (3.6, 6.4), 4), (40, (20, 1), 40)])
def test_image_grid_makes_images_large(count, size, columns):
    ax = plt.subplots(figsize=size)[1]
    plots.image_grid(np.ones((count, 8, 8)), ax)
    assert len({image.get_extent()[0] for image in ax.images}) == columns


@pytest.mark.parametrize("shape, labels, columns, message", [
    ((8, 8), None, None, r"image_grid expects \(N, H, W\), \(N, 1, H, W\) or \(N, 3, H, W\), got \(8, 8\)"),
    ((2, 2, 8, 8), None, None, r"got \(2, 2, 8, 8\)"), ((0, 8, 8), None, None, r"got \(0, 8, 8\)"),
    ((2, 8, 8), ["a"], None, "image_grid expects 2 labels, got 1"),
    ((2, 8, 8), None, 0, "image_grid expects columns >= 1")])
def test_image_grid_refuses(shape, labels, columns, message):
    with pytest.raises(ValueError, match=message):
        plots.image_grid(np.ones(shape), labels=labels, columns=columns)


@pytest.mark.parametrize("limits", [3, (1, 0), (0, np.nan), (0, 1, 2)])
def test_limits_are_low_and_high(limits):
    with pytest.raises(ValueError, match=r"image_grid expects limits \(low, high\) with low <= high, got"):
        plots.image_grid(np.ones((2, 3, 3)), limits=limits)


@pytest.mark.parametrize("images, error, message", [
    ([np.ones((2, 2)), np.ones((3, 3))], ValueError, "images as an array, got rows of unequal length"),
    (np.full((1, 2, 2), 1j), TypeError, "images as an array of real numbers"), (np.full((1, 2, 2), "1"), TypeError, "images as")])
def test_image_grid_refuses_what_is_no_array_of_numbers(images, error, message):
    with pytest.raises(error, match="image_grid expects " + message):
        plots.image_grid(images)
