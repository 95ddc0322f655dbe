r"""Optimisers, learning-rate schedules and gradient clipping (chapter 5).

With w a parameter, g its gradient, η the learning rate ``lr`` and t the step, counted from 1, a step is::

    SGD         w ← w − η g
    Momentum    v ← μ v + g                 w ← w − η v
    AdaGrad     s ← s + g²                  w ← w − η g / (√s + ε)
    RMSProp     s ← α s + (1 − α) g²        w ← w − η g / (√s + ε)
    Adam        m ← β₁ m + (1 − β₁) g       w ← w − η m / (1 − β₁ᵗ) / (√(s / (1 − β₂ᵗ)) + ε)
                s ← β₂ s + (1 − β₂) g²

An optimiser holds parameters; ``step()`` moves each ``value`` by its ``grad``, in place, and leaves ``grad`` as it is;
``zero_grad()`` sets the gradients to zero before the next backward pass. Formulas, argument names and defaults are PyTorch's.
``weight_decay`` λ adds λ w to g, the gradient of the penalty λ/2 ‖w‖²; only :class:`AdamW` does otherwise. How to write one::

    class SGD(Optimizer):
        def _update(self, w, g):
            w -= self.lr * g

Raises (each of them): ``ValueError`` for no parameters, the same one twice, or a setting out of its range,
``TypeError`` for anything but parameters and numbers.
"""

import functools
import math

import numpy as np

from nnlib import checks
from nnlib.layer import Parameter


class Optimizer:
    """Base of all optimisers.

    A subclass names the arrays it keeps for each parameter in ``slots`` (they start as zeros) and writes
    ``_update(w, g, *slots)``, which changes w and the slots in place. A large parameter comes in pieces, so that what
    an update computes stays in the cache: ``_update`` must treat each weight by itself.

    Attributes
    ----------
    lr : float
        Learning rate; may be changed between steps.
    steps : int
        Steps made so far.
    """

    slots = ()

    def __init__(self, parameters, lr, weight_decay=0.0, **settings):
        self.parameters = _parameters(type(self).__name__, parameters)
        if not self.parameters:
            raise ValueError(f"{type(self).__name__} expects at least one parameter, got none")
        self._set(lr=lr, weight_decay=weight_decay, **settings)
        self.steps = 0
        self._state = [{name: np.zeros_like(p.value) for name in self.slots} for p in self.parameters]

    def _set(self, high=math.inf, **settings):
        """Keep settings, each at least 0 and below ``high``, as plain numbers, which leave float32 alone."""
        checks.number(type(self).__name__, 0, high, below=high < math.inf, **settings)
        vars(self).update({name: float(x) for name, x in settings.items()})

    def step(self):
        """Move every parameter once."""
        if all(p._grad is None for p in self.parameters):
            raise ValueError(f"{type(self).__name__}.step expects gradients, got none: call backward of the model that has "
                             "these parameters; after making a model anew, make its optimiser anew")
        self.steps += 1
        self._set(lr=self.lr)                   # which anyone may have changed
        for p, state in zip(self.parameters, self._state):
            for w, g, *slots in _pieces(p.value, p.grad, *state.values()):
                if self.weight_decay:
                    g = g + self.weight_decay * w
                self._update(w, g, *slots)

    def zero_grad(self):
        """Set all gradients to zero."""
        for p in self.parameters:
            p.zero_grad()

    def __repr__(self):
        return f"{type(self).__name__}(lr={self.lr:g}, parameters={len(self.parameters)}, steps={self.steps})"


class SGD(Optimizer):
    r"""Gradient descent: :math:`w \leftarrow w - \eta g`, with momentum :math:`\mu` if asked for.

    With momentum, :math:`v \leftarrow \mu v + g` and :math:`w \leftarrow w - \eta v`; with ``nesterov``,
    :math:`w \leftarrow w - \eta (g + \mu v)`, with the new v.

    Parameters
    ----------
    parameters : list of Parameter
    lr : float
        At least 0.
    momentum : float
        0 up to, but not including, 1.
    nesterov : bool
        Needs momentum.
    weight_decay : float
        At least 0.

    References
    ----------
    Robbins and Monro, "A stochastic approximation method", 1951; Polyak, "Some methods of speeding up the convergence
    of iteration methods", 1964; Sutskever, Martens, Dahl and Hinton, "On the importance of initialization and momentum
    in deep learning", 2013.
    """

    def __init__(self, parameters, lr=1e-3, momentum=0.0, nesterov=False, weight_decay=0.0):
        self._set(high=1, momentum=momentum)
        if nesterov and not momentum:
            raise ValueError(f"{type(self).__name__} expects momentum > 0 with nesterov, got {momentum}")
        self.nesterov = nesterov
        if momentum:
            self.slots += ("velocity",)
        super().__init__(parameters, lr, weight_decay)

    def _update(self, w, g, velocity=None):
        if velocity is not None:
            velocity *= self.momentum
            velocity += g
            g = g + self.momentum * velocity if self.nesterov else velocity
        w -= self.lr * g


