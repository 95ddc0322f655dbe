import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nnlib
from nnlib import (
    Activation, Concatenate, Dense, GATConv, GCNConv, GraphPool, Residual, SAGEConv, Sequential, aggregate, check_layer,
    check_operation, degree, graph_attention, graph_convolution, graph_pool, normalize_adjacency, relu, sage_convolution,
    sample_neighbors,
)
from tests.nnlib.conftest import REFERENCE

STORED = np.load(REFERENCE / "graph.npz")
CASES = sorted({key.rsplit("/", 1)[0] for key in STORED})
PATH = np.array([[0., 1., 0.], [1., 0., 1.], [0., 1., 0.]])
ALONE = np.zeros((3, 3))


def random_graph(rng, *shape, density=0.4):
    A = np.triu(rng.random(shape) < density, 1).astype(float)
    return A + np.swapaxes(A, -1, -2)


@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients_are_pytorchs(case):
    name, options = case.split("/")
    op = getattr(nnlib, name)
    y, pullback = op.vjp(*(STORED[f"{case}/{array}"] for array in op.arrays), A=STORED[f"{case}/A"],
                         **eval(f"dict({options})"))
    np.testing.assert_allclose(y, STORED[f"{case}/y"], rtol=1e-12, atol=1e-12)
    for array, gradient in zip(op.arrays, pullback(STORED[f"{case}/dy"]), strict=True):
        np.testing.assert_allclose(gradient, STORED[f"{case}/d{array}"], rtol=1e-12, atol=1e-12)


def test_degree_and_normalisation_by_hand():
    assert degree(PATH).tolist() == [1, 2, 1] and degree([[0, 3], [3, 0]]).tolist() == [3, 3]
    assert degree(np.stack([PATH, ALONE])).tolist() == [[1, 2, 1], [0, 0, 0]]
    root = 6**-0.5
    np.testing.assert_allclose(normalize_adjacency(PATH), [[1 / 2, root, 0], [root, 1 / 3, root], [0, root, 1 / 2]], rtol=1e-15)
    np.testing.assert_allclose(normalize_adjacency(PATH, "mean"), [[1 / 2, 1 / 2, 0], [1 / 3] * 3, [0, 1 / 2, 1 / 2]], rtol=1e-15)
    np.testing.assert_allclose(normalize_adjacency(PATH, self_loops=False), PATH / 2**0.5, rtol=1e-15)
    np.testing.assert_array_equal(normalize_adjacency(PATH, "none"), PATH + np.eye(3))
    assert normalize_adjacency(ALONE, self_loops=False).tolist() == normalize_adjacency(ALONE, "mean", self_loops=False).tolist()
    assert not normalize_adjacency(ALONE, self_loops=False).any() and (normalize_adjacency(ALONE) == np.eye(3)).all()
    half = np.array([[0, 0.5], [0, 0]])          # weights count, and i hears j by row i
    assert normalize_adjacency(half, "mean", self_loops=False).tolist() == [[0, 1], [0, 0]]
    assert degree(np.ones((2, 2), int)).dtype == float and degree(np.ones((2, 2), np.float32)).dtype == np.float32


def test_convolution_by_hand():
    x, W = np.array([[6.], [0.], [12.]]), np.array([[1., -1.]])
    assert graph_convolution(x, W, [1., 0.], A=PATH, normalize="mean").tolist() == [[4, -3], [7, -6], [7, -6]]
    assert graph_convolution(x, W, A=PATH, normalize="none", add_self_loops=False)[:, 0].tolist() == [0, 18, 0]
    assert aggregate(x, A=PATH)[:, 0].tolist() == [0, 9, 0] and aggregate(x, A=PATH, aggr="sum")[:, 0].tolist() == [0, 18, 0]
    assert aggregate(-x, A=PATH, aggr="max")[:, 0].tolist() == [0, -6, 0]
    for aggr in ("mean", "sum", "max"):
        assert not aggregate(x - 5, A=ALONE, aggr=aggr).any()
    heavy = np.array([[0, 3, 1.], [0, 0, 0], [0, 0, 0]])
    assert aggregate([[0], [1], [5.]], A=heavy)[0] == 2 and aggregate([[0], [1], [5.]], A=heavy, aggr="max")[0] == 5


