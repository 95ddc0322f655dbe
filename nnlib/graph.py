"""Graphs (chapter 16): layers in which every node hears its neighbours, and nobody else.

A graph of N nodes is its adjacency matrix A (N, N): A_ij > 0 where node i hears node j, and 0 elsewhere; in an undirected
graph A is symmetric. Nodes have features x (N, D). A batch of graphs of one size is x (B, N, D) with A (B, N, N), or with
one A (N, N) for all. Layers get A in each call, ``layer(x, A=A)``, so that what they learned works on any other graph; a
:class:`~nnlib.layers.Sequential` hands it on. All of them raise ``ValueError`` if A does not fit x, or holds NaN or
negative numbers. Names are those of PyTorch Geometric.
"""

import numpy as np

from nnlib import checks
from nnlib.activations import leaky_relu, softmax
from nnlib.init import drawn, xavier_uniform, zeros
from nnlib.layer import Layer, Parameter
from nnlib.layers import dense
from nnlib.operation import operation

KINDS, AGGREGATES = ("symmetric", "mean", "none"), ("mean", "sum", "max")


def _adjacency(who, A, x=None):
    """A as floats, after all checks; with features x, of their size and in their precision."""
    A = checks.numeric(who, "A", A)
    if x is None:
        checks.shape(who, A, (..., "N", "N"), "A")
    elif A.shape not in (x.shape[-2:-1] * 2, x.shape[:-1] + x.shape[-2:-1]):
        raise ValueError(f"{who} expects A {x.shape[-2:-1] * 2} for x {x.shape}, got {A.shape}")
    if not (A.min(initial=0) >= 0 and A.max(initial=0) < np.inf):
        checks.no_nan(who, "A", A)
        checks.in_range(who, 0, np.inf, A=A)
        raise ValueError(f"{who} expects finite A, got inf")
    return A.astype(np.result_type(A, np.float32) if x is None else x.dtype, copy=False)


def degree(A):
    """Number of neighbours of each node, Σ_j A_ij: A (..., N, N) -> (..., N). A weighted edge counts by its weight."""
    return _adjacency("degree", A).sum(axis=-1)


def normalize_adjacency(A, kind="symmetric", *, self_loops=True):
    """Weights with which a node adds up what it hears: A (..., N, N) -> (..., N, N).

    With d_i the degree of node i in A + I (in A without ``self_loops``), "symmetric" is A_ij / sqrt(d_i d_j), and "mean" is
    A_ij / d_i, whose rows sum to 1; "none" leaves A + I as it is. A node without any neighbour hears 0.

    References
    ----------
    Kipf and Welling, "Semi-supervised classification with graph convolutional networks", 2017.
    """
    checks.choice("normalize_adjacency", "kind", kind, KINDS)
    return _normalized(_adjacency("normalize_adjacency", A), kind, self_loops)


def _normalized(A, kind, self_loops):
    if self_loops:
        A = A + np.eye(A.shape[-1], dtype=A.dtype)
    if kind == "none":
        return A
    d = A.sum(axis=-1, keepdims=True)
    d[d == 0] = 1
    return A / d if kind == "mean" else A / np.sqrt(d * np.swapaxes(d, -1, -2))


def sample_neighbors(A, k, *, rng=None):
    """A with at most k neighbours left in each row, drawn without replacement: (..., N, N) -> (..., N, N).

    What is drawn need not be symmetric: i may hear j and not be heard.

    References
    ----------
    Hamilton, Ying and Leskovec, "Inductive representation learning on large graphs", 2017.
    """
    checks.count("sample_neighbors", k=k)
    A, rng = _adjacency("sample_neighbors", A), checks.generator("sample_neighbors", rng)
    lots = np.where(A > 0, rng.random(A.shape), -1)         # the k largest of each row stay
    place = np.argsort(np.argsort(-lots, axis=-1), axis=-1)
    return np.where(place < k, A, 0)


