import itertools
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nnlib
from nnlib import RBM, Hopfield, binary_states, check_layer, check_operation, free_energy


def machine(rng, visible=3, hidden=2, std=1.0, dtype=np.float64):
    rbm = RBM(visible, hidden, std=std, rng=rng, dtype=dtype)
    for p in (rbm.b, rbm.c):
        p.value = rng.normal(size=p.value.shape)
    return rbm


def by_loops(rbm):
    """(v, h, energy) of every state, from the formula, number by number."""
    W, b, c = (p.value for p in (rbm.W, rbm.b, rbm.c))
    for v in itertools.product((0, 1), repeat=len(b)):
        for h in itertools.product((0, 1), repeat=len(c)):
            E = -sum(b[i] * v[i] for i in range(len(b))) - sum(c[j] * h[j] for j in range(len(c)))
            yield v, h, E - sum(v[i] * W[i, j] * h[j] for i in range(len(b)) for j in range(len(c)))


def test_states_count_upwards():
    assert binary_states(1).tolist() == [[0], [1]]
    assert binary_states(3).tolist() == [list(map(float, state)) for state in itertools.product((0, 1), repeat=3)]
    assert binary_states(20).shape == (2**20, 20)
    with pytest.raises(ValueError, match=r"binary_states expects n <= 20, got 21: there would be 2\^21 states"):
        binary_states(21)
    with pytest.raises(ValueError, match="n >= 1, got 0"):
        binary_states(0)


@pytest.mark.parametrize("visible, hidden", [(3, 2), (2, 4), (1, 1)])
def test_energies_and_probabilities_are_those_of_the_sum_over_all_states(rng, visible, hidden):
    rbm = machine(rng, visible, hidden)
    states = list(by_loops(rbm))
    v, h, E = (np.array(column, dtype=float) for column in zip(*states))
    np.testing.assert_allclose(rbm.energy(v, h), E, atol=1e-12)
    Z = np.exp(-E).sum()
    np.testing.assert_allclose(rbm.log_partition(), np.log(Z))
    marginal = np.exp(-E).reshape(2**visible, 2**hidden)
    np.testing.assert_allclose(rbm.probabilities(), marginal.sum(axis=1) / Z)
    every = binary_states(visible)
    np.testing.assert_allclose(rbm.free_energy(every), -np.log(marginal.sum(axis=1)))
    np.testing.assert_allclose(rbm(every), rbm.free_energy(every))
    np.testing.assert_allclose(rbm.log_likelihood(every), np.log(marginal.sum(axis=1) / Z))
    np.testing.assert_allclose(rbm.hidden(every), marginal @ binary_states(hidden) / marginal.sum(axis=1, keepdims=True))
    np.testing.assert_allclose(rbm.visible(binary_states(hidden)),
                               marginal.T @ every / marginal.sum(axis=0)[:, None])


def test_the_free_energy_is_gradient_checked(rng):
    arrays = rng.random((4, 3)), rng.normal(size=(3, 2)), rng.normal(size=3), rng.normal(size=2)
    assert check_operation(free_energy, *arrays) < 1e-7
    assert check_layer(machine(rng), rng.random((4, 3))) < 1e-7


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 2**32))
def test_the_exact_gradient_is_that_of_the_log_likelihood(visible, hidden, seed):
    rng = np.random.default_rng(seed)
    rbm = machine(rng, visible, hidden)
    v = rng.integers(2, size=(5, visible)).astype(float)
    rbm.exact_gradient(v)
    for p in rbm.parameters():
        def loss(value, p=p):
            before, p.value = p.value.copy(), value
            found = -rbm.log_likelihood(v).mean()
            p.value = before
            return found
        np.testing.assert_allclose(p.grad, nnlib.numerical_gradient(loss, p.value.copy()), atol=1e-7)


def test_contrastive_divergence_is_the_difference_of_two_means(rng):
    """With the samples that it returns, the gradient is the mean of -v h over them against that over the data."""
    rbm = machine(rng)
    v = rng.integers(2, size=(6, 3)).astype(float)
    end = rbm.contrastive_divergence(v, k=3, rng=rng)
    assert end.shape == v.shape and set(np.unique(end)) <= {0, 1}
    p, q = rbm.hidden(v), rbm.hidden(end)
    np.testing.assert_allclose(rbm.W.grad, (end.T @ q - v.T @ p) / 6)
    np.testing.assert_allclose(rbm.b.grad, (end - v).mean(axis=0))
    np.testing.assert_allclose(rbm.c.grad, (q - p).mean(axis=0))
    rbm.contrastive_divergence(v, rng=rng)
    assert np.abs(rbm.W.grad - (end.T @ q - v.T @ p) / 6).max() > 0         # gradients add up


