"""Attention and the transformer's block (chapter 13): each position looks at all others, and chooses by content.

Sequences are (N, T, D): samples, positions, features. Queries (..., T, D) look at keys (..., S, D) and take from
values (..., S, K). A mask is True where a query may look, as in PyTorch's ``scaled_dot_product_attention``; that of a
layer is (N, S), True for real positions and False for padding, as in :mod:`nnlib.recurrent`.
"""

import math

import numpy as np

from nnlib import checks
from nnlib.activations import relu, softmax
from nnlib.init import normal
from nnlib.layers import Activation, Dense, Layer, Parameter, Residual, Sequential
from nnlib.operation import operation
from nnlib.regularize import LayerNorm


@operation("(...,T,D),(...,S,D)")
def attention_weights(query, key, *, mask=None):
    r"""How much each query looks at each key: softmax of :math:`q \cdot k / \sqrt D` over the keys.

    Parameters
    ----------
    query : (..., T, D)
    key : (..., S, D), with the same leading axes
    mask : boolean array that broadcasts to (..., T, S), True where a query may look; by default everywhere

    Returns
    -------
    (..., T, S), each row with sum 1, and 0 where ``mask`` is False

    Raises
    ------
    TypeError, ValueError
        If shapes do not fit, ``mask`` is not boolean, or a query may look at no key at all.
    """
    if query.shape[-1] == 0:
        raise ValueError(f"attention_weights expects at least one feature, got query {query.shape}")
    if query.shape[:-2] != key.shape[:-2]:
        raise ValueError(f"attention_weights expects query and key with the same leading axes, got {query.shape} and {key.shape}")
    scale = 1 / math.sqrt(query.shape[-1])
    scores = query @ key.swapaxes(-1, -2)
    scores *= scale
    if mask is not None:
        scores = np.where(_allowed(mask, scores.shape), scores, -np.inf)
    A, through_softmax = softmax.function(scores)

    def pullback(dA):
        dscores, = through_softmax(dA)
        dscores *= scale
        return dscores @ key, dscores.swapaxes(-1, -2) @ query
    return A, pullback


def _allowed(mask, shape):
    """The mask of scores of that shape (..., T, S), checked."""
    mask = checks.numeric("attention_weights", "mask", mask)
    if mask.dtype != bool:
        raise TypeError(f"attention_weights expects mask as booleans, True where a query may look, got {mask.dtype}")
    try:
        mask = np.broadcast_to(mask, shape)
    except ValueError as error:
        raise ValueError(f"attention_weights expects a mask that broadcasts to {shape}, got {mask.shape}") from error
    if not mask.any(axis=-1).all():
        raise ValueError("attention_weights expects a key for each query, got a mask with a row of False")
    return mask


@operation("(...,T,D),(...,S,D),(...,S,K)")
def scaled_dot_product_attention(query, key, value, *, mask=None):
    r"""Soft look-up, :math:`\operatorname{softmax}(Q K^\top / \sqrt D)\, V`: a mean of the values for each query.

    The weights are those of :func:`attention_weights`, with its ``mask`` and errors. query (..., T, D), key (..., S,
    D), value (..., S, K) -> (..., T, K).

    References
    ----------
    Vaswani et al., "Attention is all you need", 2017.
    """
    if key.shape[:-2] != value.shape[:-2]:
        raise ValueError("scaled_dot_product_attention expects key and value with the same leading axes, "
                         f"got {key.shape} and {value.shape}")
    A, through_weights = attention_weights.vjp(query, key, mask=mask)

    def pullback(dy):
        dquery, dkey = through_weights(dy @ value.swapaxes(-1, -2))
        return dquery, dkey, A.swapaxes(-1, -2) @ dy
    return A @ value, pullback


def split_heads(x, num_heads):
    """(N, T, D) as (N, num_heads, T, D / num_heads): each head has its own share of the features."""
    x = checks.shape("split_heads", x, ("N", "T", "D"))
    _divides("split_heads", num_heads, x.shape[-1])
    return _split(x, num_heads)


def join_heads(x):
    """The inverse of :func:`split_heads`."""
    return _join(checks.shape("join_heads", x, ("N", "num_heads", "T", "D")))


