import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nnlib
from nnlib import (
    GRU, LSTM, RNN, Bidirectional, Dense, Sequential, Stacked, check_layer, check_operation, gru, gru_cell, gru_gates,
    identity, lstm, lstm_cell, lstm_gates, relu, rnn, rtrl, sigmoid, tanh,
)

STORED = np.load(Path(__file__).parent / "reference" / "recurrent.npz")
REAL = np.arange(5) < STORED["lengths"][:, None]        # the steps that the packed cases have
KINDS = ["rnn/tanh", "rnn/relu", "lstm", "gru"]
CELLS = [(rnn, RNN, {}), (lstm, LSTM, {}), (gru, GRU, {}), (gru, GRU, {"reset_after": False})]
GATES = {rnn: 1, lstm: 4, gru: 3}


def weights(op, D, H, rng):
    """W_xh, W_hh, b_h and, for the GRU, b_n."""
    width = GATES[op] * H
    return [rng.normal(size=shape) for shape in [(D, width), (H, width), (width,)] + [(H,)] * (op is gru)]


def state_of(op, N, H, rng):
    return rng.normal(size=(2, N, H) if op is lstm else (N, H))


# ---- PyTorch's values -------------------------------------------------------------------------------------

def ours(array, kind):
    """PyTorch's weights, (gates H, ...), in our layout and order of gates."""
    if kind == "lstm":
        i, f, g, o = np.split(array, 4)
        array = np.concatenate([i, f, o, g])
    return array.T


