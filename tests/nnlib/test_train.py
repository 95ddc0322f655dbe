import math
import pickle
import subprocess
import sys
import time
import types

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nnlib
from nnlib import (
    L2, SGD, Activation, Adam, BatchNorm, Dense, DivergenceError, Dropout, EarlyStopping, Flatten,
    History, Layer, Momentum, Sequential, accuracy, arithmetic, batches, clip_gradients, cross_entropy, data, evaluate,
    fit, k_fold, mse, predict, tanh, train,
)
from nnlib.optim import cosine_decay, exponential_decay, step_decay, warmup


def net(seed=0, inputs=2, outputs=2, dtype=np.float64, dropout=0.0):
    rng = np.random.default_rng(seed)
    return Sequential(Dense(inputs, 8, rng=rng, dtype=dtype), BatchNorm(8, dtype=dtype), Activation(tanh),
                      Dropout(dropout, rng=rng), Dense(8, outputs, rng=rng, dtype=dtype))


@pytest.fixture
def moons():
    return data.moons(50, rng=np.random.default_rng(1))


def weights(model):
    return np.concatenate([p.value.ravel() for p in model.parameters()])


# Batches and folds

@settings(max_examples=50, deadline=None)
@given(n=st.integers(1, 40), batch_size=st.integers(1, 50), shuffle=st.booleans())
def test_batches_visit_every_sample_once(n, batch_size, shuffle):
    X, y = np.arange(2 * n).reshape(n, 2), np.arange(n)
    rng = np.random.default_rng(3)
    parts = list(batches(X, y, batch_size, rng if shuffle else None))
    full, rest = divmod(n, batch_size)
    assert [len(part) for part, _ in parts] == [batch_size] * full + [rest] * (rest > 0)
    together = np.concatenate([part for _, part in parts])
    np.testing.assert_array_equal(np.sort(together), y)
    for X_part, y_part in parts:
        np.testing.assert_array_equal(X_part[:, 0], 2 * y_part)
    np.testing.assert_array_equal(together, np.random.default_rng(3).permutation(n) if shuffle else y)


def test_batches_refuse():
    X, y = np.ones((5, 2)), np.ones(5)
    for args, error, message in [
            ((X, y[:4], 2), ValueError, r"batches expects X and y .*, got \(5, 2\) and \(4,\)"),
            ((X[:0], y[:0], 2), ValueError, r"with one N >= 1, got \(0, 2\) and \(0,\)"),
            ((1.0, y, 2), ValueError, r"got \(\) and \(5,\)"),
            ((X, 1.0, 2), ValueError, r"got \(5, 2\) and \(\)"),
            ((X, y, 0), ValueError, "batches expects batch_size >= 1, got 0"),
            ((X, y, 2.0), TypeError, "batches expects batch_size as an integer"),
            ((X, ["a"] * 5, 2), TypeError, "batches expects y as an array of real numbers"),
            ((X, y, 2, 7), TypeError, "batches expects rng")]:
        with pytest.raises(error, match=message):
            batches(*args)  # at once, not at the first batch


@settings(max_examples=50, deadline=None)
@given(n=st.integers(2, 30), k=st.integers(2, 30), shuffle=st.booleans())
def test_k_fold_holds_each_sample_out_once(n, k, shuffle):
    if k > n:
        with pytest.raises(ValueError, match=f"k_fold expects n >= {k}, got {n}"):
            k_fold(n, k)
        return
    folds = list(k_fold(n, k, np.random.default_rng(2) if shuffle else None))
    assert len(folds) == k
    held_out = np.concatenate([validation for _, validation in folds])
    np.testing.assert_array_equal(held_out, np.random.default_rng(2).permutation(n)
                                  if shuffle else np.arange(n))
    for training, validation in folds:
        assert n // k <= len(validation) <= n // k + 1
        np.testing.assert_array_equal(np.sort(np.concatenate([training, validation])), np.arange(n))


def test_k_fold_refuses():
    with pytest.raises(ValueError, match="k_fold expects k >= 2"):
        k_fold(5, 1)
    with pytest.raises(ValueError, match="k_fold expects n >= 2, got 0"):
        k_fold(0, 2)
    with pytest.raises(TypeError, match="k_fold expects rng"):
        k_fold(5, 2, 3)


# Predictions, evaluation

