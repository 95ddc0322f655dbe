import math

import numpy as np
import pytest

from nnlib import accuracy, precision, recall

SCORES, LABELS = np.array([3.0, 1.0, 0.5, 0.0, -1.0, -2.0, -3.0]), np.array([1, 0, 1, 1, 0, 1, 0])


@pytest.mark.parametrize("threshold, p, r", [(0.0, 2 / 3, 2 / 4), (-0.5, 3 / 4, 3 / 4), (2.0, 1, 1 / 4), (-9.0, 4 / 7, 1)])
def test_by_hand(threshold, p, r):
    assert precision(SCORES, LABELS, threshold=threshold) == pytest.approx(p, rel=1e-15)
    assert recall(SCORES, LABELS, threshold=threshold) == pytest.approx(r, rel=1e-15)


def test_threshold_of_logits_is_the_default():
    assert precision(SCORES, LABELS) == precision(SCORES, LABELS, threshold=0.0)
    assert recall(SCORES, LABELS) == recall(SCORES, LABELS, threshold=0.0)


@pytest.mark.parametrize("metric", [precision, recall])
def test_columns_floats_and_lists(metric):
    expected = metric(SCORES, LABELS)
    assert metric(SCORES[:, None], LABELS) == metric(SCORES[:, None], LABELS[:, None].astype(float)) == expected
    assert metric(SCORES.tolist(), LABELS.tolist()) == expected
    assert metric(SCORES[:1], LABELS[:1]) == metric(SCORES[:1, None], LABELS[:1]) == 1
    assert type(expected) is float


def test_a_share_of_nothing_is_no_number():
    assert math.isnan(precision(SCORES, LABELS, threshold=3.0)) and recall(SCORES, LABELS, threshold=3.0) == 0
    assert math.isnan(recall(SCORES, 0 * LABELS)) and precision(SCORES, 0 * LABELS) == 0


@pytest.mark.parametrize("metric", [precision, recall])
@pytest.mark.parametrize("scores, labels, message", [
    (SCORES, LABELS[1:], r"got \(7,\) and \(6,\)"), (np.zeros((3, 2)), np.zeros(3), "scores"),
    (np.zeros((3, 1, 1)), np.zeros(3), "scores"), (np.zeros(()), np.zeros(()), "scores"), ([], [], "scores"),
    ([1.0, np.nan], [0, 1], "scores"), ([1.0, 2.0], [0, 2], r"labels 0 and 1, got \[0, 2\]"),
    ([1.0, 2.0], [0, np.nan], "labels 0 and 1"), (np.zeros((2, 1)), np.zeros((1, 2)), "scores")])
def test_bad_input_is_refused(metric, scores, labels, message):
    with pytest.raises(ValueError, match=f"{metric.__name__} expects .*{message}"):
        metric(scores, labels)


@pytest.mark.parametrize("metric", [precision, recall])
def test_threshold_is_a_number(metric):
    with pytest.raises(TypeError, match="threshold"):
        metric(SCORES, LABELS, threshold="half")


def test_accuracy():
    assert accuracy([[1, 2, 0], [5, 1, 1], [0, 0, 1.0]], [1, 0, 0]) == pytest.approx(2 / 3)
    assert accuracy([[[1, 2], [2, 1], [3, 4]], [[1, 2], [1, 2], [4, 3]]], [[1, 0, 1], [1, 0, 0]]) == pytest.approx(5 / 6)
    assert accuracy([[[0.1], [-3], [2]], [[0.1], [-3], [2]]], [[1, 0, 1], [0, 0, 1]]) == pytest.approx(5 / 6)
    for scores, labels in [([0.1, -3, 0.0], [1, 1, 0]), ([[0.1], [-3], [0.0]], [1, 1, 0]),
                           ([[0.1], [-3], [0.0]], [[1.0], [1.0], [0.0]])]:
        assert accuracy(scores, labels) == pytest.approx(2 / 3)
    assert isinstance(accuracy([[1, 2]], [1]), float)


@pytest.mark.parametrize("scores, labels, error, message", [
    (np.ones((3, 2)), np.ones((3, 2)), ValueError, r"got \(3, 2\) and \(3, 2\)"),  # one-hot labels
    (np.ones((3, 2)), np.ones(2, int), ValueError, r"got \(3, 2\) and \(2,\)"),
    (np.ones(3), np.ones(2), ValueError, r"got \(3,\) and \(2,\)"),
    (np.ones(3), 1.0, ValueError, r"got \(3,\) and \(\)"),
    (np.ones((3, 1)), np.ones((1, 3)), ValueError, r"got \(3, 1\) and \(1, 3\)"),
    (np.ones((0, 2)), np.ones(0, int), ValueError, "accuracy expects at least one sample"),
    (1.0, 1.0, ValueError, r"got \(\) and \(\)"),
    ([[1.0, math.nan]], [1], ValueError, "accuracy expects scores without NaN"),
    (np.ones((3, 2)), np.ones(3), TypeError, "accuracy expects labels as integers 0 to 1"),
    (np.ones((3, 2)), [0, 1, 2], ValueError, "accuracy expects labels in 0 to 1, got 0 to 2"),
    (np.ones(3), [-1, 1, 1], ValueError, r"accuracy expects labels 0 and 1, got \[-1, 1\]"),
    ([[1.0], [2.0]], [math.nan, 1.0], ValueError, r"accuracy expects labels 0 and 1, got \[1.0, nan\]"),
    ([1.0, 2.0], [0.5, 1.0], ValueError, r"accuracy expects labels 0 and 1, got \[0.5, 1.0\]"),
    ("no", [1], TypeError, "accuracy expects scores as an array of real numbers")])
def test_accuracy_refuses(scores, labels, error, message):
    with pytest.raises(error, match=message):
        accuracy(scores, labels)
