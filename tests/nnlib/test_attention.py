from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nnlib
from nnlib import (
    Dense, LayerNorm, MultiHeadAttention, PositionalEncoding, Residual, Sequential, Tensor, TransformerEncoderLayer,
    add_positions, attention_weights, check_layer, check_operation, join_heads, multi_head_attention,
    scaled_dot_product_attention, sinusoidal_positions, split_heads,
)

STORED = np.load(Path(__file__).parent / "reference" / "attention.npz")
NAMES = sorted({key.rsplit("/", 1)[0] for key in STORED})
EXACT = dict(rtol=1e-12, atol=1e-12)


def case(name):
    return {key.removeprefix(f"{name}/"): STORED[key] for key in STORED if key.startswith(f"{name}/")}


def by_name(kind):
    return pytest.mark.parametrize("name", [name for name in NAMES if name.startswith(kind)])


def attention_parameters(layer, prefix, stored, first=""):
    """Pairs of a parameter and PyTorch's array for it, from the stored names that begin with ``first``."""
    for kind, sign in (("weight", "W"), ("bias", "b")):
        parts = np.split(stored[f"{first}{prefix}in_proj_{kind}"], 3)
        for part, array in zip((layer.query, layer.key, layer.value), parts):
            yield getattr(part, sign), array.T
        yield getattr(layer.output, sign), stored[f"{first}{prefix}out_proj.{kind}"].T


@by_name("scaled_dot_product_attention")
def test_attention_is_pytorchs(name):
    stored = case(name)
    arrays = "query", "key", "value"
    y, pullback = scaled_dot_product_attention.vjp(*(stored[a] for a in arrays), mask=stored.get("mask"))
    np.testing.assert_allclose(y, stored["y"], **EXACT)
    for array, gradient in zip(arrays, pullback(stored["dy"]), strict=True):
        np.testing.assert_allclose(gradient, stored[f"d{array}"], **EXACT)


@by_name("multi_head_attention")
def test_multi_head_attention_is_pytorchs(name):
    stored, kind = case(name), name.split("/")[1]
    layer = MultiHeadAttention(6, 2, causal=kind == "causal")
    for p, array in attention_parameters(layer, "", stored):
        p.value = array
    mask = {"padded": stored["mask"][:, :4], "cross": stored["mask"]}.get(kind)
    x, memory = stored["x"], stored.get("memory")
    y = layer(x, memory=memory, mask=mask)
    np.testing.assert_allclose(y, stored["y"], **EXACT)
    gradients = layer.backward(stored["dy"])
    gradients = gradients if kind == "cross" else [gradients]
    for gradient, array in zip(gradients, ("x", "memory")):
        np.testing.assert_allclose(gradient, stored[f"d{array}"], **EXACT)
    for p, array in attention_parameters(layer, "", stored, "d"):
        np.testing.assert_allclose(p.grad, array, **EXACT)
    A = layer.weights(x, memory, mask)
    np.testing.assert_allclose(A.sum(axis=-1), 1, **EXACT)
    value = split_heads(layer.value(x if memory is None else memory), 2)
    np.testing.assert_allclose(layer.output(join_heads(A @ value)), y, **EXACT)


def block_parameters(block, stored, norm_first, first=""):
    attention = next(part for part in block.layers_inside() if isinstance(part, MultiHeadAttention))
    yield from attention_parameters(attention, "self_attn.", stored, first)
    linear = [part for part in block.layers_inside() if isinstance(part, Dense) and 8 in part.W.value.shape]
    norms = [part for part in block.layers_inside() if isinstance(part, LayerNorm)]
    for i, (dense, norm) in enumerate(zip(linear, norms, strict=True), 1):
        yield dense.W, stored[f"{first}linear{i}.weight"].T
        yield dense.b, stored[f"{first}linear{i}.bias"]
        yield norm.gamma, stored[f"{first}norm{i}.weight"]
        yield norm.beta, stored[f"{first}norm{i}.bias"]