def test_of_equals_the_first_gets_the_gradient():
    x = np.array([[1.], [2.], [2.]])
    _, pullback = aggregate.vjp(x, A=np.ones((3, 3)), aggr="max")
    assert pullback(np.array([[1.], [10.], [100.]]))[0].tolist() == [[0], [111], [0]]
    assert graph_pool.vjp(x, aggr="max")[1](np.array([3.]))[0].tolist() == [[0], [3], [0]]
    _, pullback = aggregate.vjp(x, A=ALONE, aggr="max")
    assert not pullback(np.ones((3, 1)))[0].any()


def test_pooling_by_hand(rng):
    x = rng.normal(size=(2, 5, 3))
    np.testing.assert_allclose(graph_pool(x), x.mean(axis=1), rtol=1e-14)
    np.testing.assert_allclose(graph_pool(x, aggr="sum"), x.sum(axis=1), rtol=1e-14)
    np.testing.assert_array_equal(graph_pool(x, aggr="max"), x.max(axis=1))
    np.testing.assert_array_equal(GraphPool("max")(x[0]), x[0].max(axis=0))
    assert graph_pool(x[0]).shape == (3,)
    for aggr in ("mean", "sum", "max"):
        assert check_operation(graph_pool, x, rng=rng, aggr=aggr) < 1e-7


def test_attention_by_hand():
    x, one = np.array([[0.], [1.], [-2.]]), np.ones((1, 1))
    z = np.exp([0, 1, -0.4])                    # leaky_relu of a_source h, with a_target 0
    alpha = np.array([[z[0], z[1], 0], z, [0, z[1], z[2]]])
    alpha /= alpha.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(graph_attention(x, one, [1.], [0.], A=PATH), alpha @ x, rtol=1e-14)
    np.testing.assert_allclose(graph_attention(x, one, [1.], [0.], [5.], A=7 * PATH), alpha @ x + 5, rtol=1e-14)
    layer = GATConv(1, 1)
    for p, value in zip(layer.parameters(), (one, [1.], [0.])):
        p.value = value
    np.testing.assert_allclose(layer.attention(x, PATH), alpha, rtol=1e-14)
    np.testing.assert_allclose(layer.attention(x.tolist(), PATH.astype(int)), alpha, rtol=1e-14)


def layers(rng):
    yield from (GCNConv(4, 3, rng=rng), GCNConv(4, 3, False, normalize="mean", rng=rng),
                GCNConv(4, 3, normalize="none", add_self_loops=False, rng=rng))
    yield from (SAGEConv(4, 3, aggr=aggr, bias=aggr != "sum", rng=rng) for aggr in ("mean", "sum", "max"))
    yield from (GATConv(4, 3, rng=rng), GATConv(4, 3, False, negative_slope=0.5, rng=rng))


@settings(deadline=None, max_examples=15)
@given(st.integers(1, 7), st.sampled_from([(), (3,), (2, 2)]), st.booleans(), st.integers(0, 2**32))
def test_gradients_and_equivariance(N, leading, shared, seed):
    rng = np.random.default_rng(seed)
    x, A = rng.normal(size=(*leading, N, 4)), random_graph(rng, *(() if shared else leading), N, N)
    order = rng.permutation(N)
    for layer in layers(rng):
        for p in layer.parameters():
            p.value = rng.normal(size=p.value.shape)
        assert check_layer(layer, x, rng=rng, A=A) < 1e-6
        moved = layer(x[..., order, :], A=A[..., order, :][..., order])
        np.testing.assert_allclose(moved, layer(x, A=A)[..., order, :], rtol=1e-9, atol=1e-12)
        if len(leading) == 1:                   # a batch is its graphs one by one
            each = [layer(x[i], A=A if shared else A[i]) for i in range(3)]
            np.testing.assert_allclose(layer(x, A=A), each, rtol=1e-9, atol=1e-12)