def test_a_persistent_chain_starts_where_it_is_told_and_may_have_another_length(rng):
    rbm = machine(rng)
    rbm.b.value = [50, 50, -50]
    rbm.W.value = np.zeros((3, 2))
    v, start = np.zeros((4, 3)), rng.integers(2, size=(7, 3)).astype(float)
    end = rbm.contrastive_divergence(v, rng=rng, start=start)
    assert (end == [1, 1, 0]).all() and end.shape == (7, 3)
    np.testing.assert_allclose(rbm.b.grad, [1, 1, 0])


def test_long_contrastive_divergence_comes_to_the_exact_gradient():
    rng = np.random.default_rng(3)
    rbm = machine(rng)
    v = np.repeat(np.array([[1.0, 1, 0], [0, 1, 1]]), 20_000, axis=0)
    rbm.exact_gradient(v)
    exact = [p.grad.copy() for p in rbm.parameters()]
    errors = []
    for k in (1, 30):
        rbm.zero_grad()
        rbm.contrastive_divergence(v, k, rng=rng)
        errors.append(max(np.abs(p.grad - e).max() for p, e in zip(rbm.parameters(), exact)))
    assert errors[1] < 0.015 < errors[0]                # 40,000 samples: a standard error of 0.0025


def test_gibbs_sampling_comes_to_the_enumerated_distribution_and_one_step_to_its_own():
    rng = np.random.default_rng(4)
    rbm, n = machine(rng), 40_000
    every, start = binary_states(3), np.zeros((n, 3))
    h = binary_states(2)
    p_h = np.prod(np.where(h == 1, rbm.hidden(start[:1]), 1 - rbm.hidden(start[:1])), axis=1)
    p_v = np.prod(np.where(every[:, None] == 1, rbm.visible(h), 1 - rbm.visible(h)), axis=2)
    for k, expected in ((1, p_v @ p_h), (40, rbm.probabilities())):
        found = rbm.gibbs(start, k, rng=rng) @ [4, 2, 1]
        share = np.bincount(found.astype(int), minlength=8) / n
        assert (np.abs(share - expected) < 5 * np.sqrt(expected * (1 - expected) / n)).all()
    assert (start == 0).all()
    assert np.abs(p_v @ p_h - rbm.probabilities()).max() > 0.05


def test_hidden_units_are_drawn_not_taken_as_probabilities():
    """Half-lit hidden units would switch both visible units on together never; drawn ones do it half of the time."""
    rbm = RBM(2, 1, std=0, rng=np.random.default_rng(0))
    rbm.W.value, rbm.b.value, rbm.c.value = [[40], [40]], [-20, -20], [-40]
    v = np.tile([1.0, 0.0], (1000, 1))                  # z = 0: the hidden unit is on half of the time
    found = rbm.gibbs(v, rng=np.random.default_rng(1))
    assert (found[:, 0] == found[:, 1]).all() and 400 < found[:, 0].sum() < 600


def test_a_generator_decides_everything(rng):
    v = np.random.default_rng(0).integers(2, size=(5, 3)).astype(float)
    rbm = machine(rng)
    same = [rbm.gibbs(v, 4, rng=np.random.default_rng(7)) for _ in range(2)]
    assert (same[0] == same[1]).all()
    assert np.array_equal(RBM(3, 2, rng=np.random.default_rng(1)).W.value, RBM(3, 2, rng=np.random.default_rng(1)).W.value)
    W = RBM(300, 200, std=0.5, rng=rng).W.value
    assert abs(W.std() - 0.5) < 0.01 and abs(W.mean()) < 0.01
    assert abs(RBM(300, 200, rng=rng).W.value.std() - 0.01) < 0.001
    assert not RBM(3, 2).b.value.any() and not RBM(3, 2).c.value.any() and not RBM(3, 2, std=0).W.value.any()