def from_pytorch(kind, get, layer=""):
    """Our parameters from PyTorch's, which ``get`` finds by name."""
    W_xh, W_hh, b_x, b_h = (ours(get(f"{name}_l{layer}"), kind)
                            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    if kind != "gru":
        return [W_xh, W_hh, b_x + b_h]
    H = len(W_hh)
    return [W_xh, W_hh, b_x + np.concatenate([b_h[:2 * H], np.zeros(H)]), b_h[2 * H:]]


def gradients_from_pytorch(kind, get, layer=""):
    """Our gradients from PyTorch's: both of its biases have the gradient of their sum."""
    W_xh, W_hh, b_x, b_h = (ours(get(f"d{name}_l{layer}"), kind)
                            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    return [W_xh, W_hh, b_x] + ([b_h[2 * len(W_hh):]] if kind == "gru" else [])


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("variant", ["whole", "packed"])
@pytest.mark.parametrize("kind", KINDS)
def test_operations_are_pytorchs(kind, variant):
    def get(name):
        return STORED[f"{kind}/{variant}/{name}"]
    name, *activation = kind.split("/")
    options = {"activation": getattr(nnlib, a) for a in activation}
    mask = None if variant == "whole" else REAL
    first, last, dlast, dfirst = (get(key)[:, 0] if kind == "lstm" else get(key)[0, 0]
                                  for key in ("first", "last", "dlast", "dfirst"))
    states, pullback = getattr(nnlib, name).vjp(get("x"), *from_pytorch(kind, get, "0"), first, mask=mask, **options)
    h = states[0] if kind == "lstm" else states
    seen = slice(None) if mask is None else mask
    close(h[seen], get("y")[seen])
    close(states[..., -1, :], last)
    dstates = np.zeros_like(states)
    (dstates[0] if kind == "lstm" else dstates)[...] = get("dy")
    dstates[..., -1, :] += dlast
    dx, *gradients, dstate = pullback(dstates)
    close(dx, get("dx"))
    close(dstate, dfirst)
    for gradient, expected in zip(gradients, gradients_from_pytorch(kind, get, "0"), strict=True):
        close(gradient, expected)
    none, *rest = pullback(dstates, input_grad=False)
    assert none is None
    for a, b in zip(rest, (*gradients, dstate), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kind", KINDS)
def test_two_layers_in_both_directions_are_pytorchs(kind):
    def get(name):
        return STORED[f"{kind}/deep/{name}"]
    layer, options = {"rnn/tanh": (RNN, {}), "rnn/relu": (RNN, {"activation": relu}), "lstm": (LSTM, {}),
                      "gru": (GRU, {})}[kind]
    N, T, D = get("x").shape
    H = get("first").shape[-1]
    parts = [layer(size, H, **options) for size in (D, D, 2 * H, 2 * H)]
    names = ["0", "0_reverse", "1", "1_reverse"]
    for part, name in zip(parts, names):
        for p, value in zip(part.parameters(), from_pytorch(kind, get, name), strict=True):
            p.value = value
    model = Stacked(Bidirectional(*parts[:2]), Bidirectional(*parts[2:]))

    def nested(array):                          # (h and c, layers, N, H) to what each part calls its state
        of = [array[:, i] if kind == "lstm" else array[0, i] for i in range(4)]
        return (of[0], of[1]), (of[2], of[3])

    y = model(get("x"), state=nested(get("first")), mask=REAL)
    close(y[REAL], get("y")[REAL])
    dx = model.backward(get("dy"), dstate=nested(get("dlast")))
    close(dx, get("dx"))
    for found, expected in ((model.state, nested(get("last"))), (model.state_grad, nested(get("dfirst")))):
        for a, b in zip((*found[0], *found[1]), (*expected[0], *expected[1]), strict=True):
            close(a, b)
    for part, name in zip(parts, names):
        for p, expected in zip(part.parameters(), gradients_from_pytorch(kind, get, name), strict=True):
            close(p.grad, expected)


# ---- loops, straight from the formulas --------------------------------------------------------------------

def squash(z):
    return 1 / (1 + np.exp(-z))


def one_unit(op, x, h, c, W_xh, W_hh, b_h, b_n=None, reset_after=True):
    """The next h and c of one sample, unit by unit, number by number."""
    H = len(h)

    def drive(column, seen=h):
        return sum(x[i] * W_xh[i, column] for i in range(len(x))) + b_h[column] + sum(
            seen[i] * W_hh[i, column] for i in range(H))

    new_h, new_c = np.zeros(H), np.zeros(H)
    if op is gru:
        r = [squash(drive(k)) for k in range(H)]
        for k in range(H):
            z = squash(drive(H + k))
            fresh = drive(2 * H + k, np.zeros(H))
            if reset_after:
                past = r[k] * (sum(h[i] * W_hh[i, 2 * H + k] for i in range(H)) + b_n[k])
            else:
                past = sum(r[i] * h[i] * W_hh[i, 2 * H + k] for i in range(H)) + b_n[k]
            new_h[k] = (1 - z) * np.tanh(fresh + past) + z * h[k]
    for k in range(H):
        if op is rnn:
            new_h[k] = np.tanh(drive(k))
        elif op is lstm:
            i, f, o, g = squash(drive(k)), squash(drive(H + k)), squash(drive(2 * H + k)), np.tanh(drive(3 * H + k))
            new_c[k] = f * c[k] + i * g
            new_h[k] = o * np.tanh(new_c[k])
    return new_h, new_c


def by_loops(op, x, *parameters, state, mask, **options):
    N, T, _ = x.shape
    states = np.zeros((2, N, T, state.shape[-1]))
    for n in range(N):
        h, c = (state[0, n], state[1, n]) if op is lstm else (state[n], np.zeros(state.shape[-1]))
        for t in range(T):
            if mask[n, t]:
                h, c = one_unit(op, x[n, t], h, c, *parameters, **options)
            states[:, n, t] = h, c
    return states if op is lstm else states[0]


@pytest.mark.parametrize("op, layer, options", CELLS)
@settings(deadline=None, max_examples=25)
@given(st.integers(1, 3), st.integers(1, 5), st.integers(1, 3), st.integers(1, 4), st.integers(0, 2**32))
def test_operation_is_its_loops(op, layer, options, N, T, D, H, seed):
    rng = np.random.default_rng(seed)
    x, parameters, state = rng.normal(size=(N, T, D)), weights(op, D, H, rng), state_of(op, N, H, rng)
    mask = rng.random((N, T)) < 0.7             # padding anywhere, not at the end only
    fast = op(x, *parameters, state, mask=mask, **options)
    np.testing.assert_allclose(fast, by_loops(op, x, *parameters, state=state, mask=mask, **options),
                               rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("op, layer, options", CELLS)
@settings(deadline=None, max_examples=25)
@given(st.integers(1, 3), st.integers(1, 5), st.integers(1, 3), st.integers(1, 4), st.booleans(), st.integers(0, 2**32))
def test_gradient(op, layer, options, N, T, D, H, padded, seed):
    rng = np.random.default_rng(seed)
    x, parameters, state = rng.normal(size=(N, T, D)), weights(op, D, H, rng), state_of(op, N, H, rng)
    mask = rng.random((N, T)) < 0.6 if padded else None
    for states in ([state], []):                # rounding spoils the small step, where a gate is shut, curvature the other
        assert min(check_operation(op, x, *parameters, *states, rng=rng, h=h, mask=mask, **options)
                   for h in (1e-6, 1e-5, 1e-4)) < 1e-7


@pytest.mark.parametrize("activation", [tanh, relu, sigmoid, identity])
def test_activation_of_the_plain_network(rng, activation):
    x, (W_xh, W_hh, b_h), h = rng.normal(size=(2, 3, 2)), weights(rnn, 2, 4, rng), rng.normal(size=(2, 4))
    states = rnn(x, W_xh, W_hh, b_h, h, activation=activation)
    for t in range(3):
        h = activation(x[:, t] @ W_xh + h @ W_hh + b_h)
        np.testing.assert_allclose(states[:, t], h, rtol=1e-12)
    assert check_operation(rnn, x, W_xh, W_hh, b_h, rng=rng, activation=activation) < 1e-7


CELL_CASES = [(lstm_cell, lstm, {}), (gru_cell, gru, {}), (gru_cell, gru, {"reset_after": False})]


@pytest.mark.parametrize("cell, op, options", CELL_CASES)
def test_cell_after_cell_is_the_whole_sequence(rng, cell, op, options):
    x, parameters, state = rng.normal(size=(3, 4, 2)), weights(op, 2, 5, rng), state_of(op, 3, 5, rng)
    states, pullback = op.vjp(x, *parameters, state, **options)
    dstates = rng.normal(size=states.shape)
    pullbacks = []
    for t in range(4):
        state, back = cell.vjp(x[:, t], *parameters, state, **options)
        np.testing.assert_allclose(state, states[..., t, :], rtol=1e-12)
        pullbacks.append(back)
    dstate, sums = 0, [0] * len(parameters)
    expected_dx, *expected, expected_dstate = pullback(dstates)
    for t in reversed(range(4)):
        dx, *gradients, dstate = pullbacks[t](dstate + dstates[..., t, :])
        np.testing.assert_allclose(dx, expected_dx[:, t], rtol=1e-10)
        sums = [a + b for a, b in zip(sums, gradients, strict=True)]
    for a, b in zip((*sums, dstate), (*expected, expected_dstate), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10)


@pytest.mark.parametrize("cell, op, options", CELL_CASES)
def test_gradient_of_a_cell(rng, cell, op, options):
    x, parameters, state = rng.normal(size=(3, 2)), weights(op, 2, 5, rng), state_of(op, 3, 5, rng)
    assert check_operation(cell, x, *parameters, state, rng=rng, **options) < 1e-7


def test_gates_make_the_states(rng):
    x, h = rng.normal(size=(3, 4, 2)), rng.normal(size=(3, 4, 5))
    parameters, c = weights(lstm, 2, 5, rng), rng.normal(size=(3, 4, 5))
    i, f, o, g = lstm_gates(x, h, *parameters)
    assert all(gate.shape == h.shape for gate in (i, f, o, g)) and g.min() < 0
    for t in range(4):
        new_h, new_c = lstm_cell(x[:, t], *parameters, np.stack([h[:, t], c[:, t]]))
        np.testing.assert_allclose(new_c, (f * c + i * g)[:, t], rtol=1e-12)
        np.testing.assert_allclose(new_h, (o * np.tanh(f * c + i * g))[:, t], rtol=1e-12)
    parameters = weights(gru, 2, 5, rng)
    for options in ({}, {"reset_after": False}):
        r, z, n = gru_gates(x, h, *parameters, **options)
        new = gru_cell(x[:, 1], *parameters, h[:, 1], **options)
        np.testing.assert_allclose(new, ((1 - z) * n + z * h)[:, 1], rtol=1e-12)
        assert 0 < r.min() and r.max() < 1
    r, z, n = gru_gates(x[0, 0].tolist(), h[0, 0].tolist(), *parameters)       # one sample, as lists
    assert r.shape == z.shape == n.shape == (5,)


def test_the_two_resets_differ(rng):
    x, parameters = rng.normal(size=(2, 3, 2)), weights(gru, 2, 4, rng)
    before, after = gru(x, *parameters, reset_after=False), gru(x, *parameters)
    assert np.abs(before - after).max() > 0.01
    np.testing.assert_array_equal(gru(x, *parameters, reset_after=True), after)


# ---- real-time recurrent learning -------------------------------------------------------------------------

@pytest.mark.parametrize("activation", [tanh, sigmoid, identity])
@settings(deadline=None, max_examples=25)
@given(st.integers(1, 3), st.integers(1, 5), st.integers(1, 3), st.integers(1, 4), st.booleans(), st.integers(0, 2**32))
def test_rtrl_is_backpropagation_through_time(activation, N, T, D, H, start, seed):
    rng = np.random.default_rng(seed)
    x, parameters, dy = rng.normal(size=(N, T, D)), weights(rnn, D, H, rng), rng.normal(size=(N, T, H))
    state = rng.normal(size=(N, H)) if start else None
    _, pullback = rnn.vjp(x, *parameters, state, activation=activation)
    for ahead, back in zip(rtrl(x, *parameters, dy, state, activation=activation), pullback(dy)[1:4], strict=True):
        np.testing.assert_allclose(ahead, back, rtol=1e-10, atol=1e-10)


def test_rtrl_keeps_precision(rng):
    arrays = [a.astype(np.float32) for a in (rng.normal(size=(2, 3, 2)), *weights(rnn, 2, 4, rng), rng.normal(size=(2, 3, 4)))]
    assert all(g.dtype == np.float32 for g in rtrl(*arrays))
    assert all(g.dtype == np.float32 for g in rtrl(*arrays, rng.normal(size=(2, 4)).astype(np.float32)))


# ---- masks and pieces -------------------------------------------------------------------------------------

@pytest.mark.parametrize("op, layer, options", CELLS)
def test_what_stands_in_padding_does_not_matter(rng, op, layer, options):
    x, parameters = rng.normal(size=(3, 5, 2)), weights(op, 2, 4, rng)
    states, pullback = op.vjp(x, *parameters, mask=REAL, **options)
    other, other_pullback = op.vjp(np.where(REAL[:, :, None], x, 1e3), *parameters, mask=REAL, **options)
    np.testing.assert_array_equal(states, other)
    dstates = rng.normal(size=states.shape)
    gradients, other_gradients = pullback(dstates), other_pullback(dstates)
    assert not gradients[0][~REAL].any() and gradients[0][REAL].all()
    for a, b in zip(gradients, other_gradients, strict=True):
        np.testing.assert_array_equal(a, b)
    for n, length in enumerate(STORED["lengths"]):              # each sequence by itself, without its padding
        alone = op(x[n:n + 1, :length], *parameters, **options)
        np.testing.assert_allclose(states[..., n, -1, :], alone[..., 0, -1, :], rtol=1e-12)
    everything = np.ones((3, 5), bool)
    np.testing.assert_array_equal(op(x, *parameters, mask=everything, **options), op(x, *parameters, **options))
    np.testing.assert_array_equal(op(x, *parameters, mask=everything.tolist(), **options), op(x, *parameters, **options))


@pytest.mark.parametrize("op, layer, options", CELLS)
def test_two_pieces_are_one_sequence(rng, op, layer, options):
    x, model = rng.normal(size=(3, 7, 2)), layer(2, 4, rng=rng, **options)
    dy, dlast = rng.normal(size=(3, 7, 4)), state_of(op, 3, 4, rng)
    whole = model(x)
    last = model.state
    dx = model.backward(dy, dstate=dlast)
    gradients, first_grad = [p.grad.copy() for p in model.parameters()], model.state_grad
    model.zero_grad()

    one = model(x[:, :3])
    state = model.state
    two = model(x[:, 3:], state=state)
    np.testing.assert_allclose(np.concatenate([one, two], axis=1), whole, rtol=1e-12)
    np.testing.assert_allclose(model.state, last, rtol=1e-12)
    dx_two = model.backward(dy[:, 3:], dstate=dlast)
    between = model.state_grad
    model(x[:, :3])                             # the first piece once more, for its pullback
    dx_one = model.backward(dy[:, :3], dstate=between)
    np.testing.assert_allclose(np.concatenate([dx_one, dx_two], axis=1), dx, rtol=1e-10)
    np.testing.assert_allclose(model.state_grad, first_grad, rtol=1e-10)
    for p, expected in zip(model.parameters(), gradients, strict=True):
        np.testing.assert_allclose(p.grad, expected, rtol=1e-10)


def test_state_is_a_copy(rng):
    model = LSTM(2, 3, rng=rng)
    y = model(rng.normal(size=(2, 4, 2)))
    last = y[:, -1].copy()
    model.state[...] = 0
    np.testing.assert_array_equal(y[:, -1], last)


# ---- layers -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("op, layer, options", CELLS)
def test_layer_is_its_operation(rng, op, layer, options):
    x, model, state = rng.normal(size=(3, 5, 2)), layer(2, 4, rng=rng, **options), state_of(op, 3, 4, rng)
    for p in model.parameters():
        p.value = rng.normal(size=p.value.shape)
    parameters = [p.value for p in model.parameters()]
    assert [p.name for p in model.parameters()] == ["W_xh", "W_hh", "b_h", "b_n"][:len(parameters)]
    assert model.weights == model.parameters()
    states = op(x, *parameters, state, mask=REAL, **options)
    np.testing.assert_array_equal(model(x, state=state, mask=REAL), states[0] if op is lstm else states)
    np.testing.assert_array_equal(model.state, states[..., -1, :])
    last = layer(2, 4, return_sequences=False, **options)
    for p, value in zip(last.parameters(), parameters):
        p.value = value
    np.testing.assert_array_equal(last(x, state=state, mask=REAL), (states[0] if op is lstm else states)[:, -1])
    np.testing.assert_array_equal(last.state, states[..., -1, :])
    assert model.backward(np.ones((3, 5, 4)), input_grad=False) is None


@pytest.mark.parametrize("sequences", [True, False])
@pytest.mark.parametrize("op, layer, options", CELLS)
def test_gradient_of_a_layer(rng, op, layer, options, sequences):
    x = rng.normal(size=(3, 5, 2))
    assert check_layer(layer(2, 4, return_sequences=sequences, rng=rng, **options), x, rng=rng) < 1e-7


def test_networks(rng):
    x = rng.normal(size=(3, 5, 2))
    many_to_one = Sequential(LSTM(2, 4, return_sequences=False, rng=rng), Dense(4, 3, rng=rng))
    assert many_to_one(x).shape == (3, 3) and check_layer(many_to_one, x, rng=rng) < 1e-7
    many_to_many = Sequential(GRU(2, 4, rng=rng), RNN(4, 4, rng=rng), Dense(4, 3, rng=rng))
    assert many_to_many(x).shape == (3, 5, 3) and check_layer(many_to_many, x, rng=rng) < 1e-7
    deep = Sequential(Stacked(LSTM(2, 4, rng=rng), Bidirectional(GRU(4, 3, rng=rng), RNN(4, 3, rng=rng)),
                              GRU(6, 5, return_sequences=False, rng=rng)), Dense(5, 2, rng=rng))
    assert deep(x).shape == (3, 2) and check_layer(deep, x, rng=rng) < 1e-7
    assert len(deep.parameters()) == 3 + 4 + 3 + 4 + 2
    deep(x)
    assert deep.backward(np.ones((3, 2))) is None and all(p.grad.any() for p in deep.parameters())


def test_a_mask_reaches_the_recurrent_layers(rng):
    x = rng.normal(size=(3, 5, 2))
    lower, upper, head = GRU(2, 4, rng=rng), LSTM(4, 3, return_sequences=False, rng=rng), Dense(3, 2, rng=rng)
    deep = Sequential(Dense(2, 2, rng=rng), Sequential(lower), Stacked(upper), head)
    expected = head(upper(lower(deep[0](x), mask=REAL), mask=REAL))
    np.testing.assert_array_equal(deep(x, mask=REAL), expected)
    assert (deep(x) != expected).any() and deep.context == {"mask"} and not Sequential(head).context
    np.testing.assert_array_equal(deep.forward(x, mask=REAL.tolist()), expected)
    with pytest.raises(TypeError, match="Sequential expects no mask, which it hands on to none of its layers, got ndarray"):
        Sequential(head)(x, mask=REAL)
    with pytest.raises(TypeError, match="Sequential expects no state, which it hands on to none of its layers, got "):
        deep(x, state=lower.state)


@pytest.mark.parametrize("mask", [REAL[0], REAL[:2], True, REAL.T])
def test_a_mask_of_another_shape_is_refused(mask):
    for layer in LSTM(2, 3), Bidirectional(LSTM(2, 3), LSTM(2, 3)), Stacked(LSTM(2, 3)), Sequential(LSTM(2, 3)):
        with pytest.raises(ValueError, match=r"lstm expects mask \(3, 5\), got \("):
            layer(np.ones((3, 5, 2)), mask=mask)


def test_a_layer_used_twice_in_a_pass(rng):
    class Twins(nnlib.Layer):
        def __init__(self):
            self.part = LSTM(2, 3, return_sequences=False, rng=rng)

        def vjp(self, x):
            (y, one), (z, other) = self.part.vjp(x), self.part.vjp(x[:, ::-1][:, :2])

            def pullback(dy, input_grad=True):
                first, second = one(dy), other(-dy)
                first[:, ::-1][:, :2] += second
                return first
            return y - z, pullback

    assert check_layer(Twins(), rng.normal(size=(3, 5, 2)), rng=rng) < 1e-7


def test_directions(rng):
    x = rng.normal(size=(3, 5, 2))
    ahead, back = GRU(2, 4, rng=rng), GRU(2, 4, rng=rng)
    both = Bidirectional(ahead, back)
    y = both(x)
    np.testing.assert_array_equal(y[:, :, :4], ahead(x))
    np.testing.assert_array_equal(y[:, :, 4:], back(x[:, ::-1])[:, ::-1])
    masked = both(x, mask=REAL.tolist())
    for n, length in enumerate(STORED["lengths"]):
        np.testing.assert_allclose(masked[n, :length], both(x[n:n + 1, :length])[0], rtol=1e-12)
    both(x)
    assert both.backward(np.ones((3, 5, 8)), input_grad=False) is None
    ahead, back = GRU(2, 4, return_sequences=False, rng=rng), GRU(2, 4, return_sequences=False, rng=rng)
    both = Bidirectional(ahead, back)
    np.testing.assert_array_equal(both(x), np.concatenate([ahead(x), back(x[:, ::-1])], axis=1))
    assert check_layer(both, x, rng=rng) < 1e-7
    assert both.return_sequences is False and Bidirectional(GRU(2, 4), GRU(2, 4)).return_sequences is True


@pytest.mark.parametrize("parts", [Stacked, Bidirectional])
def test_states_of_parts(rng, parts):
    model = parts(LSTM(3, 3, rng=rng), LSTM(3, 3, rng=rng))
    x = rng.normal(size=(2, 4, 3))
    start = rng.normal(size=(2, 2, 2, 3))
    y = model(x, state=start)
    assert not np.allclose(y, model(x))
    one, other = model.layers
    lower = one(x, state=start[0])
    upper = other(lower if parts is Stacked else x[:, ::-1], state=start[1])
    np.testing.assert_array_equal(y, upper if parts is Stacked else np.concatenate([lower, upper[:, ::-1]], axis=2))
    model(x, state=start)
    np.testing.assert_array_equal(model.state[1], other.state)
    dlast = rng.normal(size=(2, 2, 2, 3))
    dx = model.backward(np.zeros_like(y), dstate=dlast)
    assert dx.any() and [g.shape for g in model.state_grad] == [(2, 2, 3), (2, 2, 3)]
    h = 1e-5

    def loss(start):
        model(x, state=start)
        return np.sum(dlast * np.array(model.state))
    v = rng.normal(size=start.shape)
    slope = (loss(start + h * v) - loss(start - h * v)) / (2 * h)
    np.testing.assert_allclose(np.sum(np.array(model.state_grad) * v), slope, rtol=1e-7)


@pytest.mark.parametrize("parts", [Stacked, Bidirectional])
def test_parts_are_numbered_as_in_sequential(rng, parts):
    model, x = parts(RNN(2, 2, rng=rng), GRU(2, 2, rng=rng)), rng.normal(size=(3, 5, 2))
    assert [name for name, _ in model.children()] == ["0", "1"] and len(model) == 2 and model[1] is model.layers[1]
    assert list(model.named_parameters())[:4] == ["0.W_xh", "0.W_hh", "0.b_h", "1.W_xh"]
    with pytest.raises(TypeError, match="colour"):
        model(x, colour=1)
    model = Sequential(model)
    y = model(x)
    with pytest.raises(TypeError, match="Sequential expects no dstate, which it hands on to none of its layers, got list"):
        model.vjp(x)[1](y, dstate=[S, S])


def test_the_last_layer_of_a_stack_decides_what_it_returns(rng):
    whole, last = RNN(3, 3, rng=rng), RNN(3, 3, return_sequences=False, rng=rng)
    x = rng.normal(size=(2, 4, 3))
    for layers, shape in [((whole, whole), (2, 4, 3)), ((whole, last), (2, 3)), ((whole, whole, last), (2, 3)),
                          ((last,), (2, 3))]:
        model = Stacked(*layers)
        assert model(x).shape == shape and model.return_sequences is (len(shape) == 3)
    for layers in [(last, whole), (whole, last, whole), (whole, last, last)]:
        with pytest.raises(ValueError, match="return_sequences=True of all but the last"):
            Stacked(*layers)


def test_input_gradient_of_a_stack_may_be_skipped(rng):
    model = Stacked(RNN(2, 3, rng=rng), RNN(3, 3, rng=rng))
    x = rng.normal(size=(2, 4, 2))
    model(x)
    assert model.backward(np.ones((2, 4, 3)), input_grad=False) is None
    gradients = [p.grad.copy() for p in model.parameters()]
    assert all(g.any() for g in gradients)
    model.zero_grad()
    model(x)
    assert model.backward(np.ones((2, 4, 3))).shape == x.shape
    for p, gradient in zip(model.parameters(), gradients):
        np.testing.assert_array_equal(p.grad, gradient)


@pytest.mark.parametrize("gates, number, extra", [(lstm_gates, 4, ()), (gru_gates, 3, (np.ones(3),))])
def test_gates_take_whole_numbers_and_work_in_the_precision_of_the_first_floats(gates, number, extra):
    width = 3 * number
    arrays = np.eye(2), np.ones((2, 3)), np.ones((2, width)), np.ones((3, width)), np.ones(width), *extra
    expected = gates(*arrays)
    np.testing.assert_array_equal(gates(*(array.astype(int) for array in arrays)), expected)
    single = gates(arrays[0].astype(np.float32), *arrays[1:])
    assert {gate.dtype for gate in single} == {np.dtype(np.float32)}
    np.testing.assert_allclose(single, expected, rtol=1e-6)


@pytest.mark.parametrize("layer, gates", [(RNN, 1), (LSTM, 4), (GRU, 3)])
def test_first_weights(layer, gates):
    model = layer(3, 5, rng=np.random.default_rng(0))
    rng = np.random.default_rng(0)              # each gate's matrices are drawn on their own
    np.testing.assert_array_equal(model.W_xh.value, np.hstack([nnlib.xavier_uniform((3, 5), rng) for _ in range(gates)]))
    np.testing.assert_array_equal(model.W_hh.value, np.hstack([nnlib.orthogonal((5, 5), rng) for _ in range(gates)]))
    bias = np.zeros(gates * 5)
    if layer is LSTM:
        bias[5:10] = 1
        np.testing.assert_array_equal(LSTM(3, 5, forget_bias=-2).b_h.value[5:10], -2)
        assert not LSTM(3, 5, forget_bias=0).b_h.value.any()
    np.testing.assert_array_equal(model.b_h.value, bias)
    if layer is GRU:
        assert model.b_n.value.shape == (5,) and not model.b_n.value.any()
    assert all(p.value.dtype == np.float32 for p in layer(3, 5, dtype=np.float32).parameters())
    assert all(p.value.dtype == np.float64 for p in model.parameters())


def test_printed_names():
    assert repr(RNN(2, 3)) == "RNN(input_size=2, hidden_size=3, activation=<operation tanh>, return_sequences=True)"
    assert repr(LSTM(2, 3, return_sequences=False)) == "LSTM(input_size=2, hidden_size=3, return_sequences=False)"
    assert repr(GRU(2, 3)) == "GRU(input_size=2, hidden_size=3, reset_after=True, return_sequences=True)"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("op, layer, options", CELLS)
def test_precision_is_kept_and_nothing_is_touched(rng, op, layer, options, dtype):
    arrays = [a.astype(dtype) for a in (rng.normal(size=(3, 5, 2)), *weights(op, 2, 4, rng), state_of(op, 3, 4, rng))]
    copies = [a.copy() for a in arrays]
    for mask in (None, REAL):
        states, pullback = op.vjp(*arrays, mask=mask, **options)
        dstates = rng.normal(size=states.shape).astype(dtype)
        kept = dstates.copy()
        first, second = pullback(dstates), pullback(dstates)
        assert states.dtype == dtype and all(g.dtype == dtype for g in first)
        for a, b in zip((*first, dstates), (*second, kept)):
            np.testing.assert_array_equal(a, b)
        for a, copy in zip(arrays, copies):
            np.testing.assert_array_equal(a, copy)
    model = layer(2, 4, dtype=dtype, **options)
    y = model(arrays[0])
    assert y.dtype == model.state.dtype == model.backward(np.ones_like(y)).dtype == dtype


@pytest.mark.parametrize("op, layer, options", CELLS)
def test_empty_batch_and_large_values(rng, op, layer, options):
    model = layer(2, 4, return_sequences=False, rng=rng, **options)
    assert model(np.empty((0, 5, 2))).shape == (0, 4)
    assert model.backward(np.empty((0, 4))).shape == (0, 5, 2)
    assert not any(p.grad.any() for p in model.parameters())
    y = model(np.full((2, 3, 2), 1e4))
    dx = model.backward(np.ones_like(y))
    assert np.isfinite(y).all() and np.isfinite(dx).all() and np.abs(y).max() <= 1


# ---- wrong input ------------------------------------------------------------------------------------------

X, S = np.zeros((3, 5, 2)), np.zeros((3, 4))


def w(gates, D=2, H=4):
    return np.zeros((D, gates * H)), np.zeros((H, gates * H)), np.zeros(gates * H)


@pytest.mark.parametrize("op, gates, extra", [(rnn, 1, ()), (lstm, 4, ()), (gru, 3, (np.zeros(4),))])
@pytest.mark.parametrize("change, error, message", [
    (dict(x=X[0]), ValueError, r"expects x \(N, T, D\), got \(5, 2\)"),
    (dict(x=X[:, :0]), ValueError, r"expects at least one step, got x \(3, 0, 2\)"),
    (dict(x=X[:, :, :1]), ValueError, r"expects W_xh \(1, "),
    (dict(x=X * np.nan), ValueError, "expects x without NaN"),
    (dict(x=X.astype(str)), TypeError, "expects x as an array of real numbers"),
    (dict(W_hh=np.zeros((4, 5))), ValueError, r"expects W_hh \(4, "),
    (dict(W_hh=np.zeros(4)), ValueError, r"expects W_hh \(4, .*, got \(4,\)"),
    (dict(b_h=np.zeros(5)), ValueError, r"expects b_h \("),
    (dict(state=np.zeros((2, 4))), ValueError, r"expects state \("),
    (dict(mask=np.ones((5, 3), bool)), ValueError, r"expects mask \(3, 5\), got \(5, 3\)"),
    (dict(mask=np.ones((3, 5))), TypeError, "expects mask as booleans, True for real steps, got float64"),
    (dict(mask=np.ma.masked_equal(np.eye(3, 5, dtype=bool), False)), TypeError, "expects mask without a mask"),
])
def test_operations_refuse(op, gates, extra, change, error, message):
    arrays = dict(x=X) | dict(zip(("W_xh", "W_hh", "b_h"), w(gates))) | change
    options = {name: arrays.pop(name) for name in ("state", "mask") if name in arrays}
    with pytest.raises(error, match=f"^{op.__name__} {message}"):
        op(*arrays.values(), *extra, **options)


@pytest.mark.parametrize("call, error, message", [
    (lambda: rnn(X, *w(1), activation="tanh"), TypeError, "rnn expects activation as an operation .*, got 'tanh'"),
    (lambda: rnn(X, *w(1), activation=nnlib.softmax), TypeError, "rnn expects activation as an operation"),
    (lambda: RNN(2, 4, activation=np.tanh), TypeError, "RNN expects activation as an operation"),
    (lambda: RNN(2, 4, activation=nnlib.softmax), TypeError, "RNN expects activation as an operation"),
    (lambda: gru(X, *w(3), np.zeros(3)), ValueError, r"gru expects b_n \(4,\), got \(3,\)"),
    (lambda: rnn(X, w(1)[0], np.zeros(4), np.zeros(4)), ValueError, r"rnn expects W_hh \(4, 4\), got \(4,\)"),
    (lambda: lstm(X, w(4)[0], np.zeros(4), np.zeros(16)), ValueError, r"lstm expects W_hh \(4, 16\), got \(4,\)"),
    (lambda: rtrl(X, *w(1), X), ValueError, r"rtrl expects dy \(3, 5, 4\), got \(3, 5, 2\)"),
    (lambda: rtrl(X[0], *w(1), X), ValueError, r"rnn expects x \(N, T, D\)"),
    (lambda: lstm_cell(X, *w(4), np.zeros((2, 3, 4))), ValueError, r"lstm_cell expects x \(N, D\), got \(3, 5, 2\)"),
    (lambda: lstm_cell(X[0], *w(4), S), ValueError, r"lstm_cell expects state \(2, 5, 4\), got \(3, 4\)"),
    (lambda: lstm_cell(X[0], *w(4), np.zeros((2, 3, 4))), ValueError, r"lstm_cell expects state \(2, 5, 4\), got \(2, 3, 4\)"),
    (lambda: gru_cell(X, *w(3), S[0], S), ValueError, r"gru_cell expects x \(N, D\), got \(3, 5, 2\)"),
    (lambda: gru_cell(X[0], *w(3), S[0], S), ValueError, r"gru_cell expects state \(5, 4\), got \(3, 4\)"),
    (lambda: lstm_gates(X[0], S, *w(3)), ValueError, r"lstm_gates expects h \(5, H\), got \(3, 4\)"),
    (lambda: lstm_gates(X[:, 0], S, np.zeros((2, 16)), *w(3)[1:]), ValueError,
     r"lstm_gates expects W_hh \(4, 16\), got \(4, 12\)"),
    (lambda: lstm_gates(1.0, S, *w(4)), ValueError, r"lstm_gates expects x \(..., D\), got \(\)"),
    (lambda: gru_gates(X[:, 0], S, *w(3), S), ValueError, r"gru_gates expects b_n \(4,\), got \(3, 4\)"),
    (lambda: gru_gates(X[:, 0], S, *w(4), S[0]), ValueError, r"gru_gates expects W_xh \(2, 12\), got \(2, 16\)"),
    (lambda: lstm_gates(X[:, 0] * np.nan, S, *w(4)), ValueError, "lstm_gates expects x without NaN, got 6 NaN of 6"),
    (lambda: gru_gates(X[:, 0], S, *w(3), S[0] * np.nan), ValueError, "gru_gates expects b_n without NaN"),
    (lambda: RNN(0, 4), ValueError, "RNN expects input_size >= 1, got 0"),
    (lambda: LSTM(2, 4.0), TypeError, "LSTM expects hidden_size as an integer, got 4.0"),
    (lambda: LSTM(2, 4, forget_bias="1"), TypeError, "LSTM expects forget_bias as a number, got '1'"),
    (lambda: GRU(2, 4, rng=1), TypeError, "GRU expects rng as numpy.random.default_rng"),
    (lambda: GRU(3, 4)(X), ValueError, r"GRU expects \(N, T, 3\), got \(3, 5, 2\)"),
    (lambda: GRU(2, 4)(X, state=np.zeros((2, 4))), ValueError, r"gru expects state \(3, 4\), got \(2, 4\)"),
    (lambda: LSTM(2, 4)(X, state=S), ValueError, r"lstm expects state \(2, 3, 4\), got \(3, 4\)"),
    (lambda: LSTM(2, 4)(X * np.nan), ValueError, "LSTM expects x without NaN"),
    (lambda: LSTM(2, 4).backward(S), ValueError, "LSTM.backward expects a forward pass"),
    (lambda: Stacked(RNN(2, 4, return_sequences=False), RNN(4, 4)), ValueError, "return_sequences=True of all but the last"),
    (lambda: Stacked(), ValueError, "Stacked expects layers"),
    (lambda: Stacked(RNN(2, 4), Dense(4, 2)), TypeError, "Stacked expects recurrent layers, got Dense"),
    (lambda: Bidirectional(RNN(2, 4), Stacked(RNN(2, 4))), TypeError, "Bidirectional expects recurrent layers, got Stacked"),
    (lambda: Bidirectional(RNN(2, 4), RNN(3, 4)), ValueError, "one input_size for both layers, got 2 and 3"),
    (lambda: Bidirectional(RNN(2, 4), RNN(2, 5)), ValueError, "one hidden_size for both layers, got 4 and 5"),
    (lambda: Bidirectional(RNN(2, 4), RNN(2, 4, return_sequences=False)), ValueError, "one return_sequences for both"),
    (lambda: Stacked(RNN(2, 4), RNN(4, 4))(X, state=[S]), ValueError, "Stacked expects one state for each of its 2"),
    (lambda: Stacked(RNN(2, 4), RNN(4, 4))(X, state=[S] * 3), ValueError, "for each of its 2 layers, got 3"),
    (lambda: Bidirectional(RNN(2, 4), RNN(2, 4))(X, state=[S]), ValueError, "Bidirectional expects one state for each of its 2"),
])
def test_wrong_input_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("backward, message", [
    (lambda m: m.backward(np.zeros((3, 4))), r"RNN.backward expects dy \(3, 5, 4\), got \(3, 4\)"),
    (lambda m: m.backward(np.zeros((3, 5, 4)), dstate=np.zeros((1, 4))), r"RNN.backward expects dstate \(3, 4\), got \(1, 4\)"),
])
def test_backward_refuses(backward, message):
    model = RNN(2, 4)
    model(X)
    with pytest.raises(ValueError, match=message):
        backward(model)


def test_parts_refuse_too_few_gradients():
    for model in (Stacked(RNN(2, 4), RNN(4, 4)), Bidirectional(RNN(2, 4), RNN(2, 4))):
        y = model(X)
        with pytest.raises(ValueError, match="expects one dstate for each of its 2 layers, got 1"):
            model.backward(y, dstate=[S])


def test_the_gradient_of_both_directions_has_the_shape_of_their_output():
    model = Bidirectional(GRU(2, 3), GRU(2, 3))
    for wrong in np.ones((1, 4, 5)), np.ones((1, 4, 8)), np.ones((1, 1, 6)), 1.0:
        model(np.ones((1, 4, 2)))
        with pytest.raises(ValueError, match=re.escape(f"Bidirectional.backward expects dy (1, 4, 6), got {np.shape(wrong)}")):
            model.backward(wrong)