@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_predict_is_the_model_in_evaluation_mode(dtype, rng):
    model = net(dropout=0.5, dtype=dtype)
    X = rng.normal(size=(11, 2)).astype(dtype)
    model(X)  # moves the running statistics
    frozen = model[1].eval()
    before = [layer.training for layer in model.layers_inside()]
    statistics = frozen.running_mean.copy()
    model[1].train()
    outputs = [predict(model, X, batch_size=b) for b in (1, 4, 11, 256)]
    for y in outputs:
        assert y.dtype == dtype
        np.testing.assert_allclose(y, outputs[0], rtol=1e-5)
    np.testing.assert_array_equal(frozen.running_mean, statistics)
    np.testing.assert_array_equal(predict(model, X), model.eval()(X))
    model.train()
    model[1].eval()
    predict(model, X)
    assert [layer.training for layer in model.layers_inside()] == before
    assert predict(model, X[:0]).shape == (0, 2)
    with pytest.raises(ValueError):
        predict(model, np.ones((3, 5)))
    assert [layer.training for layer in model.layers_inside()] == before  # after an error, too


def test_predict_leaves_the_state_of_a_sequence_in_pieces(rng):
    recurrent = nnlib.Stacked(nnlib.LSTM(2, 3, rng=rng), nnlib.GRU(3, 3, return_sequences=False, rng=rng))
    model, x = Sequential(recurrent, Dense(3, 2, rng=rng)), rng.normal(size=(4, 6, 2))
    model(x)
    before = [np.copy(state) for state in recurrent.state]
    predict(model, rng.normal(size=(9, 6, 2)), batch_size=4)
    for state, expected in zip(recurrent.state, before, strict=True):
        np.testing.assert_array_equal(state, expected)


def test_predict_refuses():
    with pytest.raises(ValueError, match="predict expects batch_size >= 1"):
        predict(net(), np.ones((3, 2)), 0)
    with pytest.raises(ValueError, match=r"predict expects X \(N, ...\), got one number"):
        predict(net(), 1.0)
    with pytest.raises(TypeError, match="predict expects model as a layer such as Sequential"):
        predict(np.sin, np.ones((3, 2)))


def test_evaluate(moons):
    X, y = moons
    model = net(dropout=0.5)
    model(X)
    scores = evaluate(model, X, y, loss=cross_entropy, metrics=[accuracy], batch_size=7)
    outputs = model.eval()(X)
    assert scores == pytest.approx({"loss": cross_entropy(outputs, y), "accuracy": accuracy(outputs, y)})
    assert evaluate(model, X, y, loss=cross_entropy) == pytest.approx({"loss": cross_entropy(outputs, y)})
    assert list(evaluate(model, X, y, loss=cross_entropy, metrics=accuracy)) == ["loss", "accuracy"]
    model[4].W.value = model[4].W.value * math.nan
    lost = evaluate(model, X, y, loss=cross_entropy, metrics=[accuracy])
    assert math.isnan(lost["loss"]) and math.isnan(lost["accuracy"])
    with pytest.raises(TypeError, match="evaluate expects loss as an operation"):
        evaluate(model, X, y, loss=abs)
    with pytest.raises(TypeError, match="evaluate expects metrics as functions"):
        evaluate(model, X, y, loss=cross_entropy, metrics=["accuracy"])


# The loop

def test_fit_is_the_loop_written_out(moons):
    """The same numbers, step for step, as the loop in full; 50 samples in batches of 16 leave 2."""
    X, y = moons
    validation = data.moons(21, rng=np.random.default_rng(9))
    model, twin = net(3), net(3)
    optimizer, other = Momentum(model.parameters(), 0.5), Momentum(twin.parameters(), 0.5)
    history = fit(model, X, y, loss=cross_entropy, optimizer=optimizer, epochs=3, batch_size=16,
                  validation_data=validation, metrics=[accuracy], rng=np.random.default_rng(5),
                  regularizer=L2(0.1), clip=0.3, schedule=lambda step: 0.5 / (1 + step))
    rng = np.random.default_rng(5)
    expected = {name: [] for name in ("loss", "accuracy", "penalty", "val_loss", "val_accuracy")}
    steps = 0
    for epoch in range(3):
        order = rng.permutation(50)
        losses, hits = [], []
        for start in (0, 16, 32, 48):
            chosen = order[start:start + 16]
            outputs = twin(X[chosen])
            losses += list(cross_entropy(outputs, y[chosen], reduction="none"))
            hits += list(outputs.argmax(axis=1) == y[chosen])
            value, pullback = cross_entropy.vjp(outputs, y[chosen])
            other.zero_grad()
            twin.backward(pullback(1.0)[0])
            for p in twin.parameters():
                if p.name == "W":
                    p.grad += 0.1 * p.value
            clip_gradients(twin.parameters(), 0.3)
            other.lr = 0.5 / (1 + steps)
            other.step()
            steps += 1
        outputs = predict(twin, validation[0])
        for name, number in [("loss", np.mean(losses)), ("accuracy", np.mean(hits)),
                             ("penalty", L2(0.1).penalty(twin.parameters())),
                             ("val_loss", cross_entropy(outputs, validation[1])),
                             ("val_accuracy", accuracy(outputs, validation[1]))]:
            expected[name].append(number)
    np.testing.assert_allclose(weights(model), weights(twin), rtol=1e-12)
    assert list(history) == ["loss", "accuracy", "penalty", "val_loss", "val_accuracy"]
    for name, numbers in expected.items():
        np.testing.assert_allclose(history[name], numbers, rtol=1e-12, err_msg=name)
        assert all(type(number) is float for number in history[name])
    assert optimizer.steps == 12 and optimizer.lr == pytest.approx(0.5 / 12)
    assert history.epochs == 3