def test_one_step_of_sampling_unless_more_are_asked_for(rng):
    v = rng.integers(2, size=(50, 4))
    one, default = (RBM(4, 3, std=1.0, rng=np.random.default_rng(0)) for _ in range(2))
    np.testing.assert_array_equal(default.gibbs(v, rng=np.random.default_rng(1)), one.gibbs(v, 1, rng=np.random.default_rng(1)))
    np.testing.assert_array_equal(default.contrastive_divergence(v, rng=np.random.default_rng(1)),
                                  one.contrastive_divergence(v, 1, rng=np.random.default_rng(1)))
    np.testing.assert_array_equal(default.W.grad, one.W.grad)


def test_float32_stays_float32(rng):
    rbm = machine(rng, dtype=np.float32)
    v = rng.integers(2, size=(5, 3))
    assert rbm.free_energy(v).dtype == rbm.energy(v, np.ones((5, 2))).dtype == rbm.hidden(v).dtype == np.float32
    assert rbm.contrastive_divergence(v, rng=rng).dtype == np.float32
    rbm.exact_gradient(v)
    assert {p.grad.dtype for p in rbm.parameters()} == {np.dtype(np.float32)}


def test_large_machines_are_summed_over_the_smaller_kind(rng):
    rbm = machine(rng, 64, 3)
    turned = machine(rng, 3, 64)
    turned.W.value, turned.b.value, turned.c.value = rbm.W.value.T, rbm.c.value, rbm.b.value
    np.testing.assert_allclose(rbm.log_partition(), turned.log_partition())
    np.testing.assert_allclose(turned.log_partition(), np.logaddexp.reduce(-turned.free_energy(binary_states(3))))
    with pytest.raises(ValueError, match="n <= 20, got 30"):
        machine(rng, 40, 30).log_partition()
    rbm.W.value = 1000 * rbm.W.value
    assert np.isfinite(rbm.log_partition()) and np.isfinite(rbm.free_energy(np.ones((1, 64)))).all()


def test_learning_raises_the_likelihood_and_can_be_pickled():
    rng = np.random.default_rng(5)
    rbm = RBM(3, 2, std=0.1, rng=rng)
    v = np.tile([[1.0, 1, 0], [0, 1, 1]], (50, 1))
    optimizer = nnlib.SGD(rbm.parameters(), lr=1.0)
    before = rbm.log_likelihood(v).mean()
    for _ in range(600):
        rbm.zero_grad()
        rbm.contrastive_divergence(v, rng=rng)
        optimizer.step()
    assert before < -1.9 and rbm.log_likelihood(v).mean() > -1.0        # at best log ½ = -0.69
    assert (pickle.loads(pickle.dumps(rbm)).W.value == rbm.W.value).all()


