"""From states to HTML: budgets, errors, determinism, and the shortcuts that must change nothing."""

import html
import io
import os
import pickle
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.offsetbox import AnchoredText
from matplotlib.projections import register_projection
from matplotlib.transforms import TransformNode

from nnlib.explore import engine, texts
from nnlib.explore.diff import INNER, compare
from nnlib.explore.memo import AxisMemo
from nnlib.explore.render import METADATA, RC, FreshAxes, Images, drawn, markup, tree_of


def saved(figure):
    """matplotlib's own SVG of a figure, without what differs from run to run."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata=METADATA)
    return buffer.getvalue()


def plain(ax, w=1.0, b=0.0):
    ax.plot([0, 1], [b, w])


def test_too_many_states_say_which_control_to_coarsen(static):
    with pytest.raises(ValueError, match=r"plain makes 8283 states, at most 4000 fit \(w 251 × b 33\): "
                                         r"give w at most 121 values instead of 251, for example a step of about 0\.042"):
        static(plain, w=(-2.5, 2.5, 0.02), b=(-1.6, 1.6, 0.1))
    assert len(np.arange(-2.5, 2.5 + 1e-9, 0.042)) * 33 <= engine.MAX_STATES


def test_too_many_bytes_say_which_control_to_coarsen(static, monkeypatch):
    monkeypatch.setattr(engine, "MAX_BYTES", 20_000)

    def noise(ax, seed=0, other=0):
        ax.plot(np.random.default_rng([seed, other]).normal(size=300))

    with pytest.raises(ValueError, match=r"noise makes \d+ kB for 40 states, at most 20 kB fit \(seed 20 × other 2\): "
                                         r"give seed at most \d+ values instead of 20"):
        static(noise, seed=(0, 19), other=(0, 1))


def test_an_error_in_one_state_names_the_state(static):
    def fails(ax, w=1):
        ax.plot([1 / (w - 3)])

    with pytest.raises(ZeroDivisionError) as caught:
        static(fails, w=(1, 4))
    assert caught.value.__notes__ == ["explore: this happened in the state w=3"]


def test_an_error_in_describe_names_the_state(static):
    with pytest.raises(KeyError) as caught:
        static(plain, w=[1.0, 2.0], describe=lambda w: {1.0: "one"}[w])
    assert caught.value.__notes__ == ["explore: this happened in the state w=2.0"]


def test_a_description_without_return_is_refused(static, monkeypatch):
    with pytest.raises(TypeError, match="explore: describe must return a text, got None") as caught:
        static(plain, w=[1.0, 2.0], describe=lambda w: "one" if w == 1.0 else None)
    assert caught.value.__notes__ == ["explore: this happened in the state w=2.0"]
    monkeypatch.setenv("EXPLORE_STATIC", "0")
    assert "describe must return a text" in static(plain, w=[1.0, 2.0], describe=lambda w: None).live.error.value


def own_figure(ax, w=1.0):
    plt.figure()
    plt.plot([0, w])


def returns_another(ax, w=1.0):
    from matplotlib.figure import Figure

    return Figure()


def returns_foreign_artists(ax, w=1.0):
    from matplotlib.figure import Figure

    return Figure().subplots().plot([0, w])


@pytest.mark.parametrize("draw", [own_figure, returns_another, returns_foreign_artists])
def test_another_figure_is_refused(static, draw):
    with pytest.raises(ValueError, match=rf"{draw.__name__}\(ax\) must draw on the axes it is given"):
        static(draw, w=[1.0, 2.0])


def test_returned_artists_of_the_figure_itself_are_fine(static):
    assert static(lambda ax, w=1: ax.plot([0, w]), w=[1, 2]).states == 2
    assert static(lambda ax, w=1: ax.figure, w=[1, 2]).states == 2


def test_no_controls_make_a_still_figure(static):
    figure = static(lambda ax: ax.plot([1, 2]), title="A line", describe=lambda: "One line going up.")
    assert repr(figure).startswith("explore: 0 controls, 1 state, content ")
    assert "<script" not in figure.html and 'alt="One line going up."' in figure.html


def test_the_bundle(made):
    bundle = made("bars")._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html", "application/pdf"}
    assert bundle["text/plain"] == repr(made("bars")) == f"explore: 1 control, 10 states, content {made('bars').content}"
    assert bundle["application/pdf"].startswith("JVBERi0")


def test_the_content_changes_with_what_is_drawn(static):
    base = static(plain, w=[1.0, 2.0]).content
    assert static(plain, w=[1.0, 2.0]).content == base
    assert static(plain, w=[1.0, 2.5]).content != base
    assert static(lambda ax, w=1.0: ax.plot([0, 1], [0, w], color="r"), w=[1.0, 2.0]).content != base
    assert static(plain, w=[1.0, 2.0], describe=lambda w: "a line").content != base
    assert static(plain, w=[1.0, 2.0], labels={"w": "weight"}).content != base


def test_a_last_digit_changes_nothing(static):
    """Coordinates that differ as two machines' do give the same bytes."""
    pages = {
        static(lambda ax, w=1.0, e=e: ax.plot([0, 0.5, 1], [0, w * (1 + e), 1]), w=[1.0, 2.0], title="t").html
        for e in (0.0, 1e-14, -1e-14)
    }
    assert len(pages) == 1


