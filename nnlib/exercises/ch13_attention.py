"""Exercises of chapter 13, Attention and transformers."""

import numpy as np

from nnlib.exercises import exercise


def _softmax(scores):
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


@exercise(
    chapter="13_attention",
    title="A look-up on paper",
    minutes=10,
    value=True,
    prerequisites=["scaled dot product", "softmax of logarithms"],
)
def paper_attention():
    return np.array([5.0, 6.0])


@paper_attention.mistake("These weights are those of the scores before they were divided by the root of D.")
def _():
    return np.array([4.4, 7.2])


@paper_attention.mistake("That is the value with the largest weight. A soft look-up takes a part of every value.")
def _():
    return np.array([4.0, 8.0])


@paper_attention.mistake("These are the weights. One step is missing: with them, take the mean of the values.")
def _():
    return np.array([0.75, 0.25])


@paper_attention.mistake("The weights must add up to 1: divide by the sum of the exponentials.")
def _():
    return np.array([20.0, 24.0])


@exercise(
    chapter="13_attention",
    title="Look-ups in memories of different length",
    minutes=20,
    prerequisites=["scaled dot product", "padding mask"],
)
def attend_padded(q, K, V, lengths):
    scores = np.einsum("nd,nsd->ns", q, K) / np.sqrt(q.shape[1])
    real = np.arange(K.shape[1]) < lengths[:, None]
    e = np.where(real, np.exp(scores - scores.max(axis=1, keepdims=True)), 0)
    return np.einsum("ns,nsm->nm", e / e.sum(axis=1, keepdims=True), V)


def _padded_case(rng, N, S, D, M, lengths):
    return rng.normal(size=(N, D)), rng.normal(size=(N, S, D)), rng.normal(size=(N, S, M)), np.array(lengths)


@attend_padded.inputs
def _(rng):
    yield "memories without padding", 1, _padded_case(rng, 3, 4, 5, 2, [4, 4, 4])
    yield "memories with padding", 2, _padded_case(rng, 4, 5, 3, 6, [5, 1, 3, 2])
    q, K, V, lengths = _padded_case(rng, 3, 6, 4, 4, [2, 6, 4])
    yield "keys that are long", 1, (q, 4 * K, V, lengths)


def _attend(q, K, V, real, scale):
    scores = np.einsum("nd,nsd->ns", q, K) * scale
    return np.einsum("ns,nsm->nm", _softmax(np.where(real, scores, -np.inf)), V)


@attend_padded.mistake("The padding is looked at, too. What has no meaning must get no weight.")
def _(q, K, V, lengths):
    return _attend(q, K, V, np.ones(K.shape[:2], bool), 1 / np.sqrt(q.shape[1]))


@attend_padded.mistake("The scores are not scaled. Which root are they divided by, so that their spread does not grow with D?")
def _(q, K, V, lengths):
    return _attend(q, K, V, np.arange(K.shape[1]) < lengths[:, None], 1.0)


@attend_padded.mistake("The scores are divided by D. Their standard deviation grows with its root.")
def _(q, K, V, lengths):
    return _attend(q, K, V, np.arange(K.shape[1]) < lengths[:, None], 1 / q.shape[1])


@attend_padded.mistake("A score of 0 is ordinary: its exponential is 1. What must not be seen needs an exponential of 0.")
def _(q, K, V, lengths):
    real = np.arange(K.shape[1]) < lengths[:, None]
    scores = np.einsum("nd,nsd->ns", q, K) / np.sqrt(q.shape[1])
    return np.einsum("ns,nsm->nm", _softmax(scores * real), V)


@attend_padded.mistake("Padding is taken away after the softmax, so the weights that are left no longer add up to 1.")
def _(q, K, V, lengths):
    real = np.arange(K.shape[1]) < lengths[:, None]
    scores = np.einsum("nd,nsd->ns", q, K) / np.sqrt(q.shape[1])
    return np.einsum("ns,nsm->nm", _softmax(scores) * real, V)


@attend_padded.mistake("The root is taken of the number of keys. It belongs to the number of terms in each dot product.")
def _(q, K, V, lengths):
    return _attend(q, K, V, np.arange(K.shape[1]) < lengths[:, None], 1 / np.sqrt(K.shape[1]))


@exercise(
    chapter="13_attention",
    title="Causal attention with heads",
    minutes=25,
    prerequisites=["multi-head attention", "causal mask"],
)
def causal_heads(Q, K, V, heads):
    T, D = Q.shape
    size = D // heads
    y = np.empty((T, D))
    for h in range(heads):
        own = slice(h * size, (h + 1) * size)
        scores = Q[:, own] @ K[:, own].T / np.sqrt(size)
        scores[np.triu_indices(T, 1)] = -np.inf
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        y[:, own] = e / e.sum(axis=1, keepdims=True) @ V[:, own]
    return y