@pytest.mark.parametrize("call, error, message", [
    (lambda r: RBM(0, 2), ValueError, "RBM expects visible >= 1, got 0"),
    (lambda r: RBM(3, 0), ValueError, "RBM expects hidden >= 1, got 0"),
    (lambda r: RBM(3, 2.0), TypeError, "RBM expects hidden as an integer, got 2.0"),
    (lambda r: RBM(3, 2, std=-1), ValueError, "std"), (lambda r: RBM(3, 2, rng=1), TypeError, "rng as numpy.random"),
    (lambda r: RBM(3, 2, dtype=np.float16), TypeError, "float16"),
    (lambda r: r.free_energy(np.ones((2, 4))), ValueError, r"RBM expects v \(N, 3\), got \(2, 4\)"),
    (lambda r: r.free_energy(np.ones(3)), ValueError, r"RBM expects v \(N, 3\), got \(3,\)"),
    (lambda r: r.hidden(np.full((2, 3), 2.0)), ValueError, r"RBM expects v in \[0, 1\], got 2 to 2"),
    (lambda r: r.hidden(np.full((2, 3), np.nan)), ValueError, "RBM expects v without NaN"),
    (lambda r: r([[7.0, -3.0, 0.0]]), ValueError, r"RBM expects v in \[0, 1\], got -3 to 7"),
    (lambda r: r.visible(np.ones((2, 3))), ValueError, r"RBM expects h \(N, 2\), got \(2, 3\)"),
    (lambda r: r.visible(-np.ones((2, 2))), ValueError, r"RBM expects h in \[0, 1\]"),
    (lambda r: r.energy(np.ones((2, 3)), np.ones((1, 2))), ValueError, r"RBM expects h \(2, 2\), got \(1, 2\)"),
    (lambda r: r.gibbs(np.ones((2, 4)), rng=np.random.default_rng(0)), ValueError, r"RBM expects v \(N, 3\)"),
    (lambda r: r.gibbs(np.ones((2, 3)), 0, rng=np.random.default_rng(0)), ValueError, "RBM.gibbs expects k >= 1, got 0"),
    (lambda r: r.gibbs(np.ones((2, 3)), rng=3), TypeError, "RBM.gibbs expects rng as numpy.random"),
    (lambda r: r.contrastive_divergence(np.ones((0, 3)), rng=None), ValueError, r"RBM expects v \(N, 3\) with N >= 1"),
    (lambda r: r.exact_gradient(np.ones((2, 5))), ValueError, r"RBM expects v \(N, 3\)"),
    (lambda r: machine(np.random.default_rng(0), 21, 1).probabilities(), ValueError, "n <= 20, got 21"),
    (lambda r: Hopfield(np.zeros((2, 4))), ValueError, "Hopfield expects patterns of -1 and 1, got 0"),
    (lambda r: Hopfield([[1, 2], [1, -1]]), ValueError, "Hopfield expects patterns of -1 and 1, got 2"),
    (lambda r: Hopfield(np.ones(4)), ValueError, r"Hopfield expects patterns \(M, D\), got \(4,\)"),
    (lambda r: Hopfield(np.ones((1, 4))).energy(np.ones(3)), ValueError, r"Hopfield expects x \(..., 4\), got \(3,\)"),
    (lambda r: Hopfield(np.ones((1, 4))).fall(np.ones((1, 4)), rng=None), ValueError, r"Hopfield expects x \(4,\)"),
    (lambda r: Hopfield(np.ones((1, 4))).fall(np.ones(4), rng=5), TypeError, "Hopfield.fall expects rng"),
])
def test_bad_input_gets_one_clear_error(rng, call, error, message):
    with pytest.raises(error, match=message):
        call(machine(rng))


def test_hebbs_rule_and_energy_by_hand():
    net = Hopfield([[1, 1, -1, -1], [1, -1, 1, -1]])
    assert net.W.tolist() == [[0, 0, 0, -2], [0, 0, -2, 0], [0, -2, 0, 0], [-2, 0, 0, 0]]
    assert net.energy([1, 1, -1, -1]) == -4 and net.energy([[1, 1, 1, 1], [1, 1, 1, -1]]).tolist() == [4, 0]


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 12), st.integers(1, 4), st.integers(0, 2**32))
def test_every_change_of_a_fall_lowers_the_energy_and_it_ends_at_rest(D, M, seed):
    rng = np.random.default_rng(seed)
    net = Hopfield(rng.choice([-1, 1], size=(M, D)))
    assert (net.W == net.W.T).all() and not net.W.diagonal().any()
    x = rng.choice([-1.0, 1.0], size=D)
    given_x = x.copy()
    states = net.fall(x, rng=rng)
    assert (states[0] == given_x).all() and (x == given_x).all()
    assert ((states[1:] != states[:-1]).sum(axis=1) == 1).all()
    assert (np.diff(net.energy(states)) < 0).all()
    assert (states[-1] * (net.W @ states[-1]) >= 0).all()           # no unit wants to change


def test_a_disturbed_memory_is_found_again_and_its_opposite_is_a_memory_too():
    rng = np.random.default_rng(6)
    patterns = rng.choice([-1.0, 1.0], size=(3, 100))
    net = Hopfield(patterns)
    for x in (*patterns, -patterns[0]):
        assert len(net.fall(x, rng=rng)) == 1
        disturbed = np.where(rng.permutation(100) < 15, -x, x)
        assert (net.fall(disturbed, rng=rng)[-1] == x).all()


def test_units_are_visited_in_an_order_that_the_generator_draws():
    patterns = np.random.default_rng(0).choice([-1.0, 1.0], size=(3, 50))
    net, x = Hopfield(patterns), np.where(np.arange(50) < 12, -patterns[0], patterns[0])
    falls = [net.fall(x, rng=np.random.default_rng(seed)) for seed in (1, 1, 3)]
    assert np.array_equal(falls[0], falls[1]) and not np.array_equal(falls[0][1], falls[2][1])