def test_the_content_does_not_depend_on_how_zlib_compresses(static, monkeypatch):
    def image(ax, w=1.0):
        ax.imshow(np.arange(16).reshape(4, 4) * w)

    one = static(image, w=[1.0, 2.0])
    monkeypatch.setattr(engine, "compress", lambda payload: "other")
    monkeypatch.setattr(Images, "uri", lambda self, key: "data:other")
    other = static(image, w=[1.0, 2.0])
    assert one.content == other.content and one.html != other.html


def test_two_processes_give_identical_bytes(root, made):
    names = ["curves", "picture", "crowd"]
    code = (
        "import sys, matplotlib; matplotlib.use('agg'); import matplotlib.pyplot as plt; plt.style.use('nnlib.book')\n"
        f"sys.path.insert(0, {str(root / 'tests' / 'explore')!r}); import figures\n"
        f"for name in {names}:\n"
        "    bundle = figures.FIGURES[name]()._repr_mimebundle_()\n"
        "    sys.stdout.buffer.write(bundle['text/html'].encode() + bundle['application/pdf'].encode() + b'\\n')\n"
    )
    environment = os.environ | {"EXPLORE_STATIC": "1", "PYTHONHASHSEED": "7"}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
    bundles = [made(name)._repr_mimebundle_() for name in names]
    assert result.stdout == b"".join(b["text/html"].encode() + b["application/pdf"].encode() + b"\n" for b in bundles)
    assert result.stderr == b""