@by_name("transformer_encoder_layer")
def test_the_block_is_pytorchs(name):
    stored, (activation, norm_first, kind) = case(name), name.split("/")[1].split(",")
    norm_first = norm_first == "norm_first=True"
    block = TransformerEncoderLayer(6, 2, 8, activation=getattr(nnlib, activation), norm_first=norm_first,
                                    causal=kind == "causal")
    for p, array in block_parameters(block, stored, norm_first):
        p.value = array
    y = block(stored["x"], mask=stored["mask"] if kind == "padded" else None)
    np.testing.assert_allclose(y, stored["y"], **EXACT)
    np.testing.assert_allclose(block.backward(stored["dy"], input_grad=True), stored["dx"], rtol=1e-11, atol=1e-11)
    for p, array in block_parameters(block, stored, norm_first, "d"):
        np.testing.assert_allclose(p.grad, array, rtol=1e-11, atol=1e-11)


def test_by_hand():
    query, key, value = np.array([[2., 0.]]), np.array([[0., 1.], [np.log(3) / 2 ** 0.5, 5.]]), np.array([[4.], [8.]])
    np.testing.assert_allclose(attention_weights(query, key), [[0.25, 0.75]], **EXACT)
    np.testing.assert_allclose(scaled_dot_product_attention(query, key, value), [[7.]], **EXACT)
    np.testing.assert_array_equal(attention_weights(query, key, mask=[True, False]), [[1., 0.]])


def attention_by_loops(query, key, value, mask):
    y = np.zeros(query.shape[:-1] + value.shape[-1:])
    for *batch, t in np.ndindex(query.shape[:-1]):
        at = *batch, t
        seen = [s for s in range(key.shape[-2]) if mask[at][s]]
        e = [np.exp(query[at] @ key[*batch, s] / query.shape[-1] ** 0.5) for s in seen]
        for s, weight in zip(seen, e):
            y[at] += weight / sum(e) * value[*batch, s]
    return y


@settings(deadline=None)
@given(*[st.integers(1, 4)] * 4, st.sampled_from([(), (2,), (2, 3)]), st.integers(0, 2**32))
def test_attention_is_its_loops(T, S, D, K, batch, seed):
    rng = np.random.default_rng(seed)
    query, key, value = (rng.normal(size=(*batch, *shape)) for shape in ((T, D), (S, D), (S, K)))
    mask = rng.random((*batch, T, S)) < 0.6
    mask[..., rng.integers(S)] = True
    y = scaled_dot_product_attention(query, key, value, mask=mask)
    np.testing.assert_allclose(y, attention_by_loops(query, key, value, mask), **EXACT)
    np.testing.assert_array_equal(attention_weights(query, key, mask=mask) > 0, mask)
    assert check_operation(scaled_dot_product_attention, query, key, value, rng=rng, mask=mask) < 1e-7
    assert check_operation(attention_weights, query, key, rng=rng, mask=mask) < 1e-7


def test_large_scores_do_not_overflow():
    query, key = np.full((1, 4), 1e3), np.array([[1e3] * 4, [-1e3] * 4])
    np.testing.assert_array_equal(attention_weights(query, key), [[1., 0.]])
    np.testing.assert_array_equal(attention_weights(-query, key, mask=[[True, False]]), [[1., 0.]])


@pytest.mark.parametrize("num_heads", [1, 2, 3, 6])
def test_each_head_has_its_own_features(rng, num_heads):
    query, key, value = (rng.normal(size=(2, length, 6)) for length in (3, 4, 4))
    mask = rng.random((2, num_heads, 3, 4)) < 0.7
    mask[..., 0] = True
    y = multi_head_attention(query, key, value, num_heads=num_heads, mask=mask)
    size = 6 // num_heads
    for head in range(num_heads):
        own = slice(head * size, (head + 1) * size)
        np.testing.assert_allclose(y[..., own], scaled_dot_product_attention(
            query[..., own], key[..., own], value[..., own], mask=mask[:, head]), **EXACT)
    assert check_operation(multi_head_attention, query, key, value, rng=rng, num_heads=num_heads, mask=mask) < 1e-7
    heads = split_heads(query, num_heads)
    assert heads.shape == (2, num_heads, 3, size)
    np.testing.assert_array_equal(join_heads(heads), query)