def test_sum_of_attention_is_one_and_only_neighbours_count(rng):
    x, A = rng.normal(size=(2, 6, 4)), random_graph(rng, 2, 6, 6)
    layer = GATConv(4, 3, rng=rng)
    alpha = layer.attention(x, A)
    np.testing.assert_allclose(alpha.sum(axis=-1), 1, rtol=1e-14)
    assert ((alpha > 0) == (A + np.eye(6) > 0)).all()
    np.testing.assert_allclose(layer(x, A=A), alpha @ (x @ layer.W.value), rtol=1e-12)


def test_layers_are_their_operations(rng):
    x, A = rng.normal(size=(5, 4)), random_graph(rng, 5, 5)
    gcn, sage, gat = GCNConv(4, 3, rng=rng), SAGEConv(4, 3, rng=rng), GATConv(4, 3, rng=rng)
    for layer in (gcn, sage, gat):
        assert not layer.b.value.any() and layer.W.value.any()
        layer.b.value = rng.normal(size=3)
    np.testing.assert_array_equal(gcn(x, A=A), graph_convolution(x, gcn.W.value, gcn.b.value, A=A))
    np.testing.assert_array_equal(sage(x, A=A), sage_convolution(x, sage.W.value, sage.W_root.value, sage.b.value, A=A))
    values = (p.value for p in (gat.W, gat.a_source, gat.a_target, gat.b))
    np.testing.assert_array_equal(gat(x, A=A), graph_attention(x, *values, A=A))
    assert [list(layer.named_parameters()) for layer in (gcn, sage, gat)] == [
        ["W", "b"], ["W", "W_root", "b"], ["W", "a_source", "a_target", "b"]]
    assert {p.value.shape for p in gat.parameters()} == {(4, 3), (3,)}
    assert repr(GCNConv(4, 3, False)) == "GCNConv(4, 3, bias=False, normalize='symmetric', add_self_loops=True)"
    assert repr(sage) == "SAGEConv(4, 3, bias=True, aggr='mean')" and repr(GraphPool()) == "GraphPool(aggr='mean')"
    assert repr(gat) == "GATConv(4, 3, bias=True, negative_slope=0.2)"
    same = [GCNConv(4, 3, rng=np.random.default_rng(seed)).W.value for seed in (1, 1, 2)]
    assert (same[0] == same[1]).all() and (same[0] != same[2]).any()
    assert not GCNConv(4, 3, init=nnlib.zeros).W.value.any()


def test_networks_hand_the_graph_on(rng):
    x, A = rng.normal(size=(2, 5, 4)), random_graph(rng, 2, 5, 5)
    first, last, straight = GCNConv(4, 4, rng=rng), SAGEConv(4, 4, rng=rng), GCNConv(4, 4, rng=rng)
    network = Sequential(Dense(4, 4, rng=rng), Residual(first, Activation(relu), shortcut=straight), Residual(last),
                         GraphPool("sum"), Dense(4, 2, rng=rng))
    assert network.context == {"A"} and check_layer(network, x, rng=rng, A=A) < 1e-6
    h = network[0](x)
    h = relu(first(h, A=A)) + straight(h, A=A)
    np.testing.assert_allclose(network(x, A=A), network[4]((h + last(h, A=A)).sum(axis=1)), rtol=1e-12)
    side = Concatenate(first, Dense(4, 4, rng=rng))
    expected = np.concatenate([first(x, A=A), side.branches[1](x)], axis=1)
    np.testing.assert_array_equal(side(x, A=A), expected)
    for container in (Sequential(Dense(4, 2)), Residual(Dense(4, 4)), Concatenate(Dense(4, 4))):
        name = type(container).__name__
        with pytest.raises(TypeError, match=f"^{name} expects no A, which it hands on to none of its layers, got ndarray"):
            container(x, A=A)
        np.testing.assert_array_equal(container.forward(x, A=None), container(x))


def test_a_summary_is_given_the_graph(rng, capsys):
    Sequential(Dense(4, 4, rng=rng), GCNConv(4, 2, rng=rng)).summary(np.ones((5, 4)), A=np.ones((5, 5)))
    assert "1 GCNConv   (N, 2)                 10" in capsys.readouterr().out