def test_axes_drawn_once_are_axes_drawn_always(figure_name, made):
    figure, memo = made(figure_name), AxisMemo()
    fresh_axes = FreshAxes(figure.subplots)
    states = range(0, figure.states, max(1, figure.states // 5))
    with plt.style.context("nnlib.book"):
        for state in states:
            trees = []
            for used in (None, memo):
                with drawn(figure.draw, figure.values(state), fresh_axes) as drawing:
                    if used:
                        used.prepare(drawing)
                    trees.append(markup(tree_of(drawing, Images(), used)))
            assert trees[0] == trees[1], figure.values(state)


def test_axes_from_a_pickle_hear_of_every_change():
    """A transform knows its parents by id. One that it knows by an old id is lost when a new object is given that id."""
    fresh_axes, seen = FreshAxes({"ncols": 2}), set()

    def visit(node):
        if id(node) in seen:
            return
        seen.add(id(node))
        parents = {key: reference() for key, reference in node._parents.items()}
        assert all(key == id(parent) for key, parent in parents.items()), type(node).__name__
        for other in [*parents.values(), *vars(node).values()]:
            if isinstance(other, TransformNode):
                visit(other)

    for _ in range(3):
        figure, axes = fresh_axes()
        for ax in axes:
            visit(ax.transData)
            visit(ax.transAxes)
        plt.close(figure)
    assert len(seen) > 30


@pytest.mark.parametrize("ticks", [{}, {"ticks": [0, 1]}, {"ticks": [0, 1], "labels": ["no", "yes"]}], ids=str)
def test_an_unchanged_axis_is_drawn_once(ticks):
    def draw(ax, w):
        ax.plot([0, 1], [0, w])
        ax.set(xlim=(0, 1), ylim=(-3, 3))
        ax.xaxis.set_ticks(**ticks) if ticks else None

    memo, fresh_axes = AxisMemo(), FreshAxes({})
    with plt.style.context("nnlib.book"):
        for w in (-1.0, 1.0, 2.0):
            with drawn(draw, {"w": w}, fresh_axes) as drawing:
                memo.prepare(drawing)
                assert vars(drawing.axes[0].xaxis)["draw"], "the axis is not known"
                tree_of(drawing, Images(), memo)
    assert len(memo.drawings) == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda ax, k: ax.get_xticklabels()[k].set_color("red"),
        lambda ax, k: ax.get_yticklabels()[k].set_fontsize(3 + k),
        lambda ax, k: ax.xaxis.set_major_formatter(lambda v, p: f"{v:g}{'abc'[k]}"),
        lambda ax, k: ax.set_xlabel("abc"[k]),
        lambda ax, k: ax.xaxis.label.set_color("C" + str(k)),
        lambda ax, k: ax.tick_params(length=3 + k),
        lambda ax, k: ax.tick_params(labelrotation=30 * k),
        lambda ax, k: ax.grid(lw=1 + k),
        lambda ax, k: ax.set_xlim(0, 5 + k),
        lambda ax, k: ax.set_xscale(["linear", "log", "symlog"][k]),
        lambda ax, k: ax.spines["left"].set_position(("data", k)),
        lambda ax, k: ax.set_xticks([0, 1, 2 + k], ["p", "q", "rst"[k]]),
        lambda ax, k: ax.xaxis.set_visible(k > 0),
        lambda ax, k: ax.xaxis.set_label_coords(0.5 + k / 10, -0.1),
        lambda ax, k: ax.invert_yaxis() if k else None,
        lambda ax, k: ax.set_position([0.1, 0.2, 0.5 + k / 10, 0.5]),
        lambda ax, k: ax.xaxis.set_ticks_position(["bottom", "top", "both"][k]),
        lambda ax, k: ax.plot([0, 1e7 * k]),
        lambda ax, k: ax.set_aspect(k + 1),
        lambda ax, k: plt.setp(ax.get_xmajorticklabels(), alpha=0.3 + k / 5),
        lambda ax, k: ax.twinx().plot([0, 10 * k]),
        lambda ax, k: ax.xaxis.get_major_locator().set_params(nbins=2 + k),
        lambda ax, k: ax.figure.set_size_inches(5 + k, 3),
        lambda ax, k: ax.secondary_xaxis("top", functions=(lambda v: v * (k + 1), lambda v: v / (k + 1))),
        lambda ax, k: ax.minorticks_on() if k else None,
        lambda ax, k: ax.xaxis.label.set_bbox(dict(facecolor=f"C{k}")),
    ],
)
def test_a_changed_axis_is_drawn_again(change):
    def draw(ax, k):
        ax.plot([0, 1, 3])
        ax.set(title="title", xlabel="label")
        change(ax, k)

    memo, plainly, shown = AxisMemo(), [], []
    for k in (0, 1, 2):
        with drawn(draw, {"k": k}) as drawing:
            plainly.append(markup(tree_of(drawing, Images())))
    for k in (0, 1, 2, 1):
        with drawn(draw, {"k": k}) as drawing:
            memo.prepare(drawing)
            shown.append(markup(tree_of(drawing, Images(), memo)))
    assert shown == [*plainly, plainly[1]] and len(set(shown)) > 1


def test_settings_that_a_state_changes_are_as_before_in_the_next():
    def draw(ax, k):
        seen.append(plt.rcParams["lines.linewidth"])
        plt.rcParams["lines.linewidth"] = 9 + k
        ax.plot([0, 1])

    seen, before = [], dict(plt.rcParams)
    for k in range(3):
        with drawn(draw, {"k": k}) as drawing:
            assert drawing.axes[0].lines[0].get_linewidth() == 9 + k and plt.rcParams["svg.fonttype"] == "none"
    assert len(set(seen)) == 1 and dict(plt.rcParams) == before


