"""Boltzmann machines and their deterministic cousin, the Hopfield network (chapter 14).

A restricted Boltzmann machine has D visible units v and K hidden units h, all 0 or 1. A weight joins each visible
unit to each hidden one, and none joins two of a kind. A state has the energy::

    E(v, h) = −v·b − h·c − v W h            W (D, K), b (D,), c (K,)

and the probability exp(−E) / Z. The partition function Z is the sum of exp(−E) over all 2^(D + K) states. Summed
over the hidden units, the energy becomes the free energy: the probability of v alone is exp(−F(v)) / Z.

Here the free energy is an operation, and its gradient is all that learning needs: the gradient of minus the
log-likelihood is that of F on the data minus that of F on what the machine itself produces.

References
----------
Smolensky, "Information processing in dynamical systems: foundations of harmony theory", 1986.
Hinton, "Training products of experts by minimizing contrastive divergence", 2002.
Hopfield, "Neural networks and physical systems with emergent collective computational abilities", 1982.
"""

import numpy as np

from nnlib import checks
from nnlib.activations import sigmoid, softplus
from nnlib.init import zeros
from nnlib.layer import Layer, Parameter
from nnlib.operation import operation

MOST = 20                                       # units of which all states are listed: a million states


def binary_states(n):
    """All 2^n states of ``n`` binary units, (2^n, n) of 0.0 and 1.0, counting upwards: the last unit changes fastest.

    Raises
    ------
    ValueError
        If n is above 20: each unit more doubles the work.
    """
    checks.count("binary_states", n=n)
    if n > MOST:
        raise ValueError(f"binary_states expects n <= {MOST}, got {n}: there would be 2^{n} states")
    return (np.arange(2**n)[:, None] >> np.arange(n)[::-1] & 1).astype(float)


@operation("(N,D),(D,K),(D),(K)")
def free_energy(v, W, b, c):
    """F(v) = −v·b − Σ_k log(1 + exp(c_k + (v W)_k)): minus the logarithm of Σ_h exp(−E(v, h)).

    Back: with p = σ(v W + c), the probabilities of the hidden units, dv = −(b + W p), dW = −vᵀ p, db = −v, dc = −p.

    Parameters
    ----------
    v : array (N, D)
    W, b, c : arrays (D, K), (D,), (K,)

    Returns
    -------
    Array (N,).
    """
    z = v @ W + c

    def pullback(dF):
        dp = sigmoid.function(z)[0] * dF[:, None]
        return -(np.outer(dF, b) + dp @ W.T), -(v.T @ dp), -(dF @ v), -dp.sum(axis=0)
    return -(v @ b) - softplus.function(z)[0].sum(axis=1), pullback