class Momentum(SGD):
    """:class:`SGD` with ``momentum=0.9`` unless given."""

    def __init__(self, parameters, lr=1e-3, momentum=0.9, nesterov=False, weight_decay=0.0):
        super().__init__(parameters, lr, momentum, nesterov, weight_decay)


class AdaGrad(Optimizer):
    r"""A step size for each weight, shrinking with all the gradients seen.

    :math:`s \leftarrow s + g^2`, :math:`w \leftarrow w - \eta\, g / (\sqrt{s} + \epsilon)`.

    Parameters
    ----------
    parameters : list of Parameter
    lr, eps, weight_decay : float
        At least 0.

    References
    ----------
    Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and stochastic optimization", 2011.
    """

    slots = ("squares",)

    def __init__(self, parameters, lr=1e-2, eps=1e-10, weight_decay=0.0):
        super().__init__(parameters, lr, weight_decay, eps=eps)

    def _update(self, w, g, squares):
        squares += g**2
        w -= self.lr * (g / (np.sqrt(squares) + self.eps))


class RMSProp(SGD):
    r"""A step size for each weight, from a moving average of its squared gradient; then :class:`SGD`, with momentum if asked for.

    :math:`s \leftarrow \alpha s + (1 - \alpha) g^2`, :math:`u = g / (\sqrt{s} + \epsilon)`,
    :math:`w \leftarrow w - \eta u`; with momentum :math:`v \leftarrow \mu v + u`, :math:`w \leftarrow w -
    \eta v`.

    Parameters
    ----------
    parameters : list of Parameter
    lr, eps, weight_decay : float
        At least 0.
    alpha, momentum : float
        0 up to, but not including, 1.

    References
    ----------
    Tieleman and Hinton, "Neural networks for machine learning", Coursera, lecture 6.5, 2012.
    """

    slots = ("squares",)

    def __init__(self, parameters, lr=1e-2, alpha=0.99, eps=1e-8, momentum=0.0, weight_decay=0.0):
        self._set(high=1, alpha=alpha)
        self._set(eps=eps)
        super().__init__(parameters, lr, momentum, weight_decay=weight_decay)

    def _update(self, w, g, squares, *velocity):
        squares *= self.alpha
        squares += (1 - self.alpha) * g**2
        super()._update(w, g / (np.sqrt(squares) + self.eps), *velocity)