def style_of(name):
    return lambda ax, k: k and plt.style.use(name)


def ticks_of(ax, k):
    with plt.rc_context({"xtick.direction": "in", "xtick.labelsize": 20} if k else {}):
        ax.grid(True)


def cleared(ax, k):
    plt.rcParams["xtick.color"] = "red" if k else "blue"
    ax.clear()


@pytest.mark.parametrize(
    "change",
    [lambda ax, k: plt.rcParams.update({"axes.unicode_minus": not k}),
     lambda ax, k: plt.rcParams.update({"axes.autolimit_mode": "round_numbers" if k else "data"}),
     lambda ax, k: plt.rcParams.update({"path.sketch": (1, 100, 2) if k else None}),
     *map(style_of, ["dark_background", "ggplot", "bmh"]), lambda ax, k: plt.xkcd() if k else None, ticks_of, cleared],
    ids=["minus", "limits", "sketch", "dark", "ggplot", "bmh", "xkcd", "ticks", "cleared"],
)
def test_settings_that_a_state_changes_show_in_it_alone(change):
    def draw(ax, k):
        change(ax, k)
        ax.plot([-2, 1, 3], [-2, 4, -1])
        ax.grid(True)
        ax.set_xlabel("x")

    memo, fresh_axes = AxisMemo(), FreshAxes(None)
    for k in (0, 1, 0, 1):
        with plt.rc_context(RC):
            plain_figure, ax = plt.subplots()
            draw(ax, k)
            expected = markup(tree_of(plain_figure, Images()))
            plt.close(plain_figure)
        with drawn(draw, {"k": k}, fresh_axes) as drawing:
            memo.prepare(drawing)
            assert markup(tree_of(drawing, Images(), memo)) == expected, k


def test_what_pictures_need_is_set_whatever_a_state_sets(static):
    def draw(ax, w=1.0):
        plt.rcParams.update({"savefig.bbox": "tight", "svg.fonttype": "path"})
        ax.set_title(f"title {w}")

    figure = static(draw, w=(0.0, 1.0, 0.5))
    with figure.drawn({"w": 1.0}) as drawing:
        root = tree_of(drawing, Images())
        width, height = (float(number) for number in root.get("viewBox").split()[2:])
        assert [width, height] == list(72 * drawing.get_size_inches())
        assert "title 1.0" in [e.text for e in root.iter("text")]


def labelled(ax, k):
    ax.text(0.5, 0.5, r"$\frac{x_1}{2}$", fontsize=[8, 16, 8][k])


def test_formulas_are_parsed_once_for_each_size_and_font():
    texts._parse.cache_clear()
    shown = []
    for settings in ({}, {"mathtext.fontset": "stix"}):
        for k in range(3):
            with plt.rc_context(settings):
                with drawn(labelled, {"k": k}) as drawing:
                    shown.append(markup(tree_of(drawing, Images())))
                with plt.rc_context(RC):
                    plain_figure, ax = plt.subplots()
                    labelled(ax, k)
                    assert shown[-1] == markup(tree_of(plain_figure, Images()))
                    plt.close(plain_figure)
    assert shown[0] == shown[2] != shown[1] and shown[3] == shown[5] != shown[0]
    assert texts._parse.cache_info().misses == 6           # two sizes, and the one that widths are measured in