def test_sampling(rng):
    A = random_graph(rng, 30, 30, density=0.5)
    few = sample_neighbors(A, 3, rng=rng)
    assert ((few == A) | (few == 0)).all() and (degree(few) == np.minimum(degree(A), 3)).all()
    assert (few != few.T).any() and (sample_neighbors(A, 30, rng=rng) == A).all()
    assert (few != sample_neighbors(A, 3, rng=rng)).any()
    drawn = [sample_neighbors([[0, 2, 1, 1]] * 4, 1, rng=rng) for _ in range(500)]      # each equally, whatever its weight
    assert np.abs(np.mean(np.array(drawn) > 0, axis=(0, 1)) - [0, 1 / 3, 1 / 3, 1 / 3]).max() < 0.04
    assert {*np.unique(drawn)} == {0, 1, 2}
    assert (degree(sample_neighbors(np.stack([A, A]), 2, rng=rng)) == np.minimum(degree(A), 2)).all()
    assert (sample_neighbors(A, 3, rng=np.random.default_rng(1)) == sample_neighbors(A, 3, rng=np.random.default_rng(1))).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precision_is_kept_and_nothing_is_touched(rng, dtype):
    x, A = rng.normal(size=(5, 4)).astype(dtype), random_graph(rng, 5, 5)
    kept = x.copy(), A.copy()
    made = [*layers(rng), *(GraphPool(aggr) for aggr in ("mean", "sum", "max"))]
    for layer in made:
        context = dict(A=A) if layer.context else {}
        y, pullback = layer.vjp(x, **context)
        dy = rng.normal(size=y.shape).astype(dtype)
        before = dy.copy()
        first, second = pullback(dy), pullback(dy)
        assert y.dtype == first.dtype == dtype and (dy == before).all()
        np.testing.assert_array_equal(first, second)
        assert (layer.vjp(x, **context)[1](dy, input_grad=False) is None) == isinstance(layer, (GCNConv, SAGEConv, GATConv))
        y[...] = 0
    np.testing.assert_array_equal(x, kept[0])
    np.testing.assert_array_equal(A, kept[1])
    assert normalize_adjacency(A.astype(dtype)).dtype == dtype == sample_neighbors(A.astype(dtype), 2, rng=rng).dtype


def test_a_layer_without_gradient_of_its_input_still_learns(rng):
    x, A = rng.normal(size=(5, 4)), random_graph(rng, 5, 5)
    for layer in layers(rng):
        y = layer(x, A=A)
        layer.backward(np.ones_like(y), input_grad=False)
        without = [p.grad.copy() for p in layer.parameters()]
        layer.zero_grad()
        layer(x, A=A)
        layer.backward(np.ones_like(y))
        for p, gradient in zip(layer.parameters(), without):
            np.testing.assert_array_equal(p.grad, gradient)


X = np.ones((3, 4))


def test_no_nodes_hear_nothing():
    y, pullback = aggregate.vjp(np.ones((0, 2)), A=np.ones((0, 0)), aggr="max")
    assert y.shape == pullback(y)[0].shape == (0, 2)