@operation("(...,N,D)")
def aggregate(x, *, A, aggr="mean"):
    """What each node's neighbours say, as one vector: "sum" Σ_j A_ij x_j, "mean" the same divided by Σ_j A_ij, or "max" of
    the x_j with A_ij > 0, feature by feature: x (..., N, D) -> (..., N, D). A node without neighbours gets 0.

    The gradient of a maximum goes to the first of equals.
    """
    A = _adjacency("aggregate", A, x)
    checks.choice("aggregate", "aggr", aggr, AGGREGATES)
    if aggr != "max" or A.size == 0:
        P = _normalized(A, "mean" if aggr == "mean" else "none", False)
        return P @ x, lambda dy: (np.swapaxes(P, -1, -2) @ dy,)
    heard = np.where(A[..., None] > 0, x[..., None, :, :], -np.inf)     # (..., i, j, D)
    first = heard.argmax(axis=-2, keepdims=True)
    anyone = A.max(axis=-1, initial=0)[..., None] > 0
    y = np.where(anyone, np.take_along_axis(heard, first, axis=-2)[..., 0, :], 0).astype(x.dtype, copy=False)

    def pullback(dy):
        hit = np.arange(x.shape[-2])[:, None] == first
        return (hit * np.where(anyone, dy, 0)[..., None, :]).sum(axis=-3),
    return y, pullback


@operation("(...,N,D),(D,K),(K)")
def graph_convolution(x, W, b=None, *, A, normalize="symmetric", add_self_loops=True):
    """Average over the neighbourhood, then a dense layer: y = P x W + b, with P from :func:`normalize_adjacency`.

    Back: dx = Pᵀ dy Wᵀ, dW = (P x)ᵀ dy, db the sum of dy over the nodes.

    Parameters
    ----------
    x : array (..., N, D)
    W : array (D, K)
    b : array (K,), or None
    A : array (N, N) or (..., N, N); it is not moved
    normalize : "symmetric", "mean" or "none"
    add_self_loops : False leaves out a node's own features

    Returns
    -------
    Array (..., N, K).

    References
    ----------
    Kipf and Welling, "Semi-supervised classification with graph convolutional networks", 2017.
    """
    checks.choice("graph_convolution", "normalize", normalize, KINDS)
    P = _normalized(_adjacency("graph_convolution", A, x), normalize, add_self_loops)
    y, back = dense.function(P @ x, W, b)

    def pullback(dy, input_grad=True):
        dmixed, *parameters = back(dy, input_grad)
        return (np.swapaxes(P, -1, -2) @ dmixed if input_grad else None, *parameters)
    return y, pullback


@operation("(...,N,D),(D,K),(D,K),(K)")
def sage_convolution(x, W, W_root, b=None, *, A, aggr="mean"):
    """Two dense layers, one for the neighbours' aggregate and one for the node itself: y = aggregate(x) W + x W_root + b.

    Parameters
    ----------
    x : array (..., N, D)
    W, W_root : arrays (D, K)
    b : array (K,), or None
    A, aggr : as in :func:`aggregate`

    Returns
    -------
    Array (..., N, K).

    References
    ----------
    Hamilton, Ying and Leskovec, "Inductive representation learning on large graphs", 2017.
    """
    heard, back = aggregate.vjp(x, A=A, aggr=aggr)
    others, from_others = dense.function(heard, W, b)
    own, from_own = dense.function(x, W_root)

    def pullback(dy, input_grad=True):
        dheard, dW, *db = from_others(dy, input_grad)
        dx, dW_root = from_own(dy, input_grad)
        return (dx + back(dheard)[0] if input_grad else None, dW, dW_root, *db)
    return others + own, pullback