@pytest.mark.parametrize(
    "options",
    [
        dict(ha="center"), dict(va="top"), dict(rotation=30), dict(rotation=30, rotation_mode="anchor"),
        dict(linespacing=2), dict(ha="center", multialignment="right"), dict(fontsize=20), dict(family="monospace"),
        dict(weight="bold"), dict(parse_math=False), dict(wrap=True), dict(wrap=True, x=0.9),
        dict(rotation=30, transform_rotates_text=True), dict(bbox=dict(facecolor="red")),
    ],
    ids=str,
)  # fmt: skip
def test_a_text_laid_out_once_is_where_it_would_be(options):
    """A text is not taken for another one: each way to write it comes after all the others."""

    def write(ax, **options):
        ax.set_aspect(0.3)
        ax.set_axis_off()  # ticks take the time
        ax.text(**dict(x=0.5, y=0.5, s="two words of $x^2$\nand many more words in a second line") | options)

    with drawn(write, {"x": 0.4}) as plainly:
        usual = saved(plainly)
    for settings in ({}, {"font.sans-serif": ["DejaVu Serif"]}, {"figure.dpi": 200}):
        with plt.rc_context(settings):
            for _ in range(2):
                with drawn(write, options) as drawing:
                    remembered = saved(drawing)
                assert remembered != usual
            with plt.rc_context(RC):
                figure, ax = plt.subplots()
                write(ax, **options)
                assert remembered == saved(figure)
                plt.close(figure)


@pytest.mark.parametrize("grid", [
    {}, {"axis": "x"}, {"axis": "y", "which": "minor"}, {"which": "both", "color": "blue", "clip_on": False},
], ids=str)  # fmt: skip
def test_ticks_left_out_of_the_pickle_come_when_they_are_wanted(grid):
    def draw(ax):
        ax.grid(bool(grid), **grid)
        ax.tick_params(which="minor", length=9, color="red")
        ax.tick_params(which="major", length=12, labelrotation=30)
        ax.xaxis.set_minor_locator(plt.MultipleLocator(0.1))
        ax.set(title="title", yscale="log", ylim=(1, 1000))

    fresh_axes, shown = FreshAxes(None), []
    for _ in range(2):
        with drawn(draw, {}, fresh_axes) as drawing:
            shown.append(saved(drawing))
    with plt.rc_context(RC):
        figure, ax = plt.subplots()
        draw(ax)
        assert shown == [saved(figure)] * 2
        plt.close(figure)


def test_axes_that_cannot_be_pickled_are_made_each_time(static):
    class Hidden(Axes):
        name = "hidden"

    register_projection(Hidden)
    subplots = dict(subplot_kw=dict(projection="hidden"))
    fresh_axes = FreshAxes(subplots)
    assert [type(fresh_axes()[1]) for _ in range(2)] == [Hidden, Hidden] and fresh_axes.pickled is None
    plt.close("all")
    assert static(plain, w=[1.0, 2.0], subplots=subplots).states == 2


def test_what_is_said_of_a_state_has_a_books_numbers(static, monkeypatch):
    from nnlib.explore import explore, ondemand
    from nnlib.explore.sphinx import head_of

    spec = dict(w=[-1.0, 1.0], describe=lambda w: f"{w:g}, {w * 1e-9:.0e}, {w:.0%}")
    said = ["−1, −10⁻⁹, −100\N{NO-BREAK SPACE}%", "1, 10⁻⁹, 100\N{NO-BREAK SPACE}%"]
    page = static(plain, **spec).html
    assert f'alt="{said[1]}"' in page and head_of(page)["d"]["v"] == said
    monkeypatch.setenv("EXPLORE_STATIC", "0")
    monkeypatch.setenv("EXPLORE_ON_DEMAND", "1")
    assert f'alt="{said[1]}"' in explore(plain, **spec).html
    assert ondemand.answer(list(ondemand.figures)[-1], 0)["said"] == said[0]


def test_what_is_said_around_a_picture_has_a_books_quotes(static):
    from nnlib.explore.sphinx import head_of

    goals = {"Find the line's end.": (lambda w: w == 2.0, "It isn't far.")}
    page = static(plain, title="The doctor's line", goals=goals, drag={"the line's end": (1, "w")}, w=[1.0, 2.0]).html
    assert all(said in page for said in ("The doctor’s line", "Find the line’s end.", "It isn’t far."))
    assert "the line’s end" in str(head_of(page))