def test_one_head_unless_said(rng):
    x = rng.normal(size=(2, 3, 5))
    np.testing.assert_allclose(multi_head_attention(x, x, x), scaled_dot_product_attention(x, x, x), **EXACT)


def test_a_permutation_of_the_input_permutes_the_output(rng):
    x, order = rng.normal(size=(2, 5, 6)), rng.permutation(5)
    block = TransformerEncoderLayer(6, 2, 7, rng=rng)
    np.testing.assert_allclose(block(x[:, order]), block(x)[:, order], **EXACT)
    placed = Sequential(PositionalEncoding(5, 6), block)
    assert np.abs(placed(x[:, order]) - placed(x)[:, order]).max() > 0.01


def test_a_causal_layer_does_not_see_what_comes(rng):
    x, other = rng.normal(size=(2, 2, 5, 6))
    other[:, :3] = x[:, :3]
    layer = MultiHeadAttention(6, 3, causal=True, rng=rng)
    np.testing.assert_allclose(layer(x)[:, :3], layer(other)[:, :3], **EXACT)
    assert np.abs(layer(x) - layer(other))[:, 3:].max() > 0.01
    A = layer.weights(x)
    assert A.shape == (2, 3, 5, 5) and (A > 0).tolist() == [[np.tri(5, dtype=bool).tolist()] * 3] * 2


def test_padding_is_not_looked_at(rng):
    x, lengths = rng.normal(size=(3, 5, 6)), (5, 2, 3)
    mask = np.arange(5) < np.array(lengths)[:, None]
    for causal in (False, True):
        model = Sequential(TransformerEncoderLayer(6, 2, 7, causal=causal, rng=rng),
                           Residual(TransformerEncoderLayer(6, 2, 7, norm_first=True, causal=causal, rng=rng)))
        y = model(x, mask=mask)
        for n, length in enumerate(lengths):
            np.testing.assert_allclose(y[n, :length], model(x[[n], :length])[0], **EXACT)


@pytest.mark.parametrize("layer", [
    MultiHeadAttention(6, 2, rng=np.random.default_rng(1)), MultiHeadAttention(6, 3, bias=False, causal=True),
    TransformerEncoderLayer(6, 2, 7, activation=nnlib.tanh), PositionalEncoding(4, 6), PositionalEncoding(5, 6, learned=True),
    TransformerEncoderLayer(6, 2, 7, activation=nnlib.gelu, norm_first=True, causal=True),
], ids=lambda layer: repr(layer).split("\n")[0])
def test_gradients_of_layers(rng, layer):
    x = rng.normal(size=(2, 4, 6))
    for p in layer.parameters():
        p.value = rng.normal(size=p.value.shape)
    assert check_layer(layer, x, rng=rng) < 1e-7
    layer(x)
    dx = layer.backward(x, input_grad=True)
    assert dx.shape == x.shape
    kept = [p.grad.copy() for p in layer.parameters()]
    layer.zero_grad()
    layer(x)
    without = layer.backward(x, input_grad=False)
    assert without is None or isinstance(layer, PositionalEncoding)
    for p, gradient in zip(layer.parameters(), kept):
        np.testing.assert_array_equal(p.grad, gradient)