def test_fit_defaults(moons):
    X, y = moons
    model = net()
    optimizer = SGD(model.parameters(), 0.1)
    history = fit(model, X, y, loss=cross_entropy, optimizer=optimizer, epochs=2)
    assert list(history) == ["loss"] and optimizer.steps == 4  # batches of 32
    start = weights(model)
    fit(model, X, y, loss=cross_entropy, optimizer=optimizer, epochs=1, batch_size=1000)
    assert optimizer.steps == 5 and (weights(model) != start).any()


def test_continuing_continues_the_schedule(moons):
    X, y = moons
    model, seen = net(), []
    optimizer = SGD(model.parameters(), 0.1)
    for _ in range(2):
        fit(model, X, y, loss=cross_entropy, optimizer=optimizer, epochs=1, batch_size=25,
            schedule=lambda step: seen.append(step) or 0.1)
    assert seen == [0, 1, 2, 3]


def test_same_seed_same_result(moons):
    X, y = moons
    runs = []
    for seed in (4, 4, 5):
        model = net(2, dropout=0.3)
        history = fit(model, X, y, loss=cross_entropy, optimizer=Adam(model.parameters(), 0.01), epochs=3,
                      batch_size=8,
                      rng=np.random.default_rng(seed), metrics=[accuracy])
        runs.append((weights(model).tolist(), dict(history)))
    assert runs[0] == runs[1] != runs[2]


def test_float32_stays(moons):
    X, y = moons
    model = net(dtype=np.float32)
    seen = set()

    def look(outputs, y):
        seen.add(outputs.dtype)
        return 0.0
    fit(model, X.astype(np.float32), y, loss=cross_entropy,
        optimizer=Adam(model.parameters(), np.float64(0.01)),
        epochs=2, metrics=[look], regularizer=L2(0.1), clip=1.0, schedule=lambda step: np.float64(0.01))
    assert seen == {np.dtype(np.float32)}
    assert {p.value.dtype for p in model.parameters()} == {np.dtype(np.float32)}


def test_modes_during_and_after(moons):
    X, y = moons
    model = net(dropout=0.5)
    model.eval()
    model[3].training = True
    modes = []

    class Spy(Activation):
        def vjp(self, x):
            modes.append(self.training)
            return super().vjp(x)
    spied = Sequential(*model.layers, Spy(nnlib.identity))
    spied[-1].training = False
    before = [layer.training for layer in spied.layers_inside()]
    fit(spied, X, y, loss=cross_entropy, optimizer=SGD(model.parameters(), 0.1), epochs=2, batch_size=25,
        validation_data=(X, y))
    assert modes == [True, True, False, True, True, False]
    assert [layer.training for layer in spied.layers_inside()] == before


def test_augment_alters_training_batches_only(moons):
    X, y = moons
    model, seen = net(), []

    def augment(batch, rng):
        assert isinstance(rng, np.random.Generator)
        seen.append(batch.copy())
        return batch + 100
    inputs = []
    model[0].vjp, vjp = lambda x: inputs.append(x) or vjp(x), model[0].vjp
    fit(model, X, y, loss=cross_entropy, optimizer=SGD(model.parameters(), 0.0), epochs=1, batch_size=25,
        augment=augment, validation_data=(X, y), rng=np.random.default_rng(1))
    np.testing.assert_array_equal(inputs[0], seen[0] + 100)
    np.testing.assert_array_equal(inputs[1], seen[1] + 100)
    np.testing.assert_array_equal(inputs[2], X)
    np.testing.assert_array_equal(np.sort(np.concatenate(seen), axis=0), np.sort(X, axis=0))