def _attention(h, a_source, a_target, A, negative_slope):
    """Weights α (..., N, N) of the nodes j in what node i hears, and their pullback to the sums of two scores."""
    scores = (h @ a_target)[..., :, None] + (h @ a_source)[..., None, :]
    leaky, from_leaky = leaky_relu.function(scores, negative_slope=negative_slope)
    edges = A + np.eye(A.shape[-1], dtype=A.dtype) > 0
    alpha, from_alpha = softmax.function(np.where(edges, leaky, -np.inf))
    return alpha, lambda dalpha: from_leaky(from_alpha(dalpha)[0])[0]


@operation("(...,N,D),(D,K),(K),(K),(K)")
def graph_attention(x, W, a_source, a_target, b=None, *, A, negative_slope=0.2):
    """Each node weighs itself and its neighbours: with h = x W,

    s_ij = leaky_relu(a_target · h_i + a_source · h_j) where j = i or A_ij > 0,  α_i = softmax(s_i),  y_i = Σ_j α_ij h_j + b.

    Parameters
    ----------
    x : array (..., N, D)
    W : array (D, K)
    a_source, a_target : arrays (K,)
    b : array (K,), or None
    A : array (N, N) or (..., N, N), of which only A_ij > 0 counts
    negative_slope : of leaky_relu

    Returns
    -------
    Array (..., N, K).

    References
    ----------
    Veličković and others, "Graph attention networks", 2018.
    """
    A = _adjacency("graph_attention", A, x)
    h, from_h = dense.function(x, W)
    alpha, to_scores = _attention(h, a_source, a_target, A, negative_slope)
    y = alpha @ h

    def pullback(dy, input_grad=True):
        dz = to_scores(dy @ np.swapaxes(h, -1, -2))
        dtarget, dsource = dz.sum(axis=-1)[..., None], dz.sum(axis=-2)[..., None]
        dh = np.swapaxes(alpha, -1, -2) @ dy + dtarget * a_target + dsource * a_source
        nodes = tuple(range(dy.ndim - 1))
        dx, dW = from_h(dh, input_grad)
        gradients = dx, dW, (dsource * h).sum(axis=nodes), (dtarget * h).sum(axis=nodes)
        return gradients if b is None else (*gradients, dy.sum(axis=nodes))
    return y if b is None else y + b, pullback


@operation("(...,N,D)")
def graph_pool(x, *, aggr="mean"):
    """One vector for a graph, from all of its nodes: "mean", "sum" or "max" of x (..., N, D) -> (..., D).

    The gradient of a maximum goes to the first of equals. ``ValueError`` if there is no node.
    """
    checks.choice("graph_pool", "aggr", aggr, AGGREGATES)
    N = x.shape[-2]
    if N == 0:
        raise ValueError(f"graph_pool expects at least one node, got {x.shape}")
    if aggr == "max":
        share = (np.arange(N)[:, None] == x.argmax(axis=-2, keepdims=True)).astype(x.dtype)
        return x.max(axis=-2), lambda dy: (share * dy[..., None, :],)
    scale = 1 if aggr == "sum" else 1 / N
    return x.sum(axis=-2) * scale, lambda dy: (np.repeat(dy[..., None, :] * scale, N, axis=-2),)


class _GraphLayer(Layer):
    """What the layers share: matrices that ``init`` draws, vectors, and a bias of zeros or None."""

    op, context = None, ("A",)
    weights, vectors = ("W",), ()

    def __init__(self, in_channels, out_channels, bias, init, rng, dtype):
        who = type(self).__name__
        checks.count(who, in_channels=in_channels, out_channels=out_channels)
        self.in_channels, self.out_channels, rng = in_channels, out_channels, checks.generator(who, rng)
        for name in self.weights:
            setattr(self, name, Parameter(drawn(who, init, (in_channels, out_channels), rng, dtype), name))
        for name in self.vectors:
            setattr(self, name, Parameter(drawn(who, init, (1, out_channels), rng, dtype)[0], name))
        self.b = Parameter(zeros(out_channels, dtype=dtype), "b") if bias else None

    def vjp(self, x, A=None):
        if A is None:
            raise TypeError(f"{type(self).__name__} expects A, the adjacency matrix (N, N), as in model(x, A=A), got none")
        own = [getattr(self, name) for name in (*self.weights, *self.vectors, "b")]
        return self.apply(self.op, x, *own, A=A, **self.options)

    def extra_repr(self):
        options = "".join(f", {name}={value!r}" for name, value in self.options.items())
        return f"{self.in_channels}, {self.out_channels}, bias={self.b is not None}{options}"


