import math
import pickle
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nnlib
from nnlib import SGD, AdaGrad, Adam, AdamW, Momentum, Parameter, RMSProp, clip_gradients, optim
from nnlib.optim import Optimizer, cosine_decay, exponential_decay, step_decay, warmup

ALL = [SGD, Momentum, AdaGrad, RMSProp, Adam, AdamW]
STORED = np.load(Path(__file__).parent / "reference" / "optim.npz")
CASES = sorted({key.rsplit("/", 1)[0] for key in STORED
                if key.split("/")[0] in ("SGD", "Adagrad", "RMSprop", "Adam", "AdamW")})
OURS = {"Adagrad": AdaGrad, "RMSprop": RMSProp, "SGD": SGD, "Adam": Adam, "AdamW": AdamW}


def parameter(value, grad=0.0, dtype=float):
    p = Parameter(np.asarray(value, dtype), "w")
    p.grad[...] = grad
    return p


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_ten_steps_are_pytorchs(case, dtype):
    optimizer, options = case.split("/")
    parameters = [parameter(STORED[f"start/{name}"], dtype=dtype) for name in "Wb"]
    opt = OURS[optimizer](parameters, **eval(f"dict({options})"))
    values, grads = [p.value for p in parameters], [p.grad for p in parameters]
    for step in range(10):
        given_grads = [STORED[f"gradients/{name}"][step].astype(dtype) for name in "Wb"]
        for p, g in zip(parameters, given_grads):
            p.grad[...] = g
        opt.step()
        for p, g, name in zip(parameters, given_grads, "Wb"):
            assert p.value.dtype == dtype
            np.testing.assert_array_equal(p.grad, g)  # an optimiser leaves gradients alone
            tolerance = 1e-12 if dtype == np.float64 else 3e-5
            np.testing.assert_allclose(p.value, STORED[f"{case}/{name}"][step], rtol=tolerance,
                                       atol=tolerance)
    assert opt.steps == 10
    for p, value, grad in zip(parameters, values, grads):
        assert p.value is value and p.grad is grad  # in place


def test_there_is_a_case_for_every_option():
    options = {case.split("/")[0]: set() for case in CASES}
    for case in CASES:
        options[case.split("/")[0]] |= set(eval(f"dict({case.split('/')[1]})"))
    assert options == {"SGD": {"lr", "momentum", "nesterov", "weight_decay"},
                       "Adagrad": {"lr", "eps", "weight_decay"},
                       "RMSprop": {"lr", "alpha", "eps", "momentum", "weight_decay"},
                       "Adam": {"lr", "betas", "eps", "weight_decay"},
                       "AdamW": {"lr", "betas", "eps", "weight_decay"}}


def test_momentum_is_sgd_with_momentum():
    paths = []
    for opt in (lambda p: Momentum(p, 0.1), lambda p: SGD(p, 0.1, momentum=0.9),
                lambda p: Momentum(p, 0.1, 0.9, nesterov=True),
                lambda p: SGD(p, 0.1, momentum=0.9, nesterov=True),
                lambda p: Momentum(p, 0.1, weight_decay=0.3), lambda p: SGD(p, 0.1, 0.9, weight_decay=0.3)):
        p = parameter([1.0, -2.0])
        opt = opt([p])
        for _ in range(4):
            p.grad[...] = p.value
            opt.step()
        paths.append(p.value)
    np.testing.assert_array_equal(paths[::2], paths[1::2])
    assert len({tuple(path) for path in paths}) == 3
    assert Momentum([parameter([1.0])]).momentum == 0.9
    assert Momentum([parameter([1.0])]).lr == SGD([parameter([1.0])]).lr == 1e-3


@pytest.mark.parametrize("optimizer", ALL)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_keeps_dtype_under_numpy_settings(optimizer, dtype):
    p = parameter(np.ones((2, 3)), 0.5, dtype)
    opt = optimizer([p], lr=np.float64(0.1), weight_decay=np.float64(0.1))
    opt.step()
    opt.lr = np.float64(0.01)
    opt.step()
    assert p.value.dtype == dtype and (p.value < 1).all()
    assert {a.dtype for state in opt._state for a in state.values()} <= {np.dtype(dtype)}