def test_augment_draws_from_rng(rng):
    images, labels = rng.random((6, 1, 4, 4)), np.arange(6) % 2
    runs = []
    for seed in (1, 1, 2):
        model = Sequential(Flatten(), Dense(16, 2, rng=np.random.default_rng(0)))
        fit(model, images, labels, loss=cross_entropy, optimizer=SGD(model.parameters(), 0.5), epochs=2,
            batch_size=6,
            augment=data.augment, rng=np.random.default_rng(seed))
        runs.append(weights(model).tolist())
    assert runs[0] == runs[1] != runs[2]


def test_callback_sees_each_epoch(moons):
    X, y = moons
    model, seen = net(), []
    history = fit(model, X, y, loss=cross_entropy, optimizer=SGD(model.parameters(), 0.1), epochs=3,
                  callback=lambda epoch, history: seen.append((epoch, len(history["loss"]), history)))
    assert [each[:2] for each in seen] == [(1, 1), (2, 2), (3, 3)] and seen[0][2] is history


@pytest.mark.parametrize("with_validation", [True, False])
def test_early_stopping_in_fit(moons, with_validation):
    X, y = moons
    model, snapshots = net(1), []
    stopping = EarlyStopping(patience=3)
    stopping.update(-1.0, net())  # a former training: must be forgotten
    history = fit(model, X, y, loss=cross_entropy, optimizer=SGD(model.parameters(), 3.0), epochs=100,
                  batch_size=10,
                  validation_data=data.moons(30, noise=0.3, rng=np.random.default_rng(8))
                  if with_validation else None,
                  rng=np.random.default_rng(0), early_stopping=stopping,
                  callback=lambda *_: snapshots.append(weights(model)))
    watched = history["val_loss" if with_validation else "loss"]
    assert stopping.best_epoch == 1 + int(np.argmin(watched)) and stopping.best_value == min(watched)
    assert history.epochs == stopping.best_epoch + 3 < 100
    np.testing.assert_array_equal(weights(model), snapshots[stopping.best_epoch - 1])


def test_best_weights_come_back_without_stopping(moons):
    X, y = moons
    model, snapshots = net(1), []
    stopping = EarlyStopping(patience=50)
    history = fit(model, X, y, loss=cross_entropy, optimizer=SGD(model.parameters(), 5.0), epochs=8,
                  batch_size=10,
                  rng=np.random.default_rng(0), early_stopping=stopping,
                  callback=lambda *_: snapshots.append(weights(model)))
    assert history.epochs == 8 != stopping.best_epoch
    np.testing.assert_array_equal(weights(model), snapshots[stopping.best_epoch - 1])


# Divergence

def line(w=0.0):
    model = Sequential(Dense(1, 1, bias=False))
    model[0].W.value = [[w]]
    return model


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_divergence_names_step_and_cure():
    """w <- w - lr 2 (w - 1) multiplies the error by 1 - 2 lr, here -1e60, until its square overflows."""
    model, X = line(), np.ones((6, 1))
    with pytest.raises(DivergenceError) as caught:
        fit(model, X, X, loss=mse, optimizer=SGD(model.parameters(), 5e59), epochs=9, batch_size=3)
    # errors 1, 1e60, 1e120 | 1e180: the square of the fourth is no number: epoch 2, step 2
    error = caught.value
    assert (error.epoch, error.step) == (2, 2)
    message = "the loss is inf at epoch 2, step 2 of 2. Try a lower learning rate (it is 5e+59), clip=1.0"
    assert message in str(error)
    assert isinstance(error, FloatingPointError)
    assert error.history.epochs == 1 and list(error.history) == ["loss"]
    assert abs(model[0].W.value[0, 0]) == pytest.approx(1e180)  # left as it was
    again = pickle.loads(pickle.dumps(error))   # as it comes out of another process
    assert str(again) == str(error) and (again.epoch, again.step, again.history) == (2, 2, error.history)


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_divergence_in_the_last_update_is_found():
    model, X = line(), np.ones((2, 1))
    with pytest.raises(DivergenceError, match="a weight is inf at epoch 1, step 1 of 1"):
        fit(model, X, X * 1e100, loss=mse, optimizer=SGD(model.parameters(), 1e300), epochs=1, clip=1e250)