def _split(x, num_heads):
    N, T, D = x.shape
    return x.reshape(N, T, num_heads, D // num_heads).swapaxes(1, 2)


def _join(x):
    N, num_heads, T, D = x.shape
    return x.swapaxes(1, 2).reshape(N, T, num_heads * D)


@operation("(N,T,D),(N,S,D),(N,S,D)")
def multi_head_attention(query, key, value, *, num_heads=1, mask=None):
    """:func:`scaled_dot_product_attention` in each head on its own, D / num_heads features each; outputs side by side.

    query (N, T, D), key and value (N, S, D) -> (N, T, D). ``mask`` broadcasts to (N, num_heads, T, S). Raises
    ``ValueError`` if ``num_heads`` does not divide D.

    References
    ----------
    Vaswani et al., "Attention is all you need", 2017.
    """
    _divides("multi_head_attention", num_heads, query.shape[-1])
    heads = (_split(x, num_heads) for x in (query, key, value))
    y, through_heads = scaled_dot_product_attention.vjp(*heads, mask=mask)

    def pullback(dy):
        return tuple(_join(d) for d in through_heads(_split(dy, num_heads)))
    return _join(y), pullback


def _divides(who, num_heads, features):
    checks.count(who, num_heads=num_heads)
    if features % num_heads:
        raise ValueError(f"{who} expects num_heads to divide the {features} features, got {num_heads}")


class MultiHeadAttention(Layer):
    """Attention with learned queries, keys and values: four dense layers around :func:`multi_head_attention`.

    ``layer(x)`` is self-attention: x (N, T, embed_dim) looks at itself. ``layer(x, memory=m)`` is cross-attention: x
    looks at m (N, S, embed_dim), and the pullback returns the pair of dx and dm. ``mask`` (N, S) is True for real
    positions of what is looked at.

    Parameters
    ----------
    embed_dim, num_heads : int
        D, and the number of heads, which divides it.
    causal : bool
        True: a position looks at itself and what is before it only.
    bias : False leaves out the four biases
    rng, dtype : as in :class:`~nnlib.Dense`

    Raises
    ------
    TypeError, ValueError
        If sizes or shapes do not fit, ``mask`` is not boolean or hides everything from a position, or a causal layer
        is given a memory.
    """

    context = ("mask",)

    def __init__(self, embed_dim, num_heads, *, causal=False, bias=True, rng=None, dtype=np.float64):
        checks.count("MultiHeadAttention", embed_dim=embed_dim)
        _divides("MultiHeadAttention", num_heads, embed_dim)
        self.embed_dim, self.num_heads, self.causal = embed_dim, num_heads, causal
        rng = checks.generator("MultiHeadAttention", rng)
        self.query, self.key, self.value, self.output = (
            Dense(embed_dim, embed_dim, bias, rng=rng, dtype=dtype) for _ in range(4))

    def vjp(self, x, memory=None, mask=None):
        memory, mask = self._looked_at(x, memory, mask)
        q, to_query = self.query.vjp(x)
        k, to_key = self.key.vjp(x if memory is None else memory)
        v, to_value = self.value.vjp(x if memory is None else memory)
        heads, through_heads = multi_head_attention.vjp(q, k, v, num_heads=self.num_heads, mask=mask)
        y, through_output = self.output.vjp(heads)

        def pullback(dy, input_grad=True):
            dq, dk, dv = through_heads(through_output(dy))
            if memory is not None:
                return to_query(dq, input_grad), to_key(dk) + to_value(dv)
            dx = to_query(dq, input_grad), to_key(dk, input_grad), to_value(dv, input_grad)
            return sum(dx) if input_grad else None
        return y, pullback

    def weights(self, x, memory=None, mask=None):
        """The attention weights of each head, (N, num_heads, T, S), for x as in a call."""
        memory, mask = self._looked_at(x, memory, mask)
        q, k = self.query.forward(x), self.key.forward(x if memory is None else memory)
        return attention_weights(split_heads(q, self.num_heads), split_heads(k, self.num_heads), mask=mask)

    def _looked_at(self, x, memory, mask):
        """What x looks at, if not itself, and the mask of the scores (N, 1 or num_heads, T, S), both checked."""
        who, sizes = "MultiHeadAttention", {}
        checks.fits(who, np.shape(x), ("N", "T", self.embed_dim), "x", sizes)
        if memory is not None:
            if self.causal:
                raise ValueError(f"{who} expects no memory if it is causal: the positions are those of another sequence")
            memory = checks.shape(who, memory, ("N", "S", self.embed_dim), "memory", sizes)
        if mask is not None:
            mask = checks.shape(who, mask, (sizes["N"], sizes.get("S", sizes["T"])), "mask")
            mask = mask[:, None, None, :]
        if self.causal:
            past = np.tri(sizes["T"], dtype=bool)
            mask = past if mask is None else np.where(past, mask, False)
        return memory, mask


def sinusoidal_positions(max_len, d_model):
    r"""A vector for each position: sines and cosines of :math:`t / 10000^{2i/D}`, for i = 0 ... D/2 − 1.

    Returns an array (max_len, d_model), float64: sines in the even columns, cosines in the odd ones. Raises
    ``ValueError`` if ``d_model`` is odd.

    References
    ----------
    Vaswani et al., "Attention is all you need", 2017.
    """
    checks.count("sinusoidal_positions", max_len=max_len, d_model=d_model)
    if d_model % 2:
        raise ValueError(f"sinusoidal_positions expects an even d_model, got {d_model}")
    angles = np.arange(max_len)[:, None] / 10000 ** (np.arange(0, d_model, 2) / d_model)
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(max_len, d_model)


@operation("(N,T,D),(L,D)")
def add_positions(x, P):
    """The vector of its position added to each x_t: x (N, T, D), P (L, D) with L of at least T -> (N, T, D)."""
    T = x.shape[1]
    if T > len(P):
        raise ValueError(f"add_positions expects at most {len(P)} positions, got x {x.shape}")

    def pullback(dy):
        dP = np.zeros_like(P)
        dP[:T] = dy.sum(axis=0)
        return dy, dP
    return x + P[:T], pullback


class PositionalEncoding(Layer):
    """:func:`add_positions` with the fixed :func:`sinusoidal_positions`, or with vectors that are learned.

    Parameters
    ----------
    max_len, d_model : int
        The longest sequence, L, and its features, D.
    learned : bool
        True: ``P`` (max_len, d_model) is a parameter, at first normal with a standard deviation of 0.02.
    rng, dtype : as in :class:`~nnlib.Dense`

    Raises ``ValueError`` if a sequence is longer than ``max_len``, and for an odd ``d_model`` that is not learned.
    """

    def __init__(self, max_len, d_model, *, learned=False, rng=None, dtype=np.float64):
        checks.count("PositionalEncoding", max_len=max_len, d_model=d_model)
        rng = checks.generator("PositionalEncoding", rng)
        self.learned = learned
        P = normal((max_len, d_model), rng, dtype, std=0.02) if learned else sinusoidal_positions(max_len, d_model)
        self.P = Parameter(P, "P") if learned else P.astype(checks.precision("PositionalEncoding", dtype))

    def vjp(self, x):
        if self.learned:
            return self.apply(add_positions, x, self.P)
        y, pullback = add_positions.vjp(x, self.P)
        return y, lambda dy, input_grad=True: pullback(dy)[0]

    def extra_repr(self):
        max_len, d_model = (self.P.value if self.learned else self.P).shape
        return f"max_len={max_len}, d_model={d_model}, learned={self.learned}"


class TransformerEncoderLayer(Sequential):
    """The transformer's block: attention, then two dense layers at each position, a shortcut around either.

    Post-norm, as in the paper: LayerNorm(x + part(x)) for each part. With ``norm_first`` pre-norm, x +
    part(LayerNorm(x)): the shortcuts stay free, and deep stacks train more easily. x (N, T, d_model) -> the same shape;
    ``mask`` (N, T) is True for real positions.

    Parameters
    ----------
    d_model, nhead, dim_feedforward : int
        D, the number of heads, and the units between the two dense layers (usually 4 D).
    activation : operation between the two dense layers
    norm_first, causal : bool
    rng, dtype : as in :class:`~nnlib.Dense`

    References
    ----------
    Vaswani et al., "Attention is all you need", 2017; pre-norm: Xiong et al., "On layer normalization in the
    transformer architecture", 2020.
    """

    def __init__(self, d_model, nhead, dim_feedforward, *, activation=relu, norm_first=False, causal=False, rng=None,
                 dtype=np.float64):
        rng = checks.generator("TransformerEncoderLayer", rng)
        attention = [MultiHeadAttention(d_model, nhead, causal=causal, rng=rng, dtype=dtype)]
        feed_forward = [Dense(d_model, dim_feedforward, rng=rng, dtype=dtype), Activation(activation),
                        Dense(dim_feedforward, d_model, rng=rng, dtype=dtype)]
        layers = []
        for part in attention, feed_forward:
            norm = LayerNorm(d_model, dtype=dtype)
            layers += [Residual(norm, *part)] if norm_first else [Residual(*part), norm]
        super().__init__(*layers)