def test_gradients_of_cross_attention(rng):
    layer, x, memory = MultiHeadAttention(6, 2, rng=rng), rng.normal(size=(2, 3, 6)), rng.normal(size=(2, 4, 6))
    y, pullback = layer.vjp(x, memory=memory)
    dy, (dx, dmemory) = x[:, ::-1], pullback(x[:, ::-1])
    for array, gradient, call in ((x, dx, lambda a: layer.forward(a, memory=memory)),
                                  (memory, dmemory, lambda a: layer.forward(x, memory=a))):
        numerical = nnlib.numerical_gradient(lambda a, call=call: np.sum(dy * call(a)), array)
        np.testing.assert_allclose(gradient, numerical, rtol=1e-7, atol=1e-9)
    nobody, again = pullback(dy, input_grad=False)
    assert nobody is None
    np.testing.assert_array_equal(again, dmemory)
    y, pullback = layer.vjp(x, memory=x)       # the same values, but two inputs
    np.testing.assert_allclose(y, layer.forward(x), **EXACT)
    np.testing.assert_allclose(sum(pullback(dy)), layer.vjp(x)[1](dy), **EXACT)


def test_the_bias_of_the_keys_changes_nothing(rng):
    layer, x = MultiHeadAttention(6, 2, rng=rng), rng.normal(size=(2, 4, 6))
    before = layer(x)
    layer.backward(rng.normal(size=before.shape))
    assert np.abs(layer.key.b.grad).max() < 1e-14
    layer.key.b.value = rng.normal(size=6)
    np.testing.assert_allclose(layer(x), before, **EXACT)


def test_operations_and_layer_agree_on_the_tape(rng):
    layer, x = MultiHeadAttention(6, 2, rng=rng), rng.normal(size=(2, 4, 6))
    dy = rng.normal(size=x.shape)
    W = {name: Tensor(p.value) for name, p in layer.named_parameters().items()}
    t = Tensor(x)
    q, k, v = (nnlib.dense(t, W[f"{part}.W"], W[f"{part}.b"]) for part in ("query", "key", "value"))
    y = nnlib.dense(multi_head_attention(q, k, v, num_heads=2), W["output.W"], W["output.b"])
    y.backward(dy)
    np.testing.assert_array_equal(y.data, layer(x))
    np.testing.assert_allclose(t.grad, layer.backward(dy), **EXACT)
    for name, p in layer.named_parameters().items():
        np.testing.assert_allclose(W[name].grad, p.grad, **EXACT)


def test_sinusoidal_positions():
    P = sinusoidal_positions(50, 6)
    assert P.shape == (50, 6) and P.dtype == np.float64
    for t, i in np.ndindex(50, 3):
        angle = t / 10000 ** (2 * i / 6)
        np.testing.assert_allclose(P[t, 2 * i:2 * i + 2], [np.sin(angle), np.cos(angle)], **EXACT)
    near = P @ P.T                              # depends on the distance alone
    np.testing.assert_allclose(near[10, 13], near[40, 43], **EXACT)
    np.testing.assert_allclose(np.diag(near), 3, **EXACT)
    assert sinusoidal_positions(1, 2).tolist() == [[0, 1]]


def test_positions(rng):
    x, P = rng.normal(size=(3, 4, 6)), rng.normal(size=(5, 6))
    np.testing.assert_array_equal(add_positions(x, P), x + P[None, :4])
    assert check_operation(add_positions, x, P, rng=rng) < 1e-7
    np.testing.assert_array_equal(add_positions(x, P[:4]), x + P[:4])
    np.testing.assert_array_equal(PositionalEncoding(9, 6)(x), x + sinusoidal_positions(9, 6)[:4])
    layer = PositionalEncoding(400, 60, learned=True, rng=rng, dtype=np.float32)
    assert layer.P.value.dtype == np.float32 and abs(layer.P.value.std() - 0.02) < 5e-4
    assert [p.name for p in layer.parameters()] == ["P"] and PositionalEncoding(9, 6).parameters() == []
    assert PositionalEncoding(9, 7, learned=True)(np.ones((1, 2, 7))).shape == (1, 2, 7)
    first = layer(np.zeros((2, 3, 60), np.float32))
    np.testing.assert_array_equal(first[0], layer.P.value[:3])