@pytest.mark.parametrize("optimizer", ALL)
def test_mixed_shapes_and_dtypes(optimizer, rng):
    """Parameters share the arrays computed in; none may see another's numbers."""
    shapes = [(3, 4), (), (7,), (2, 1, 3), (0,)]
    dtypes = [np.float32, np.float64, np.float32, np.float64, np.float64]
    grads = [[rng.normal(size=s) for s in shapes] for _ in range(3)]
    starts = [rng.normal(size=s) for s in shapes]
    together = [parameter(v, dtype=d) for v, d in zip(starts, dtypes)]
    opt = optimizer(together, 0.1, weight_decay=0.2)
    alone = [parameter(v, dtype=d) for v, d in zip(starts, dtypes)]
    opts = [optimizer([p], 0.1, weight_decay=0.2) for p in alone]
    for step in grads:
        for p, q, g in zip(together, alone, step):
            p.grad[...] = q.grad[...] = g
        opt.step()
        for each in opts:
            each.step()
    for p, q in zip(together, alone):
        np.testing.assert_array_equal(p.value, q.value)


@pytest.mark.parametrize("optimizer", ALL)
@pytest.mark.parametrize("shape", [(401,), (13, 30), (3, 70), (1, 400), (9, 6, 7)])
def test_large_parameters_move_like_their_rows(optimizer, shape, rng, monkeypatch):
    """They are updated in pieces; no piece may be left out, met twice, or see another's numbers."""
    monkeypatch.setattr(optim, "_pieces", partial(optim._pieces, size=100))
    start, grads = rng.normal(size=shape), rng.normal(size=(2, *shape))
    whole, parts = parameter(start), [parameter(piece) for piece in np.array_split(start.ravel(), 5)]
    opt, other = optimizer([whole], 0.1, weight_decay=0.2), optimizer(parts, 0.1, weight_decay=0.2)
    for g in grads:
        whole.grad[...] = g
        for p, piece in zip(parts, np.array_split(g.ravel(), 5)):
            p.grad[...] = piece
        opt.step()
        other.step()
    np.testing.assert_array_equal(whole.value.ravel(), np.concatenate([p.value for p in parts]))


@pytest.mark.parametrize("shape, lengths", [
    ((2**14,), None), ((128, 128), None), ((2**14 + 1,), [2**14, 1]), ((130, 300), [54, 54, 22]),
    ((3, 7000), [2, 1]), ((2, 40000), [1, 1]), ((), None), ((0, 5), None)])
def test_pieces_are_as_large_as_fits(shape, lengths):
    w = np.empty(shape)
    pieces = optim._pieces(w, w.copy(), size=2**14)
    assert [len(piece) for piece, _ in pieces] == lengths if lengths else pieces[0][0] is w
    assert all(piece.shape == other.shape and np.shares_memory(piece, w) == bool(w.size) for piece, other in pieces)


@pytest.mark.parametrize("optimizer", ALL)
def test_finds_the_bottom_of_a_bowl(optimizer):
    p = parameter([3.0, -2.0])
    opt = optimizer([p], lr=1.0 if optimizer is AdaGrad else 0.1, weight_decay=0.0)
    for _ in range(3000):
        p.grad[...] = [1.0, 10.0] * (p.value - [1.0, 2.0])
        opt.step()
    # RMSProp never settles: its step keeps the size of the learning rate.
    np.testing.assert_allclose(p.value, [1.0, 2.0], atol=0.06 if optimizer is RMSProp else 1e-6)


@settings(max_examples=40, deadline=None)
@given(rates=st.tuples(st.floats(0, 0.99), st.floats(0, 0.99)), seed=st.integers(0, 999))
def test_averages_at_every_rate(rates, seed):
    """RMSProp and Adam written out for one number, at averages that forget fast, too."""
    keep, keep_square = rates
    p, q = parameter(1.0), parameter(1.0)
    rmsprop, adam = RMSProp([p], 0.1, alpha=keep_square, eps=0.5), Adam([q], 0.1, betas=rates, eps=0.5)
    w = v = 1.0
    m = s = 0.0
    for t, g in enumerate(np.random.default_rng(seed).normal(size=5), start=1):
        m, s = keep * m + (1 - keep) * g, keep_square * s + (1 - keep_square) * g**2
        w -= 0.1 * g / (math.sqrt(s) + 0.5)
        v -= 0.1 * m / (1 - keep**t) / (math.sqrt(s / (1 - keep_square**t)) + 0.5)
        p.grad[...] = q.grad[...] = g
        rmsprop.step()
        adam.step()
        assert (p.value, q.value) == (pytest.approx(w, rel=1e-10), pytest.approx(v, rel=1e-10))