class Adam(Optimizer):
    r"""Momentum and RMSProp together, both averages corrected for starting at zero.

    :math:`m \leftarrow \beta_1 m + (1 - \beta_1) g`, :math:`s \leftarrow \beta_2 s + (1 - \beta_2) g^2`,
    :math:`\hat m = m / (1 - \beta_1^t)`, :math:`\hat s = s / (1 - \beta_2^t)`,
    :math:`w \leftarrow w - \eta\, \hat m / (\sqrt{\hat s} + \epsilon)`.

    Parameters
    ----------
    parameters : list of Parameter
    lr, eps, weight_decay : float
        At least 0.
    betas : (float, float)
        :math:`\beta_1` and :math:`\beta_2`, each 0 up to, but not including, 1.

    References
    ----------
    Kingma and Ba, "Adam: a method for stochastic optimization", 2015.
    """

    slots = ("mean", "squares")

    def __init__(self, parameters, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        if np.shape(betas) != (2,):
            raise ValueError(f"{type(self).__name__} expects betas as two numbers, got {betas!r}")
        checks.number(type(self).__name__, 0, 1, below=True, **{"betas[0]": betas[0], "betas[1]": betas[1]})
        self.betas = float(betas[0]), float(betas[1])
        super().__init__(parameters, lr, weight_decay, eps=eps)

    def _update(self, w, g, mean, squares):
        beta1, beta2 = self.betas
        mean *= beta1
        mean += (1 - beta1) * g
        squares *= beta2
        squares += (1 - beta2) * g**2
        # lr m_hat / (sqrt(s_hat) + eps); dividing numbers, not arrays, by the corrections saves a tenth of the time
        rate, root = self.lr / (1 - beta1**self.steps), 1 / math.sqrt(1 - beta2**self.steps)
        w -= rate * (mean / (np.sqrt(squares) * root + self.eps))


class AdamW(Adam):
    r"""Adam whose weight decay shrinks the weights directly: :math:`w \leftarrow (1 - \eta \lambda) w`, then
    Adam's step.

    So the decay is the same for every weight; in :class:`Adam` it is divided by :math:`\sqrt{\hat s}` as the
    gradient is.

    References
    ----------
    Loshchilov and Hutter, "Decoupled weight decay regularization", 2019.
    """

    def __init__(self, parameters, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(parameters, lr, betas, eps, weight_decay)
        self.decoupled_decay, self.weight_decay = self.weight_decay, 0.0

    def _update(self, w, g, mean, squares):
        w *= 1 - self.lr * self.decoupled_decay
        super()._update(w, g, mean, squares)


def clip_gradients(parameters, max_norm):
    """Scale all gradients, in place, so that their common norm is at most ``max_norm``.

    The norm is that of all gradients written one after the other as one vector. Where it is larger, every
    gradient is multiplied by max_norm / (norm + 1e-6), as in PyTorch. If it is infinite or NaN, nothing is
    changed.

    Parameters
    ----------
    parameters : list of Parameter
    max_norm : float
        Above 0.

    Returns
    -------
    float
        The norm before.

    References
    ----------
    Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", 2013.
    """
    parameters = _parameters("clip_gradients", parameters)
    checks.number("clip_gradients", 0, above=True, max_norm=max_norm)
    # Summed in float64: the square of 1e20 does not fit into float32.
    gradients = [p.grad.ravel() for p in parameters]
    norm = math.sqrt(sum(float(np.einsum("i,i->", g, g, dtype=np.float64)) for g in gradients))
    factor = max_norm / (norm + 1e-6)
    if factor < 1 and math.isfinite(norm):
        for p in parameters:
            p.grad *= float(factor)
    return norm


def step_decay(lr, every, factor=0.1):
    """Schedule: ``lr``, multiplied by ``factor`` after each ``every`` steps.

    A schedule is a function from the number of steps made so far, 0 at first, to the rate of the next one.
    """
    checks.number("step_decay", 0, lr=lr, factor=factor)
    checks.count("step_decay", every=every)
    return functools.partial(_step_decay, lr, every, factor)


def _step_decay(lr, every, factor, step):       # by name, so that a schedule can be pickled
    return lr * factor ** (step // every)


def exponential_decay(lr, factor):
    """Schedule: ``lr * factor**step``."""
    checks.number("exponential_decay", 0, lr=lr, factor=factor)
    return functools.partial(_exponential_decay, lr, factor)


def _exponential_decay(lr, factor, step):
    return lr * factor**step


def cosine_decay(lr, steps, final=0.0):
    """Schedule: half a cosine from ``lr`` at step 0 down to ``final`` at ``steps``, and ``final`` from there
    on.

    References
    ----------
    Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017.
    """
    checks.number("cosine_decay", 0, lr=lr, final=final)
    checks.count("cosine_decay", steps=steps)
    return functools.partial(_cosine_decay, lr, steps, final)


def _cosine_decay(lr, steps, final, step):
    return final + (lr - final) * (1 + math.cos(math.pi * min(step / steps, 1.0))) / 2


def warmup(schedule, steps):
    """Schedule: a linear rise over the first ``steps`` steps, then ``schedule``, which starts at its own step
    0.

    Step k of the rise has (k + 1) / (steps + 1) of the first rate of ``schedule``. A number stands for a
    constant rate.
    """
    if not callable(schedule):
        checks.number("warmup", 0, schedule=schedule)
    checks.count("warmup", steps=steps)
    return functools.partial(_warmup, schedule, steps)


def _warmup(schedule, steps, step):
    rate = schedule(max(step - steps, 0)) if callable(schedule) else schedule
    return rate * (step + 1) / (steps + 1) if step < steps else rate


def _parameters(who, parameters):
    """``parameters``, or one alone, as a list, none twice."""
    listed = list(parameters) if np.iterable(parameters) else [parameters]
    wrong = [type(p).__name__ for p in listed if not isinstance(p, Parameter)]
    if wrong:
        raise TypeError(f"{who} expects a list of parameters such as model.parameters(), got {wrong[0]}")
    if len(set(listed)) < len(listed):
        raise ValueError(f"{who} expects each parameter once, got one of them twice")
    return listed


def _pieces(w, *others, size=2**17):
    """Arrays of one shape cut, by rows, into pieces that fit into the processor's cache with all that is computed."""
    if w.size <= size:
        return [(w, *others)]
    rows = max(1, size * len(w) // w.size)
    return [[array[start:start + rows] for array in (w, *others)] for start in range(0, len(w), rows)]