class GCNConv(_GraphLayer):
    """Graph convolution, the layer of :func:`graph_convolution`: (..., N, in_channels) -> (..., N, out_channels).

    Parameters
    ----------
    in_channels, out_channels : integers of at least 1
    bias : False leaves out b
    normalize : "symmetric", "mean" or "none"
    add_self_loops : False leaves out a node's own features
    init : function of :mod:`nnlib.init` for ``W`` (in_channels, out_channels); ``b`` (out_channels,) is zeros
    rng : numpy Generator; without one, weights differ each time
    dtype : float64 or float32

    Raises
    ------
    TypeError
        If a size is no integer, ``rng`` no generator, or a call has no A.
    ValueError
        If a size is below 1, ``normalize`` is none of the three, or x and A do not fit.
    """

    op = graph_convolution

    def __init__(self, in_channels, out_channels, bias=True, *, normalize="symmetric", add_self_loops=True,
                 init=xavier_uniform, rng=None, dtype=np.float64):
        checks.choice("GCNConv", "normalize", normalize, KINDS)
        self.options = dict(normalize=normalize, add_self_loops=add_self_loops)
        super().__init__(in_channels, out_channels, bias, init, rng, dtype)


class SAGEConv(_GraphLayer):
    """GraphSAGE, the layer of :func:`sage_convolution`: (..., N, in_channels) -> (..., N, out_channels).

    ``aggr`` is "mean", "sum" or "max"; the other parameters and errors are as in :class:`GCNConv`. Parameters ``W`` for the
    neighbours, ``W_root`` for the node itself, and ``b``.
    """

    op, weights = sage_convolution, ("W", "W_root")

    def __init__(self, in_channels, out_channels, bias=True, *, aggr="mean", init=xavier_uniform, rng=None,
                 dtype=np.float64):
        checks.choice("SAGEConv", "aggr", aggr, AGGREGATES)
        self.options = dict(aggr=aggr)
        super().__init__(in_channels, out_channels, bias, init, rng, dtype)


class GATConv(_GraphLayer):
    """Graph attention with one head, the layer of :func:`graph_attention`: (..., N, in_channels) -> (..., N, out_channels).

    ``negative_slope`` is that of leaky_relu; the other parameters and errors are as in :class:`GCNConv`. Parameters ``W``,
    ``a_source``, ``a_target`` and ``b``.
    """

    op, vectors = graph_attention, ("a_source", "a_target")

    def __init__(self, in_channels, out_channels, bias=True, *, negative_slope=0.2, init=xavier_uniform, rng=None,
                 dtype=np.float64):
        checks.number("GATConv", negative_slope=negative_slope)
        self.options = dict(negative_slope=negative_slope)
        super().__init__(in_channels, out_channels, bias, init, rng, dtype)

    def attention(self, x, A):
        """The weights α (..., N, N): in row i, how much of each node's message node i takes."""
        x = checks.shape("GATConv", checks.no_nan("GATConv", "x", x), (..., "N", self.in_channels), brief=True)
        h, source, target = x @ self.W.value, self.a_source.value, self.a_target.value
        return _attention(h, source, target, _adjacency("GATConv", A, h), **self.options)[0]


class GraphPool(Layer):
    """One vector for a graph, (..., N, D) -> (..., D): the layer of :func:`graph_pool`."""

    def __init__(self, aggr="mean"):
        checks.choice("GraphPool", "aggr", aggr, AGGREGATES)
        self.options = dict(aggr=aggr)

    def vjp(self, x):
        return self.apply(graph_pool, x, **self.options)