def test_divergence_of_the_gradient_norm():
    model, X = line(), np.ones((2, 1))
    model[0].W.value = [[math.inf]]
    with pytest.raises(DivergenceError, match="the loss is inf"):
        fit(model, X, X, loss=mse, optimizer=SGD(model.parameters(), 0.1), epochs=1, clip=1.0)
    model = line(0.0)
    with pytest.raises(DivergenceError, match="the norm of the gradients is inf at epoch 1, step 1 of 1"):
        fit(model, 8e153 * X, 8e153 * X, loss=mse, optimizer=SGD(model.parameters(), 0.1), epochs=1, clip=1.0)


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_divergence_of_the_validation_loss():
    model, X = line(), np.ones((2, 1))
    with pytest.raises(DivergenceError, match="the validation loss is inf at epoch 1, step 1 of 1") as caught:
        fit(model, X, X, loss=mse, optimizer=SGD(model.parameters(), 0.1), epochs=1,
            metrics=[lambda o, y: 0.0],
            validation_data=(X, 1e200 * X))
    assert caught.value.history == {}


def test_divergence_gives_back_the_best_weights(moons):
    X, y = moons
    model, snapshots, losses = net(1), [], []

    def blow_up(epoch, history):
        snapshots.append(weights(model))
        losses.append(history["loss"][-1])
        if epoch == 3:
            optimizer.lr = 1e308
    optimizer = SGD(model.parameters(), 0.1)
    with pytest.raises(DivergenceError):
        fit(model, X, y, loss=cross_entropy, optimizer=optimizer, epochs=9, early_stopping=EarlyStopping(),
            callback=blow_up, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(weights(model), snapshots[np.argmin(losses)])


def test_nan_in_the_data_is_refused_before_training(moons):
    X, y = moons
    X[7, 1] = math.nan
    model = net()
    start = weights(model)
    with pytest.raises(ValueError, match="NaN"):
        fit(model, X, y, loss=cross_entropy, optimizer=SGD(model.parameters(), 0.1), epochs=1, batch_size=50)
    np.testing.assert_array_equal(weights(model), start)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("where", ["X", "y", "validation X", "validation y"])
def test_data_that_are_no_numbers_do_not_blame_the_learning_rate(bad, where):
    arrays = {name: np.ones((6, 1)) for name in ("X", "y", "validation X", "validation y")}
    arrays[where][4] = bad
    model = line()
    with pytest.raises(ValueError, match=f"^fit expects {where[-1]} without (NaN, got 1 NaN|infinity, got 1 infinite) of 6") as e:
        fit(model, arrays["X"], arrays["y"], loss=mse, optimizer=SGD(model.parameters(), 0.1), epochs=1,
            validation_data=(arrays["validation X"], arrays["validation y"]))
    assert not isinstance(e.value, DivergenceError) and not model[0].W.value.any()


def named(name):
    def metric(outputs, y):
        return 0.0
    metric.__name__ = name
    return metric


def test_a_metric_that_is_nan_on_a_batch_is_nan_for_the_epoch_and_not_for_the_validation(rng):
    X, y = rng.normal(size=(8, 2)), (np.arange(8.0) < 1)[:, None]
    model = Sequential(Dense(2, 1, rng=rng))
    history = fit(model, X, y, loss=nnlib.binary_cross_entropy, optimizer=SGD(model.parameters()), epochs=1, batch_size=4,
                  validation_data=(X, y), metrics=[nnlib.recall])
    assert np.isnan(history["recall"]) and history["val_recall"] in ([0.0], [1.0]) and np.isfinite(history["loss"])


@pytest.mark.parametrize("names, repeated", [
    (["<lambda>", "<lambda>"], "<lambda>"), (["loss"], "loss"), (["penalty"], "penalty"), (["val_loss"], "val_loss"),
    (["a", "b", "a"], "a"), (["a", "val_a"], "val_a")])
def test_metrics_have_names_of_their_own(moons, names, repeated):
    X, y = moons
    model = net()
    metrics = [named(name) for name in names]
    for call in (lambda: fit(model, X, y, loss=cross_entropy, optimizer=SGD(model.parameters()), epochs=1, metrics=metrics),
                 lambda: evaluate(model, X, y, loss=cross_entropy, metrics=metrics)):
        with pytest.raises(ValueError, match=f"expects a name of its own for each metric, .* got '{repeated}' again"):
            call()
    history = fit(model, X, y, loss=cross_entropy, optimizer=SGD(model.parameters()), epochs=1,
                  metrics=[named("val_a"), named("b"), accuracy])
    assert list(history) == ["loss", "val_a", "b", "accuracy"]


def test_an_optimiser_of_another_model_is_refused(moons):
    X, y = moons
    model, other = net(), net()
    with pytest.raises(ValueError, match="fit expects an optimizer of the model's parameters, got [0-9]+ of others"):
        fit(model, X, y, loss=cross_entropy, optimizer=SGD(other.parameters(), 0.1), epochs=1)
    with pytest.raises(ValueError, match="got 2 of others"):       # one layer made anew
        fit(model, X, y, loss=cross_entropy, optimizer=SGD(model.parameters() + other[4].parameters(), 0.1), epochs=1)
    half = SGD(model[4].parameters(), 0.1)      # some of them will do: the others are frozen
    start = weights(model)
    fit(model, X, y, loss=cross_entropy, optimizer=half, epochs=1)
    assert (weights(model) != start).sum() == model[4].W.value.size + 2


def test_a_loss_may_be_an_object_of_ones_own(moons):
    model = net()
    loss = types.SimpleNamespace(vjp=lambda outputs, y: cross_entropy.vjp(outputs, y))          # without a name
    history = fit(model, *moons, loss=loss, optimizer=SGD(model.parameters(), 0.1), epochs=1, validation_data=moons)
    assert list(history) == ["loss", "val_loss"]


def test_a_loss_or_a_metric_gives_one_number(moons):
    def each(outputs, y):
        return outputs[:, 0]

    X, y = moons
    for options in dict(loss=arithmetic.subtract), dict(metrics=[each]), dict(validation_data=(X, y), metrics=[each]):
        model = net()
        options = dict(loss=cross_entropy) | options
        with pytest.raises(ValueError, match=r"expect one number as the value of (loss|each), got \(\d+"):
            fit(model, X, y if options["loss"] is cross_entropy else np.ones((len(y), 2)),
                optimizer=SGD(model.parameters(), 0.1), epochs=1, **options)
    with pytest.raises(TypeError, match="the value of <lambda> as an array of real numbers"):
        evaluate(model, X, y, loss=cross_entropy, metrics=[lambda outputs, y: None])
    with pytest.raises(TypeError, match="evaluate expects metrics as functions"):
        evaluate(model, X, y, loss=cross_entropy, metrics=[History])


@pytest.mark.parametrize("bad, found", [(np.nan, "without NaN"), (np.inf, "without infinity")])
def test_what_is_no_number_is_refused_where_samples_come_in(bad, found):
    X, y, model = np.ones((4, 1)), np.array([[1.0], [2.0], [bad], [3.0]]), Sequential(Dense(1, 1))
    for name, a, b in ("y", X, y), ("X", y, X):
        for who, call in (
                ("batches", lambda: batches(a, b, 2)), ("evaluate", lambda: evaluate(model, a, b, loss=mse)),
                ("fit", lambda: fit(model, a, b, loss=mse, optimizer=SGD(model.parameters()), epochs=1)),
                ("fit", lambda: fit(model, X, X, loss=mse, optimizer=SGD(model.parameters()), epochs=1, validation_data=(a, b)))):
            with pytest.raises(ValueError, match=f"{who} expects {name} {found}, got 1"):
                call()


@pytest.mark.parametrize("rate, error, message", [
    (None, TypeError, "SGD expects lr as a number, got None"), (math.nan, ValueError, "SGD expects 0 <= lr <= inf, got nan"),
    (-1.0, ValueError, "SGD expects 0 <= lr <= inf, got -1")])
def test_a_schedule_gives_a_rate(moons, rate, error, message):
    model = net()
    with pytest.raises(error, match=message):
        fit(model, *moons, loss=cross_entropy, optimizer=SGD(model.parameters(), 0.1), epochs=1, schedule=lambda step: rate)


@pytest.mark.parametrize("n, batch_size, sizes", [(9, 4, [4, 4]), (8, 4, [4, 4]), (3, 4, [3]), (4, 4, [4]), (5, 1, [1] * 5)])
def test_drop_last(n, batch_size, sizes):
    X, y = np.arange(n)[:, None].astype(float), np.arange(n)
    for rng in (None, np.random.default_rng(0)):
        parts = list(batches(X, y, batch_size, rng, drop_last=True))
        assert [len(part) for part, _ in parts] == sizes
        assert len(set(np.concatenate([part for _, part in parts]))) == sum(sizes)
    assert sum(len(part) for part, _ in batches(X, y, batch_size)) == n


def test_batch_norm_and_a_last_batch_of_one(moons):
    X, y = moons
    model = net()
    optimizer = SGD(model.parameters(), 0.1)
    with pytest.raises(ValueError, match=r"more than one number a channel in training, got \(1, 8\): .* drop_last=True"):
        fit(model, X[:33], y[:33], loss=cross_entropy, optimizer=optimizer, epochs=1)
    seen = []
    history = fit(model, X[:33], y[:33], loss=cross_entropy, optimizer=SGD(model.parameters(), 0.0), epochs=1,
                  drop_last=True, metrics=[lambda outputs, y: seen.append(len(y)) or 1.0])
    assert seen == [32] and history["<lambda>"] == [1.0]        # a mean over what was seen


# What fit refuses

@pytest.mark.parametrize("change, error, message", [
    (dict(X=np.ones((49, 2))), ValueError,
     r"fit expects X and y \(N, ...\) with one N >= 1, got \(49, 2\) and \(50,\)"),
    (dict(epochs=0), ValueError, "fit expects epochs >= 1, got 0"),
    (dict(batch_size=0), ValueError, "fit expects batch_size >= 1, got 0"),
    (dict(clip=0), ValueError, "fit expects 0 < clip"),
    (dict(rng=3), TypeError, "fit expects rng"),
    (dict(loss="mse"), TypeError, "fit expects loss as an operation such as cross_entropy, got 'mse'"),
    (dict(model=np.sin), TypeError, "fit expects model as a layer such as Sequential"),
    (dict(optimizer=SGD), TypeError, "fit expects optimizer as in Adam.*, got <class"),
    (dict(model=Sequential), TypeError, "fit expects model as a layer such as Sequential, got <class"),
    (dict(early_stopping=EarlyStopping), TypeError, "fit expects early_stopping as in EarlyStopping.*, got <class"),
    (dict(regularizer=L2), TypeError, r"fit expects regularizer as in L2\(0.01\), got <class"),
    (dict(regularizer=0.1), TypeError, r"fit expects regularizer as in L2\(0.01\), got 0.1"),
    (dict(early_stopping=3), TypeError, "fit expects early_stopping as in EarlyStopping"),
    (dict(optimizer="sgd"), TypeError, "fit expects optimizer as in Adam"),
    (dict(metrics=[3]), TypeError, r"fit expects metrics as functions of \(outputs, y\) such as"),
    (dict(metrics=[lambda outputs: 0]), TypeError, r"fit expects metrics as functions of \(outputs, y\) such as"),
    (dict(augment=3), TypeError, r"fit expects augment as a function of \(X_batch, rng=rng\), got 3"),
    (dict(augment=lambda X: X), TypeError, r"fit expects augment as a function of \(X_batch, rng=rng\), got <function"),
    (dict(schedule=0.1), TypeError, "fit expects schedule as a function of the number of steps, such as .*, got 0.1"),
    *((dict(schedule=maker), TypeError, f"fit expects schedule as a function of the number of steps.*{maker.__name__}")
      for maker in (step_decay, exponential_decay, cosine_decay, warmup)),
    (dict(callback=3), TypeError, r"fit expects callback as a function of \(epoch, history\), got 3"),
    (dict(callback=lambda epoch: 0), TypeError, r"fit expects callback as a function of \(epoch, history\), got <function"),
    (dict(validation_data=3), TypeError, r"fit expects validation_data as \(X, y\), got int"),
    (dict(validation_data=(np.ones((3, 2)),)), TypeError,
     r"fit expects validation_data as \(X, y\), got tuple"),
    (dict(validation_data=(np.ones((3, 2)), np.ones(2, int))), ValueError, r"got \(3, 2\) and \(2,\)")])
def test_fit_refuses(moons, change, error, message):
    model = net()
    arguments = dict(model=model, X=moons[0], y=moons[1], loss=cross_entropy, epochs=1,
                     optimizer=SGD(model.parameters(), 0.1)) | change
    with pytest.raises(error, match=message):
        fit(arguments.pop("model"), arguments.pop("X"), arguments.pop("y"), **arguments)


@pytest.mark.parametrize("callback, got", [
    (lambda n, history: history.setdefault("val_loss", []).append(1.0), "val_loss"),
    (lambda n, history: history.pop("loss"), "loss"), (lambda n, history: history["loss"].append(0.0), "loss")])
def test_a_callback_has_its_own_names_in_the_history(moons, callback, got):
    model = net()
    with pytest.raises(ValueError, match=f"fit expects a callback with names of its own in the history, got '{got}'"):
        fit(model, *moons, loss=cross_entropy, optimizer=SGD(model.parameters(), 0.1), epochs=3, callback=callback,
            validation_data=moons)


def test_each_epoch_is_in_training_mode_whatever_a_callback_does(moons):
    model, seen = Sequential(Dense(2, 3), Dropout(0.5), Dense(3, 2)), []

    def callback(n, history):
        seen.append(model[1].training)
        model.eval()
    fit(model, *moons, loss=cross_entropy, optimizer=SGD(model.parameters(), 0.1), epochs=3, callback=callback)
    assert seen == [True] * 3


def test_parameters_made_in_the_first_call_are_told():
    class Late(Layer):
        def vjp(self, x):
            if not hasattr(self, "inner"):
                self.inner = Dense(x.shape[1], 2, rng=np.random.default_rng(0))
            return self.inner.vjp(x)

    model, X = Sequential(Late(), Dense(2, 1)), np.ones((4, 3))
    with pytest.raises(ValueError, match="fit expects a model that has all its parameters before, got 2 more at the first step"):
        fit(model, X, X[:, :1], loss=mse, optimizer=SGD(model.parameters(), 0.1), epochs=1)
    fit(model, X, X[:, :1], loss=mse, optimizer=SGD(model.parameters(), 0.1), epochs=1)


# History and progress

def test_history():
    assert repr(History(loss=[3.0, 2.0], test=0.5)) == "History(2 epochs: loss 2, test 0.5)"
    history = History(loss=[3.0, 2.0], val_loss=[4.0, 2.51234])
    assert history.epochs == 2 and repr(history) == "History(2 epochs: loss 2, val_loss 2.512)"
    assert History().epochs == 0 and repr(History()) == "History(0 epochs)"


def fit_something(**options):
    model = net()
    fit(model, np.ones((4, 2)), np.zeros(4, int), loss=cross_entropy, optimizer=SGD(model.parameters()),
        epochs=3, callback=lambda *_: time.sleep(0.11), **options)  # a bar moves ten times a second at most


def test_progress_bar_on_request(capsys):
    fit_something(progress=True)
    shown = capsys.readouterr().err
    assert "0/3" in shown and "2/3" in shown and "epoch" in shown and "loss=0.6" in shown
    fit_something(progress=False)
    fit_something()  # pytest's stderr is no terminal
    captured = capsys.readouterr()
    assert captured.err == captured.out == ""


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_bar_on_a_terminal(terminal, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    monkeypatch.setitem(sys.modules, "IPython", None)
    fit_something()
    assert ("2/3" in capsys.readouterr().err) == terminal


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("kernel, shown", [(types.SimpleNamespace(_allow_stdin=True), True),
                                           (types.SimpleNamespace(_allow_stdin=False), False),
                                           (types.SimpleNamespace(), False), (None, None)])
def test_progress_bar_in_a_kernel(kernel, shown, terminal, monkeypatch):
    """Only where a person could be asked something; programs that run notebooks allow no questions."""
    shell = types.SimpleNamespace(kernel=kernel)
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    assert train._someone_watches() == (terminal if shown is None else shown)


def test_no_bar_in_a_notebook_run_by_a_program(tmp_path):
    import nbformat

    from book.execute import Client

    cell = nbformat.v4.new_code_cell(
        "import numpy as np\nfrom nnlib import *\nmodel = Sequential(Dense(2, 2))\n"
        "fit(model, np.ones((4, 2)), np.zeros(4, int), loss=cross_entropy,\n"
        "    optimizer=SGD(model.parameters(), 0.0), epochs=2)")
    notebook = nbformat.v4.new_notebook(cells=[cell])
    Client(notebook, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert [output.output_type for output in notebook.cells[0].outputs] == ["execute_result"]
    assert notebook.cells[0].outputs[0].data["text/plain"].startswith("History(2 epochs: loss ")


def test_training_needs_numpy_alone():
    program = ("import sys, numpy as np\n"
               "class Block:\n"
               "    def find_spec(self, name, path=None, target=None):\n"
               "        if name.split('.')[0] in ('matplotlib', 'tqdm', 'IPython', 'ipywidgets'):\n"
               "            raise ImportError(name)\n"
               "sys.meta_path.insert(0, Block())\n"
               "from nnlib import *\n"
               "model = Sequential(Dense(2, 2))\n"
               "print(fit(model, np.ones((4, 2)), np.zeros(4, int), loss=cross_entropy,\n"
               "          optimizer=SGD(model.parameters(), 0.0), epochs=2, progress=False).epochs)\n")
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.stdout.strip() == "2", result.stderr


def test_public_names():
    for name in "fit History batches k_fold accuracy predict evaluate DivergenceError".split():
        assert hasattr(nnlib, name)