def test_names_sizes_and_starts(rng):
    block = TransformerEncoderLayer(6, 2, 7, norm_first=True, causal=True, rng=np.random.default_rng(3))
    assert sum(p.value.size for p in block.parameters()) == 4 * (36 + 6) + 42 + 7 + 42 + 6 + 4 * 6
    assert [type(part) for part in block.layers] == [Residual, Residual]
    assert [type(part) for part in TransformerEncoderLayer(6, 2, 7).layers] == [Residual, LayerNorm] * 2
    attention = block[0].inner[1]
    assert repr(attention).startswith("MultiHeadAttention(embed_dim=6, num_heads=2, causal=True")
    assert list(attention.named_parameters()) == [f"{n}.{s}" for n in ("query", "key", "value", "output") for s in "Wb"]
    draws = np.random.default_rng(3)
    for part in (attention.query, attention.key, attention.value, attention.output, block[1].inner[1], block[1].inner[3]):
        np.testing.assert_array_equal(part.W.value, nnlib.xavier_uniform(part.W.value.shape, draws))
    assert not TransformerEncoderLayer(6, 2, 7)[0].inner[0].causal and not MultiHeadAttention(6, 2).causal
    assert len(MultiHeadAttention(6, 2, bias=False).parameters()) == 4
    assert repr(PositionalEncoding(9, 6)) == "PositionalEncoding(max_len=9, d_model=6, learned=False)"
    assert repr(PositionalEncoding(9, 6, learned=True)) == "PositionalEncoding(max_len=9, d_model=6, learned=True)"
    assert np.array_equal(TransformerEncoderLayer(6, 2, 7)[0].inner[0](np.ones((1, 2, 6))).shape, (1, 2, 6))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("op, shapes, options", [
    (attention_weights, [(2, 3, 4), (2, 5, 4)], dict(mask=np.tri(3, 5, dtype=bool))),
    (scaled_dot_product_attention, [(2, 3, 4), (2, 5, 4), (2, 5, 2)], {}),
    (multi_head_attention, [(2, 3, 4), (2, 5, 4), (2, 5, 4)], dict(num_heads=2)), (add_positions, [(2, 3, 4), (6, 4)], {}),
])
def test_precision_is_kept_and_nothing_is_touched(rng, keeps_precision, op, shapes, options, dtype):
    keeps_precision(op, [rng.normal(size=shape) for shape in shapes], dtype, **options)