@causal_heads.inputs
def _(rng):
    yield "one head", 1, (*rng.normal(size=(3, 4, 2)), 1)
    yield "two heads", 2, (*rng.normal(size=(3, 5, 6)), 2)
    yield "as many heads as features", 1, (*rng.normal(size=(3, 6, 4)), 4)


def _heads(x, heads):
    return x.reshape(len(x), heads, -1).swapaxes(0, 1)


def _causal(Q, K, V, heads, scale, allowed, split=_heads):
    q, k, v = (split(x, heads) for x in (Q, K, V))
    scores = np.where(allowed(len(Q)), q @ k.swapaxes(1, 2) * scale, -np.inf)
    return (_softmax(scores) @ v).swapaxes(0, 1).reshape(Q.shape)


def _past(T):
    return np.tri(T, dtype=bool)


@causal_heads.mistake("Positions look at what comes after them. That is the answer, in a model that has to predict it.")
def _(Q, K, V, heads):
    return _causal(Q, K, V, heads, (Q.shape[1] / heads) ** -0.5, lambda T: True)


@causal_heads.mistake("The mask is the wrong way round: positions look at themselves and what comes after, not before.")
def _(Q, K, V, heads):
    return _causal(Q, K, V, heads, (Q.shape[1] / heads) ** -0.5, lambda T: _past(T).T)


@causal_heads.mistake("Each head sees fewer features than D. Its scores are sums of that many terms: take its root.")
def _(Q, K, V, heads):
    return _causal(Q, K, V, heads, Q.shape[1] ** -0.5, _past)


@causal_heads.mistake("All features go into one softmax. Each head has a share of the features, and weights of its own.")
def _(Q, K, V, heads):
    return _causal(Q, K, V, 1, Q.shape[1] ** -0.5, _past)


@causal_heads.mistake("The features of the heads are mixed with positions: a reshape alone cuts the rows in the wrong order.")
def _(Q, K, V, heads):
    def cut(x, heads):
        return x.reshape(heads, len(x), -1)

    return _causal(Q, K, V, heads, (Q.shape[1] / heads) ** -0.5, _past, cut)


@causal_heads.mistake("The future is taken away after the softmax, so the weights of early positions do not add up to 1.")
def _(Q, K, V, heads):
    q, k, v = (_heads(x, heads) for x in (Q, K, V))
    A = _softmax(q @ k.swapaxes(1, 2) * (Q.shape[1] / heads) ** -0.5) * _past(len(Q))
    return (A @ v).swapaxes(0, 1).reshape(Q.shape)


@exercise(
    chapter="13_attention",
    title="Perplexity and bits",
    minutes=10,
    prerequisites=["cross-entropy", "logarithms to the base 2"],
)
def perplexity_and_bits(p):
    nats = -np.log(p).mean()
    return np.exp(nats), nats / np.log(2)


@perplexity_and_bits.inputs
def _(rng):
    yield "two letters", 1, (np.array([0.5, 0.125]),)
    yield "a text", 2, (rng.uniform(0.02, 0.9, size=30),)
    yield "a long text", 1, (rng.uniform(0.02, 0.3, size=3000),)


@perplexity_and_bits.mistake("The second number is in nats. A bit is the logarithm to the base 2.")
def _(p):
    nats = -np.log(p).mean()
    return np.exp(nats), nats


@perplexity_and_bits.mistake("The logarithms come first, then the mean. The mean of 1/p lets the worst letter decide.")
def _(p):
    return (1 / p).mean(), np.log2((1 / p).mean())


@perplexity_and_bits.mistake("The logarithm of a mean probability is not the mean of the logarithms.")
def _(p):
    return 1 / p.mean(), -np.log2(p.mean())


@perplexity_and_bits.mistake("Loss is a mean over the letters. As a sum it grows with the length of the text.")
def _(p):
    return np.exp(-np.log(p).sum()), -np.log2(p).sum()


@perplexity_and_bits.mistake("Nats turn into bits the other way round: a bit is worth log 2 nats, less than one.")
def _(p):
    nats = -np.log(p).mean()
    return np.exp(nats), nats * np.log(2)


@perplexity_and_bits.mistake("Both are right, in the other order: first the perplexity, then the bits.")
def _(p):
    nats = -np.log(p).mean()
    return nats / np.log(2), np.exp(nats)