def test_first_step_of_adam_has_the_size_of_the_learning_rate():
    p = parameter([1.0, 1.0], [1e-3, -1e3])
    Adam([p], lr=0.1).step()
    np.testing.assert_allclose(p.value, [0.9, 1.1], rtol=1e-5)


def test_weight_decay_of_adam_and_adamw_differ():
    """Adam's decay drowns in the scaling; AdamW's is the same share of each weight."""
    for optimizer, kept in (Adam, None), (AdamW, 0.9):
        p = parameter([1.0, 100.0], 0.0)
        optimizer([p], lr=0.1, weight_decay=1.0).step()
        if kept:
            np.testing.assert_allclose(p.value, [0.9, 90.0])
        else:
            np.testing.assert_allclose(p.value, [0.9, 99.9], rtol=1e-6)


@pytest.mark.parametrize("optimizer", ALL)
def test_zero_grad(optimizer):
    p, q = parameter([1.0, 2.0], 3.0), parameter([[1.0]], 4.0)
    optimizer([p, q]).zero_grad()
    assert p.grad.shape == (2,) and q.grad.shape == (1, 1) and not p.grad.any() and not q.grad.any()


@pytest.mark.parametrize("shape", [(301, 200), (2, 50_000), (70_000,)])
@pytest.mark.parametrize("optimizer", ALL)
def test_large_parameters_are_updated_row_by_row_to_the_same_values(optimizer, shape, rng):
    value, grad = rng.standard_normal((2, *shape))
    whole, rows = parameter(value, grad), [parameter(v, g) for v, g in zip(value[:2], grad[:2])]
    last = parameter(value[-1], grad[-1])
    a, b = (optimizer(ps, lr=0.1, weight_decay=0.01) for ps in ([whole], [*rows, last]))
    for _ in range(3):
        a.step()
        b.step()
    assert np.array_equal(whole.value[0], rows[0].value) and np.array_equal(whole.value[1], rows[1].value)
    assert np.array_equal(whole.value[-1], last.value)
    moved = whole.value != value
    assert moved.mean() > 0.99


def test_sgd_without_momentum_keeps_nothing():
    assert SGD([parameter([1.0])])._state == [{}]
    assert list(SGD([parameter([1.0])], momentum=0.5)._state[0]) == ["velocity"]
    assert list(RMSProp([parameter([1.0])])._state[0]) == ["squares"]


@pytest.mark.parametrize("optimizer", ALL)
def test_refuses_bad_settings(optimizer):
    ok = [parameter([1.0])]
    name = optimizer.__name__
    with pytest.raises(ValueError, match=f"{name} expects 0 <= lr"):
        optimizer(ok, lr=-0.1)
    with pytest.raises(TypeError, match=f"{name} expects lr as a number, got '0.1'"):
        optimizer(ok, lr="0.1")
    with pytest.raises(ValueError, match=f"{name} expects 0 <= lr"):
        optimizer(ok, lr=math.nan)
    with pytest.raises(ValueError, match=f"{name} expects 0 <= weight_decay"):
        optimizer(ok, weight_decay=-1)
    with pytest.raises(ValueError, match=f"{name} expects at least one parameter, got none"):
        optimizer([])
    with pytest.raises(ValueError, match=f"{name} expects each parameter once"):
        optimizer(ok * 2)
    twin, dense = SimpleNamespace(value=np.ones(2), grad=np.ones(2)), nnlib.Dense(2, 2)
    for bad, got in [([*ok, np.ones(2)], "ndarray"), ([twin], "SimpleNamespace"), (3, "int"), (None, "NoneType"),
                     (dense, "Dense"), (nnlib.Sequential(dense), "Dense")]:
        with pytest.raises(TypeError, match=f"{name} expects a list of parameters such as model.parameters.., got {got}"):
            optimizer(bad)
    assert optimizer(ok[0]).parameters == ok
    optimizer(ok, lr=0.0, weight_decay=0.0)


@pytest.mark.parametrize("optimizer, option, low, high", [
    (SGD, "momentum", 0, 1), (Momentum, "momentum", 0, 1), (RMSProp, "momentum", 0, 1),
    (RMSProp, "alpha", 0, 1),
    (RMSProp, "eps", 0, None), (AdaGrad, "eps", 0, None), (Adam, "eps", 0, None), (AdamW, "eps", 0, None)])
def test_refuses_options_out_of_range(optimizer, option, low, high):
    ok = [parameter([1.0])]
    optimizer(ok, **{option: low})
    with pytest.raises(ValueError, match=f"{optimizer.__name__} expects .*{option}"):
        optimizer(ok, **{option: low - 0.01})
    if high is not None:
        optimizer(ok, **{option: high - 0.01})
        with pytest.raises(ValueError, match=f"{optimizer.__name__} expects .*{option}"):
            optimizer(ok, **{option: high})