class RBM(Layer):
    """Restricted Boltzmann machine. As a layer it gives each sample's free energy, (N, visible) -> (N,).

    Both ways of learning add the gradient of minus the mean log-likelihood to ``grad``, so that any optimiser of
    :mod:`nnlib.optim` takes the step::

        rbm.zero_grad()
        rbm.contrastive_divergence(v, k=1, rng=rng)         # or, for small machines, rbm.exact_gradient(v)
        optimizer.step()

    A machine at temperature T has the parameters of one at temperature 1, divided by T.

    Parameters
    ----------
    visible, hidden : integers of at least 1
    std : standard deviation of the first weights W (visible, hidden); the biases b and c start at 0
    rng : numpy Generator; without one, weights differ each time
    dtype : float64 or float32

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If an argument is out of range, or v or h is not (N, visible) or (N, hidden), with elements from 0 to 1.
    """

    def __init__(self, visible, hidden, *, std=0.01, rng=None, dtype=np.float64):
        checks.count("RBM", visible=visible, hidden=hidden)
        checks.number("RBM", 0, std=std)
        self.visible_units, self.hidden_units = visible, hidden
        noise = checks.generator("RBM", rng).standard_normal((visible, hidden))
        self.W = Parameter((std * noise).astype(zeros(0, dtype=dtype).dtype), "W")
        self.b = Parameter(zeros(visible, dtype=dtype), "b")
        self.c = Parameter(zeros(hidden, dtype=dtype), "c")

    def __call__(self, v):
        checks.in_range("RBM", 0, 1, v=checks.numeric("RBM", "v", v))
        return super().__call__(v)

    def vjp(self, v):
        return self.apply(free_energy, v, self.W, self.b, self.c)

    def free_energy(self, v):
        """F(v), (N, visible) -> (N,)."""
        return self.forward(self._units("v", v, self.visible_units))

    def energy(self, v, h):
        """E(v, h) of each pair of rows, (N, visible) and (N, hidden) -> (N,)."""
        v, h = self._units("v", v, self.visible_units), self._units("h", h, self.hidden_units)
        checks.shape("RBM", h, (len(v), self.hidden_units), "h")
        return -(v @ self.b.value) - h @ self.c.value - ((v @ self.W.value) * h).sum(axis=1)

    def hidden(self, v):
        """Probability of each hidden unit to be 1, given v: σ(v W + c), (N, visible) -> (N, hidden)."""
        return self._hidden(self._units("v", v, self.visible_units))

    def visible(self, h):
        """Probability of each visible unit to be 1, given h: σ(h Wᵀ + b), (N, hidden) -> (N, visible)."""
        return self._visible(self._units("h", h, self.hidden_units))

    def gibbs(self, v, k=1, *, rng):
        """The visible units after ``k`` steps of Gibbs sampling from v, (N, visible) of 0 and 1.

        A step draws all hidden units given the visible ones, then all visible units given the hidden ones.
        """
        checks.count("RBM.gibbs", k=k)
        v, rng = self._units("v", v, self.visible_units), checks.generator("RBM.gibbs", rng)
        for _ in range(k):
            h = _draw(self._hidden(v), rng)
            v = _draw(self._visible(h), rng)
        return v

    def contrastive_divergence(self, v, k=1, *, rng, start=None):
        """Add the gradient of CD-k to ``grad``, and return the samples (N, visible) that stood for the machine.

        They come from ``k`` Gibbs steps that start at the data v; or at ``start``, the samples returned last time:
        then the chain is persistent (Tieleman, "Training restricted Boltzmann machines using approximations to the
        likelihood gradient", 2008).
        """
        end = self.gibbs(v if start is None else start, k, rng=rng)
        self._add_gradient(self._units("v", v, self.visible_units), end, np.full(len(end), 1 / len(end)))
        return end

    def exact_gradient(self, v):
        """Add the exact gradient of minus the mean log-likelihood of v to ``grad``: all states of v are listed."""
        states = binary_states(self.visible_units).astype(self.W.value.dtype)
        self._add_gradient(self._units("v", v, self.visible_units), states, self.probabilities())

    def log_partition(self):
        """log Z, summed over all states of the smaller kind of units (of 20 at most)."""
        W, b, c = self.W.value, self.b.value, self.c.value
        if self.hidden_units < self.visible_units:          # the machine turned round: the same Z
            W, b, c = W.T, c, b
        return np.logaddexp.reduce(-free_energy(binary_states(len(b)), W, b, c))

    def log_likelihood(self, v):
        """log p(v) of each sample, −F(v) − log Z, (N, visible) -> (N,)."""
        return -self.free_energy(v) - self.log_partition()

    def probabilities(self):
        """p(v) of all states, (2^visible,), in the order of :func:`binary_states`."""
        return np.exp(self.log_likelihood(binary_states(self.visible_units)))

    def _hidden(self, v):
        return sigmoid.function(v @ self.W.value + self.c.value)[0]

    def _visible(self, h):
        return sigmoid.function(h @ self.W.value.T + self.b.value)[0]

    def _add_gradient(self, data, own, weights):
        """The gradient of F: its mean over the data, minus its weighted mean over the machine's own states."""
        F, pullback = self.vjp(np.concatenate([data, own]))
        dF = np.concatenate([np.full(len(data), 1 / len(data)), -weights])
        pullback(dF.astype(F.dtype), input_grad=False)

    def _units(self, name, x, size):
        x = checks.shape("RBM", x, ("N", size), name)
        if len(x) == 0:
            raise ValueError(f"RBM expects {name} (N, {size}) with N >= 1, got {x.shape}")
        checks.no_nan("RBM", name, x)
        checks.in_range("RBM", 0, 1, **{name: x})
        return x.astype(self.W.value.dtype, copy=False)


def _draw(p, rng):
    """One 0 or 1 for each probability, 1 with probability p, in the dtype of ``p``."""
    return (rng.random(p.shape, p.dtype) < p).astype(p.dtype)


class Hopfield:
    """Hopfield network: D units of −1 and 1, joined by W (D, D), that fall to a state of least energy.

    The patterns (M, D) are stored by Hebb's rule: W = Σ x xᵀ, with zeros on the diagonal. (These are
    integers, so that energies are exact and a fall cannot go in a circle.)

    Raises
    ------
    ValueError
        If patterns or states hold anything but −1 and 1, or do not fit.
    """

    def __init__(self, patterns):
        patterns = _signs("patterns", patterns, ("M", "D"))
        self.W = patterns.T @ patterns
        np.fill_diagonal(self.W, 0)

    def energy(self, x):
        """E(x) = -½ x W x of each row, (..., D) -> (...)."""
        x = _signs("x", x, (..., len(self.W)))
        return -0.5 * ((x @ self.W) * x).sum(axis=-1)

    def fall(self, x, *, rng):
        """All states (S, D) from x (D,) to a state that no unit leaves, one changed unit from each to the next.

        Units are visited in random order, round by round. A unit takes the sign of its input x W; at an input of
        exactly 0 it stays. No change raises the energy, and there are finitely many states, so the fall ends.
        """
        states = [_signs("x", x, (len(self.W),))]
        rng, changed = checks.generator("Hopfield.fall", rng), True
        while changed:
            changed = False
            for i in rng.permutation(len(self.W)):
                x = states[-1]
                if x[i] * (x @ self.W[i]) < 0:
                    states.append(np.where(np.arange(len(x)) == i, -x, x))
                    changed = True
        return np.array(states)


def _signs(name, x, shape):
    x = checks.shape("Hopfield", x, shape, name).astype(float)
    if not (np.abs(x) == 1).all():
        raise ValueError(f"Hopfield expects {name} of -1 and 1, got {x[np.abs(x) != 1].flat[0]:g}")
    return x
