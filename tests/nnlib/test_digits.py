"""Handwritten digits, from data to test accuracy: what the chapters promise, with several seeds."""

import time

import numpy as np
import pytest

from nnlib import (
    Activation, Adam, Conv2D, Dense, Dropout, Flatten, MaxPool2D, Sequential, accuracy, cosine_decay, cross_entropy, data, fit,
    he_normal, predict, relu,
)


def dense_network(rng):
    new = dict(rng=rng, dtype=np.float32)
    return Sequential(Flatten(), Dense(64, 256, init=he_normal, **new), Activation(relu), Dense(256, 10, **new))


def convolutional_network(rng):
    new = dict(rng=rng, dtype=np.float32)
    return Sequential(Conv2D(1, 16, 3, padding=1, init=he_normal, **new), Activation(relu),
                      Conv2D(16, 32, 3, padding=1, init=he_normal, **new), Activation(relu),
                      MaxPool2D(2), Dropout(0.25, rng=rng), Flatten(), Dense(512, 10, **new))


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("network, lr, epochs, least", [(dense_network, 2e-3, 40, 0.97), (convolutional_network, 3e-3, 12, 0.98)])
def test_digits(network, lr, epochs, least, seed):
    (X, y), (X_test, y_test) = data.split(*data.digits(), (4, 1))
    X, X_test = X.astype(np.float32), X_test.astype(np.float32)
    rng = np.random.default_rng(seed)
    model = network(rng)
    optimizer = Adam(model.parameters(), lr=lr)
    start = time.process_time()
    history = fit(model, X, y, loss=cross_entropy, optimizer=optimizer, epochs=epochs, batch_size=32, rng=rng,
                  schedule=cosine_decay(lr, epochs * -(-len(X) // 32)), progress=False)
    seconds = time.process_time() - start
    score = accuracy(predict(model, X_test), y_test)
    print(f"{network.__name__}: {100 * score:.2f} % of {len(X_test)} test digits after {seconds:.1f} s")
    assert score > least
    assert seconds < 60                         # 5 to 10 where nothing else runs
    assert history.epochs == epochs and history["loss"][-1] < history["loss"][0] / 5