X = np.ones((2, 3, 4))
WRONG = {
    "leading axes": (lambda: attention_weights(X, X[:1]), "same leading axes, got (2, 3, 4) and (1, 3, 4)"),
    "leading axes of value": (lambda: scaled_dot_product_attention(X, X, X[:1]),
          "same leading axes, got (2, 3, 4) and (1, 3, 4)"),
    "features": (lambda: attention_weights(X, np.ones((2, 3, 5))), "attention_weights expects key (..., S, 4), got (2, 3, 5)"),
    "keys and values": (lambda: scaled_dot_product_attention(X, X, X[:, :2]), "expects value (..., 3, K), got (2, 2, 4)"),
    "mask of another size": (lambda: attention_weights(X, X, mask=np.ones((3, 4), bool)), "broadcasts to (2, 3, 3), got (3, 4)"),
    "mask with more axes": (lambda: attention_weights(X[0], X[0], mask=np.ones((2, 3, 3), bool)),
          "broadcasts to (3, 3), got (2, 3, 3)"),
    "nothing to see": (lambda: attention_weights(X, X, mask=np.tri(3, k=-1, dtype=bool)), "expects a key for each query"),
    "heads": (lambda: multi_head_attention(X, X, X, num_heads=3),
          "multi_head_attention expects num_heads to divide the 4 features, got 3"),
    "no heads": (lambda: MultiHeadAttention(4, 0), "MultiHeadAttention expects num_heads >= 1, got 0"),
    "no features": (lambda: MultiHeadAttention(0, 1), "MultiHeadAttention expects embed_dim >= 1, got 0"),
    "heads of a layer": (lambda: TransformerEncoderLayer(4, 3, 8),
          "MultiHeadAttention expects num_heads to divide the 4 features, got 3"),
    "x": (lambda: MultiHeadAttention(5, 1)(X), "MultiHeadAttention expects x (N, T, 5), got (2, 3, 4)"),
    "memory": (lambda: MultiHeadAttention(4, 1)(X, memory=X[:1]),
          "MultiHeadAttention expects memory (2, S, 4), got (1, 3, 4)"),
    "causal memory": (lambda: MultiHeadAttention(4, 1, causal=True)(X, memory=X), "expects no memory if it is causal"),
    "mask of a layer": (lambda: MultiHeadAttention(4, 1)(X, mask=np.ones((2, 4), bool)),
          "MultiHeadAttention expects mask (2, 3), got (2, 4)"),
    "mask of a memory": (lambda: MultiHeadAttention(4, 1)(X, memory=X[:, :2], mask=np.ones((2, 3), bool)),
          "mask (2, 2), got (2, 3)"),
    "odd": (lambda: sinusoidal_positions(3, 5), "sinusoidal_positions expects an even d_model, got 5"),
    "no position": (lambda: PositionalEncoding(0, 4), "PositionalEncoding expects max_len >= 1, got 0"),
    "no position at all": (lambda: sinusoidal_positions(0, 4), "sinusoidal_positions expects max_len >= 1, got 0"),
    "nothing to compare": (lambda: attention_weights(X[..., :0], X[..., :0]),
          "attention_weights expects at least one feature, got query (2, 3, 0)"),
    "split: axes": (lambda: split_heads(X[0], 2), "split_heads expects (N, T, D), got (3, 4)"),
    "split: heads": (lambda: split_heads(X, 3), "split_heads expects num_heads to divide the 4 features, got 3"),
    "split: no heads": (lambda: split_heads(X, 0), "split_heads expects num_heads >= 1, got 0"),
    "join: axes": (lambda: join_heads(X), "join_heads expects (N, num_heads, T, D), got (2, 3, 4)"),
    "too long": (lambda: PositionalEncoding(2, 4)(X), "add_positions expects at most 2 positions, got x (2, 3, 4)"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_named(name):
    call, message = WRONG[name]
    with pytest.raises(ValueError) as caught:
        call()
    assert message in str(caught.value)


@pytest.mark.parametrize("call", [
    lambda: attention_weights(X, X, mask=np.ones((3, 3))), lambda: MultiHeadAttention(4, 1)(X, mask=np.ones((2, 3))),
    lambda: MultiHeadAttention(4, 1, causal=True)(X, mask=np.ones((2, 3))),
])
def test_a_mask_is_boolean(call):
    with pytest.raises(TypeError, match="expects mask as booleans, True .*, got float64"):
        call()


@pytest.mark.parametrize("call", [
    lambda mask: attention_weights(X, X, mask=mask), lambda mask: MultiHeadAttention(4, 1)(X, mask=mask[0, :2]),
    lambda mask: MultiHeadAttention(4, 1).weights(X, mask=mask[0, :2])])
def test_a_mask_has_no_mask_of_its_own(call):
    with pytest.raises(TypeError, match="expects mask without a mask, got a masked array"):
        call(np.ma.array(np.ones((2, 3, 3), bool), mask=True))


def test_heads_of_lists_and_their_number():
    np.testing.assert_array_equal(join_heads(split_heads(X.tolist(), 2).tolist()), X)
    with pytest.raises(TypeError, match="split_heads expects num_heads as an integer, got 2.0"):
        split_heads(X, 2.0)


@pytest.mark.parametrize("query, key", [((3, 4), (2, 3, 4)), ((2, 3, 4), (3, 4)), ((2, 3, 4), (5, 3, 4)), ((5, 3, 4), (2, 3, 4))])
def test_query_and_key_have_the_same_leading_axes(query, key):
    with pytest.raises(ValueError, match="attention_weights expects query and key with the same leading axes, got"):
        attention_weights(np.ones(query), np.ones(key))