def test_a_figure_keeps_the_names_that_its_cell_saw(monkeypatch):
    monkeypatch.setenv("EXPLORE_ON_DEMAND", "1")
    from nnlib.explore import explore, ondemand

    cell = """
def helper(v): return scale * v
def draw(ax, x=1): ax.set_title(f"title {helper(x)}")
figure = explore(draw, x=[1, 2, 3], describe=lambda x: f"said {helper(x)}", goals={"go": lambda x: helper(x) > 20},
                 drag={"it": ("x", lambda x: helper(x))})
"""
    names = {"explore": explore, "scale": 10}
    exec(cell, names)
    names.update(scale=None, helper=None, draw=None)
    answer = ondemand.answer(list(ondemand.figures)[-1], 2)
    assert "title 30" in answer["picture"] and answer["said"] == "said 30" and answer["reached"] == [True]
    assert names["scale"] is names["helper"] is names["draw"] is None, "and gives the others back"


@pytest.mark.parametrize("wrap", [
    "partial(draw, other=helper)", "lru_cache(draw)", "Drawing()", "passed(draw)",
], ids=["partial", "cached", "object", "decorated"])
def test_names_are_kept_of_whatever_calls_a_function(wrap, monkeypatch):
    monkeypatch.setenv("EXPLORE_ON_DEMAND", "1")
    from nnlib.explore import explore, ondemand

    cell = f"""
from functools import lru_cache, partial
def helper(v): return scale * v
def draw(ax, x=1, other=None): ax.set_title(f"title {{helper(x)}}")
class Drawing:
    def __call__(self, ax, x=1): draw(ax, x)
figure = explore({wrap}, x=[1, 2, 3])
"""
    elsewhere = {"__name__": "elsewhere"}
    exec("from functools import wraps\ndef passed(f): return wraps(f)(lambda *a, **k: f(*a, **k))", elsewhere)
    names = {"explore": explore, "scale": 10, "passed": elsewhere["passed"]}
    exec(cell, names)
    names.update(scale=None, helper=None, draw=None)
    assert "title 30" in ondemand.answer(list(ondemand.figures)[-1], 2)["picture"]


def test_a_clip_path_of_another_kind_takes_its_place():
    def draw(ax, k):
        line, = ax.plot([0, 1])
        if k:
            line.set_clip_path(plt.Circle((0.5, 0.5), 0.3, transform=ax.transAxes))

    trees = []
    for k in (0, 1):
        with drawn(draw, {"k": k}) as drawing:
            trees.append(tree_of(drawing, Images()))
    tree, slots = compare(trees, 0)
    assert not [g for clip in tree.iter("clipPath") for g in clip.iter("g")]
    assert [[v[:5] for v in s.values] for s in slots if s.name == INNER] == [["<rect", "<path"]]


def test_a_tight_box_is_not_cut_from_under_the_handles(static):
    spec = dict(w=[1.0, 2.0], drag={"p": (0.0, "w")})
    with plt.rc_context({"savefig.bbox": "tight"}):
        tight = static(plain, **spec)
    assert tight.html == static(plain, **spec).html


def test_a_title_may_look_like_an_image(static):
    assert "image:0123456789abcdef" in static(lambda ax, k=1: ax.set_title("image:0123456789abcdef"), k=[1, 2]).html


def yields(ax, w=1):
    yield ax.plot([0, w])


async def waits(ax, w=1):
    ax.plot([0, w])


@pytest.mark.parametrize("draw", [yields, waits])
def test_a_drawing_function_that_only_returns_a_promise_is_refused(static, draw):
    words = rf"{draw.__name__}\(ax\) must draw when it is called, without yield or async, got (generator|coroutine)"
    with pytest.raises(TypeError, match=words):
        static(draw, w=[1, 2])


def picture(ax):
    return ax.imshow(np.linspace(0, 0.3, 16).reshape(4, 4), vmin=0, vmax=1, cmap="gray", aspect="auto")