@pytest.mark.parametrize("optimizer", [Adam, AdamW])
def test_refuses_bad_betas(optimizer):
    ok = [parameter([1.0])]
    for betas in (0.9, (0.9,), (0.9, 0.99, 0.999)):
        with pytest.raises(ValueError, match=f"{optimizer.__name__} expects betas as two numbers"):
            optimizer(ok, betas=betas)
    for i, betas in enumerate([(1.0, 0.9), (0.9, 1.0)]):
        with pytest.raises(ValueError, match=rf"{optimizer.__name__} expects .*betas\[{i}\]"):
            optimizer(ok, betas=betas)
    for i, betas in enumerate([(-0.1, 0.9), (0.9, -0.1)]):
        with pytest.raises(ValueError, match=rf"{optimizer.__name__} expects .*betas\[{i}\]"):
            optimizer(ok, betas=betas)
    optimizer(ok, betas=(0.0, 0.0))


@pytest.mark.parametrize("optimizer", ALL)
def test_a_step_without_any_gradient_is_refused(optimizer):
    """As after the cell of the model was run again, but not that of its optimiser."""
    p, q = Parameter(np.ones(2), "w"), Parameter(np.ones(2), "b")
    opt = optimizer([p, q], lr=0.1)
    with pytest.raises(ValueError, match=f"{optimizer.__name__}.step expects gradients, got none: .* anew"):
        opt.step()
    assert opt.steps == 0
    q.add_grad(np.ones(2))
    opt.step()
    assert (q.value < 1).all() and opt.steps == 1
    opt.zero_grad()
    with pytest.raises(ValueError, match="expects gradients, got none"):
        opt.step()


def test_nesterov_needs_momentum():
    with pytest.raises(ValueError, match="SGD expects momentum > 0 with nesterov, got 0"):
        SGD([parameter([1.0])], nesterov=True)
    with pytest.raises(ValueError, match="Momentum expects momentum > 0 with nesterov, got 0"):
        Momentum([parameter([1.0])], momentum=0.0, nesterov=True)


def test_base_class_and_repr():
    with pytest.raises(AttributeError, match="Optimizer.* has no attribute '_update'"):
        Optimizer([parameter([1.0])], 0.1).step()
    assert Optimizer([parameter([1.0])], 0.1).weight_decay == 0
    opt = Adam([parameter([1.0])], lr=0.25)
    opt.step()
    assert repr(opt) == "Adam(lr=0.25, parameters=1, steps=1)"


@pytest.mark.parametrize("max_norm", [0.5, 20.0, 1e6])
def test_clipping_is_pytorchs(max_norm):
    parameters = [parameter(STORED[f"start/{name}"], STORED[f"gradients/{name}"][0]) for name in "Wb"]
    grads = [p.grad for p in parameters]
    norm = clip_gradients(parameters, max_norm)
    assert isinstance(norm, float)
    np.testing.assert_allclose(norm, STORED[f"clip/{max_norm}/norm"], rtol=1e-13)
    for p, grad, name in zip(parameters, grads, "Wb"):
        assert p.grad is grad
        np.testing.assert_allclose(grad, STORED[f"clip/{max_norm}/{name}"], rtol=1e-13)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), exponent=st.integers(-30, 18), max_norm=st.floats(1e-3, 1e3))
def test_clipping_limits_the_norm_and_keeps_the_direction(seed, exponent, max_norm):
    rng = np.random.default_rng(seed)
    parameters = [Parameter(np.zeros(s, np.float32), "w") for s in [(2, 3), (4,), ()]]
    before = [rng.normal(size=p.value.shape).astype(np.float32) * np.float32(10.0**exponent)
              for p in parameters]
    for p, g in zip(parameters, before):
        p.grad[...] = g
    norm = clip_gradients(parameters, max_norm)
    flat = np.concatenate([g.ravel() for g in before]).astype(float)
    assert norm == pytest.approx(np.linalg.norm(flat), rel=1e-6)
    after = np.concatenate([p.grad.ravel() for p in parameters]).astype(float)
    assert np.linalg.norm(after) <= max_norm * 1.000001
    if norm < max_norm:
        np.testing.assert_array_equal(after, flat)
    else:
        np.testing.assert_allclose(after / np.linalg.norm(after), flat / norm, atol=1e-6)