@pytest.mark.parametrize("call, error, message", [
    (lambda: degree(np.ones(3)), ValueError, r"degree expects A \(\.\.\., N, N\), got \(3,\)"),
    (lambda: degree(np.ones((3, 2))), ValueError, r"degree expects A \(\.\.\., [N3], [N3]\), got \(3, 2\)"),
    (lambda: degree([[0, -1], [1, 0]]), ValueError, r"degree expects A in \[0, inf\], got -1 to 1"),
    (lambda: degree([[0, np.nan], [1, 0]]), ValueError, "degree expects A without NaN"),
    (lambda: degree([[0, np.inf], [1, 0]]), ValueError, "degree expects finite A, got inf"),
    (lambda: aggregate(X, A=PATH * np.where(PATH, np.inf, 1)), ValueError, "aggregate expects finite A, got inf"),
    (lambda: GATConv(4, 2).attention(X * np.nan, PATH), ValueError, "GATConv expects x without NaN"),
    (lambda: degree([["a"]]), TypeError, "degree expects A as an array of real numbers"),
    (lambda: normalize_adjacency(PATH, "rows"), ValueError,
     "normalize_adjacency expects kind as one of 'symmetric', 'mean', 'none', got 'rows'"),
    (lambda: normalize_adjacency(-PATH), ValueError, "normalize_adjacency expects A in"),
    (lambda: sample_neighbors(PATH, 0), ValueError, "sample_neighbors expects k >= 1, got 0"),
    (lambda: sample_neighbors(PATH, 1, rng=3), TypeError, "sample_neighbors expects rng as"),
    (lambda: sample_neighbors(-PATH, 1), ValueError, "sample_neighbors expects A in"),
    (lambda: aggregate(X, A=PATH, aggr="min"), ValueError, "aggregate expects aggr as one of 'mean', 'sum', 'max', got 'min'"),
    (lambda: aggregate(X, A=-PATH), ValueError, "aggregate expects A in"),
    (lambda: aggregate(X[0], A=PATH), ValueError, r"aggregate expects \(\.\.\., N, D\), got \(4,\)"),
    (lambda: graph_convolution(X, np.ones((4, 2)), A=np.ones((4, 4))), ValueError,
     r"graph_convolution expects A \(3, 3\) for x \(3, 4\), got \(4, 4\)"),
    (lambda: graph_convolution(X, np.ones((4, 2)), A=np.ones((2, 3, 3))), ValueError,
     r"graph_convolution expects A \(3, 3\) for x \(3, 4\), got \(2, 3, 3\)"),
    (lambda: graph_convolution(X, np.ones((4, 2)), A=PATH, normalize="row"), ValueError,
     "graph_convolution expects normalize as"),
    (lambda: graph_convolution(X, np.ones((3, 2)), A=PATH), ValueError, r"graph_convolution expects W \(4, K\), got \(3, 2\)"),
    (lambda: sage_convolution(X, np.ones((4, 2)), np.ones((4, 3)), A=PATH), ValueError,
     r"sage_convolution expects W_root \(4, 2\)"),
    (lambda: graph_attention(X, np.ones((4, 2)), np.ones(3), np.ones(2), A=PATH), ValueError,
     r"graph_attention expects a_source \(2,\), got \(3,\)"),
    (lambda: graph_attention(X, np.ones((4, 2)), np.ones(2), np.ones(2), A=-PATH), ValueError, "graph_attention expects A in"),
    (lambda: graph_pool(np.ones((2, 0, 3))), ValueError, r"graph_pool expects at least one node, got \(2, 0, 3\)"),
    (lambda: graph_pool(X, aggr="min"), ValueError, "graph_pool expects aggr as one of"),
    (lambda: GCNConv(0, 2), ValueError, "GCNConv expects in_channels >= 1, got 0"),
    (lambda: SAGEConv(2, 1.5), TypeError, "SAGEConv expects out_channels as an integer, got 1.5"),
    (lambda: GATConv(2, 2, rng=3), TypeError, "GATConv expects rng as"),
    (lambda: GATConv(2, 2, negative_slope="a"), TypeError, "GATConv expects negative_slope as a number"),
    (lambda: GCNConv(2, 2, normalize="row"), ValueError, "GCNConv expects normalize as one of"),
    (lambda: SAGEConv(2, 2, aggr="min"), ValueError, "SAGEConv expects aggr as one of"),
    (lambda: GraphPool("min"), ValueError, "GraphPool expects aggr as one of"),
    (lambda: GCNConv(2, 2)(X, A=PATH), ValueError, r"GCNConv expects \(N, 2\), got \(3, 4\)"),
    *((call, TypeError, rf"^{kind.__name__} expects A, the adjacency matrix \(N, N\), as in model\(x, A=A\), got none")
      for kind in (GCNConv, SAGEConv, GATConv) for call in (
          lambda kind=kind: kind(4, 2)(X), lambda kind=kind: Sequential(Dense(4, 4), kind(4, 2)).summary(X),
          lambda kind=kind: nnlib.predict(Sequential(kind(4, 2)), X))),
    (lambda: GATConv(2, 2).attention(X, PATH), ValueError, r"GATConv expects \(N, 2\), got \(3, 4\)"),
    (lambda: GATConv(4, 2).attention(X, np.ones((2, 2))), ValueError, r"GATConv expects A \(3, 3\)"),
])
def test_wrong_input_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