@pytest.mark.parametrize("over", [
    lambda ax, k: ax.legend([plt.Line2D([], [])], ["class"]),
    lambda ax, k: ax.inset_axes([0.5, 0.5, 0.4, 0.4]),
    lambda ax, k: ax.figure.add_axes([0.3, 0.3, 0.3, 0.3]),
    lambda ax, k: ax.twinx().plot([0, k]),
    lambda ax, k: ax.table([["1", "2"]], loc="center"),
    lambda ax, k: ax.add_artist(AnchoredText("box", loc="upper left")),
    lambda ax, k: (ax.grid(True), ax.set_axisbelow(False)),
    lambda ax, k: ax.tick_params(direction="in"),
    lambda ax, k: ax.set_title("title", y=0.5),
    lambda ax, k: ax.spines["left"].set_position("center"),
    lambda ax, k: ax.figure.text(0.5, 0.5, "words"),
    lambda ax, k: ax.figure.add_artist(plt.Line2D([0, 1], [0, 1])),
    lambda ax, k: ax.figure.set_size_inches(4, 2 + k),
    lambda ax, k: [picture(ax) for _ in range(k)],
])  # fmt: skip
def test_images_lie_on_top_only_where_nothing_else_does(static, over):
    def draw(ax, k=1):
        picture(ax)
        over(ax, k)

    assert "data-keep" not in static(draw, k=[1, 2]).html


def test_what_stands_beside_images_leaves_them_on_top(static):
    def draw(axes, k=1):
        for ax in axes[:2]:
            picture(ax)
            ax.set(title="title", xlabel=f"label {k}")
        axes[2].plot([0, k], label="line")
        axes[2].legend()
        axes[0].set_axis_off()
        axes[0].figure.suptitle("all")
        axes[0].figure.colorbar(axes[1].images[0], ax=axes[1])

    assert "data-keep=images" in static(draw, k=[1, 2], subplots=dict(ncols=3, gridspec_kw=dict(wspace=0))).html


@pytest.mark.parametrize("text", ["\beta", "$\x0crac{1}{2}$", "a < b & \x07lpha", "wrapped \x1b"])
def test_a_control_character_is_named_with_its_text_and_its_cure(static, monkeypatch, text):
    def write(ax, k=1):
        ax.text(0.5, 0.5, "another text")
        ax.set_title(text, wrap="wrapped" in text)

    with pytest.raises(ValueError, match="explore: the text .* has a control character") as caught:
        static(write, k=[1, 2])
    assert ascii(text) in str(caught.value) and 'write r"..."' in str(caught.value)
    monkeypatch.setenv("EXPLORE_STATIC", "0")
    shown = html.unescape(static(write, k=[1, 2]).live.error.value)
    assert str(caught.value) in shown and "ParseError" not in shown


KNOWN = """
def square(v): return offset + v
def cube(v): return offset - v
NAMES, offset, count = {square: "a square", cube: "a cube"}, 0, 0
def draw(ax, f=square, other=cube):
    global count
    count += 1
    ax.xaxis.set_major_formatter(lambda v, p: f"tick {offset}")  # called when the picture is saved
    ax.set_title(f"{NAMES[f]}, {f is square}, {other is cube}, {NAMES[square]}, drawn {count}.")
figure = explore(draw, f={"square": square, "cube": cube})
"""


@pytest.mark.parametrize("where", ["in a kernel", "on demand", "static"])
def test_choices_are_the_functions_that_draw_knows(where, monkeypatch):
    monkeypatch.setenv("EXPLORE_STATIC", str(int(where == "static")))
    monkeypatch.setenv("EXPLORE_ON_DEMAND", str(int(where == "on demand")))
    from nnlib.explore import explore, ondemand

    names = {"explore": explore, "__name__": "__main__"}
    exec(KNOWN if where != "static" else KNOWN.replace("count += 1", "count = 1"), names)  # there a state has one picture
    figure = names["figure"]
    shown = figure.live.picture.value if figure.live else figure.html
    assert not pickle.loads(pickle.dumps(figure.names)).kept, "a copy has names of its own"
    assert "a square, True, True, a square, drawn 1." in shown and "tick 0" in shown and names["count"] == 0
    names.update(square=None, NAMES={}, offset=5, new=1)
    del names["cube"]
    if where == "in a kernel":
        figure.live.widgets["f"].index = 1
        figure.live.redraw()
        shown = figure.live.picture.value
    elif where == "on demand":
        shown = ondemand.answer(list(ondemand.figures)[-1], 1)["picture"]
    if where != "static":
        assert "a cube, False, True, a square, drawn " in shown and "tick 0" in shown and "drawn 1." not in shown
    assert (names["square"], names["offset"], names["count"], names["new"]) == (None, 5, 0, 1) and "cube" not in names