def test_clipping_spares_what_is_within_the_limit():
    p = parameter([0.0, 0.0], [3.0, 4.0])
    assert clip_gradients([p], 7.0) == 5.0
    np.testing.assert_array_equal(p.grad, [3.0, 4.0])
    p = parameter([0.0, 0.0], [3.0, 4.0])
    assert clip_gradients([p], 5.0) == 5.0
    np.testing.assert_allclose(p.grad, [3.0, 4.0], rtol=1e-6)
    np.testing.assert_array_equal(clip_gradients([parameter([1.0])], 1.0), 0.0)
    assert clip_gradients([], 1.0) == 0.0


@pytest.mark.parametrize("bad", [math.inf, math.nan])
def test_clipping_leaves_gradients_that_are_no_numbers(bad):
    p = parameter([0.0, 0.0], [bad, 4.0])
    norm = clip_gradients([p], 1.0)
    assert not math.isfinite(norm)
    np.testing.assert_array_equal(p.grad, [bad, 4.0])


def test_clipping_refuses():
    with pytest.raises(ValueError, match="clip_gradients expects 0 < max_norm"):
        clip_gradients([parameter([1.0])], 0.0)
    with pytest.raises(TypeError, match="clip_gradients expects a list of parameters such as model.parameters.., got float"):
        clip_gradients([1.0], 1.0)


@pytest.mark.parametrize("name, schedule", [
    ("step_decay", step_decay(0.5, 7, 0.3)), ("exponential_decay", exponential_decay(0.5, 0.9)),
    ("cosine_decay", cosine_decay(0.5, 30, 0.02))])
def test_schedules_are_pytorchs(name, schedule):
    np.testing.assert_allclose([schedule(k) for k in range(31)], STORED[f"schedule/{name}"], rtol=1e-12)


def test_schedule_defaults_and_ends():
    assert [step_decay(1.0, 2)(k) for k in range(5)] == pytest.approx([1, 1, 0.1, 0.1, 0.01])
    assert cosine_decay(0.5, 10)(10) == pytest.approx(0, abs=1e-16)
    assert cosine_decay(0.5, 10)(11) == cosine_decay(0.5, 10)(1000) == cosine_decay(0.5, 10)(10)
    assert cosine_decay(0.5, 10, 0.1)(99) == pytest.approx(0.1)


def test_warmup():
    assert [warmup(0.4, 3)(k) for k in range(5)] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.4])
    after = warmup(exponential_decay(0.4, 0.5), 3)
    assert [after(k) for k in range(8)] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.2, 0.1, 0.05, 0.025])


@pytest.mark.parametrize("make, message", [
    (lambda: step_decay(-1, 2), "step_decay expects 0 <= lr"),
    (lambda: step_decay(1, 0), "step_decay expects every >= 1"),
    (lambda: step_decay(1, 2, -1), "step_decay expects 0 <= factor"),
    (lambda: exponential_decay(-1, 2), "exponential_decay expects 0 <= lr"),
    (lambda: exponential_decay(1, -1), "exponential_decay expects 0 <= factor"),
    (lambda: cosine_decay(-1, 2), "cosine_decay expects 0 <= lr"),
    (lambda: cosine_decay(1, 0), "cosine_decay expects steps >= 1"),
    (lambda: cosine_decay(1, 2, -1), "cosine_decay expects 0 <= final"),
    (lambda: warmup(-1, 2), "warmup expects 0 <= schedule"),
    (lambda: warmup(1, 0), "warmup expects steps >= 1")])
def test_schedules_refuse(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_an_exponential_decay_falls_between_two_steps_too():
    assert exponential_decay(0.4, 0.25)(0.5) == pytest.approx(0.2)


def test_schedules_are_pickled():
    for schedule in step_decay(0.1, 3), exponential_decay(0.1, 0.9), cosine_decay(0.1, 9), warmup(cosine_decay(0.1, 9), 2):
        again = pickle.loads(pickle.dumps(schedule))
        assert [again(k) for k in range(12)] == [schedule(k) for k in range(12)]


def test_schedules_accept_their_limits():
    assert [make(0) for make in (step_decay(0, 1, 0), exponential_decay(0, 0), cosine_decay(0, 1),
                                 warmup(0, 1))] == [0] * 4


def test_public_names():
    for name in ("SGD Momentum AdaGrad RMSProp Adam AdamW clip_gradients "
                 "step_decay exponential_decay cosine_decay warmup").split():
        assert hasattr(nnlib, name)
