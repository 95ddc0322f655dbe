"""The training loop, and what goes around it (chapters 5 and 6). Its heart is a step for each batch of each epoch::

    for n in range(epochs):
        for X_batch, y_batch in batches(X, y, batch_size, rng):
            value, pullback = loss.vjp(model(X_batch), y_batch)
            optimizer.zero_grad()
            model.backward(pullback(1.0)[0], input_grad=False)
            optimizer.step()

:func:`fit` is this loop; the rest records, watches or limits what happens there.
"""

import contextlib
import inspect
import math
import sys

import numpy as np

from nnlib import checks
from nnlib.optim import clip_gradients


def fit(model, X, y, *, loss, optimizer, epochs, batch_size=32, validation_data=None, metrics=(), rng=None,
        regularizer=None, augment=None, schedule=None, clip=None, early_stopping=None, callback=None,
        progress=None, drop_last=False):
    """Train a model on mini-batches.

    Each epoch shuffles the samples and, for each batch, runs the model, carries the loss back, and steps the
    optimiser. The model is in training mode meanwhile and each layer in its former mode afterwards.

    Parameters
    ----------
    model : Layer
    X, y : arrays (N, ...)
    loss : operation of (outputs, targets) with a mean over the samples, such as ``cross_entropy``
    optimizer : Optimizer of the model's parameters
    epochs, batch_size : int
    validation_data : (X, y), optional
        Evaluated after each epoch.
    metrics : list of functions ``metric(outputs, y)``, such as ``[accuracy]``
        Each a mean over samples, with a name of its own. One that is no such mean, as ``recall``, is averaged over the
        batches all the same, and NaN if it is NaN on one, as without positives; ``val_recall`` is of all samples at once.
    rng : numpy.random.Generator
        Shuffles, and is handed to ``augment``.
    regularizer : ElasticNet, L1 or L2, optional
    augment : function ``augment(X_batch, rng=rng)``, optional
        Alters the inputs of each training batch, such as ``nnlib.data.augment``.
    schedule : function from the number of steps the optimiser has made to a learning rate, optional
    clip : float, optional
        Largest norm of all gradients together, see :func:`~nnlib.optim.clip_gradients`.
    early_stopping : EarlyStopping, optional
        Watches the validation loss (the training loss if there is no validation data). At the end, however it
        comes, the model has the weights of the best epoch.
    callback : function ``callback(epoch, history)``, optional
        Called after each epoch, counted from 1.
    progress : bool, optional
        Whether to show a progress bar. By default it is shown where someone can watch it: on a terminal, or
        in a notebook that a person, not a program, runs.
    drop_last : bool
        Leaves out a last batch that is not full, unless it is the only one: for batch norm, which needs more than one
        sample.

    Returns
    -------
    History
        ``loss`` and each metric: means over the samples of the epoch, each batch with the weights of its time
        and in training mode. ``val_loss`` and ``val_...``: after the epoch, in evaluation mode. ``penalty``,
        with a regularizer: after the epoch; it is not part of ``loss``, so that ``loss`` and ``val_loss`` can
        be compared.

    Raises
    ------
    DivergenceError
        If a loss, the gradients' norm or a weight becomes NaN or infinite. The model is left as it is, for
        inspection, unless ``early_stopping`` has a best epoch to return to.
    ValueError, TypeError
        For samples that do not pair up, or are NaN or infinite; sizes below 1; an optimiser with parameters that are
        not the model's; and anything that model, loss or optimiser refuse.
    """
    optional = dict(regularizer=regularizer, early_stopping=early_stopping, augment=augment, schedule=schedule, callback=callback)
    _made("fit", model=model, optimizer=optimizer, loss=loss, **{n: thing for n, thing in optional.items() if thing is not None})
    known = model.parameters()
    others = {id(p) for p in optimizer.parameters} - {id(p) for p in known}
    if others:
        raise ValueError(f"fit expects an optimizer of the model's parameters, got {len(others)} of others: after making a "
                         "model anew, make its optimiser anew, as in Adam(model.parameters())")
    X, y = _samples("fit", X, y)
    metrics = _named("fit", metrics)
    if validation_data is not None:
        if not isinstance(validation_data, (tuple, list)) or len(validation_data) != 2:
            raise TypeError(f"fit expects validation_data as (X, y), got {type(validation_data).__name__}")
        validation_data = _samples("fit", *validation_data)
    checks.count("fit", epochs=epochs, batch_size=batch_size)
    if clip is not None:
        checks.number("fit", 0, above=True, clip=clip)
    rng = checks.generator("fit", rng)
    if early_stopping is not None:
        early_stopping.reset()
    history = History()

    def go_on(what, value):
        if not math.isfinite(value):
            error = DivergenceError(
                f"training diverged: {what} is {value} at epoch {n}, step {k} of {math.ceil(len(X) / batch_size)}. Try a lower "
                f"learning rate (it is {optimizer.lr:.3g}), clip=1.0 to limit the gradients, or inputs scaled to mean 0 and "
                "variance 1; and start from new weights.")
            error.epoch, error.step, error.history = n, k, history
            raise error

    def step(X_batch, y_batch):
        """One step of the optimiser: the outputs and the loss, before it."""
        outputs = model(X_batch)
        value, pullback = loss.vjp(outputs, y_batch)
        value = _score("loss", value)
        go_on("the loss", value)
        optimizer.zero_grad()
        model.backward(pullback(1.0)[0], input_grad=False)
        if regularizer is not None:
            regularizer.add_gradients(optimizer.parameters)
        if clip is not None:
            go_on("the norm of the gradients", clip_gradients(optimizer.parameters, clip))
        if schedule is not None:
            optimizer.lr = schedule(optimizer.steps)
        optimizer.step()
        if n == k == 1 and (late := len(model.parameters()) - len(known)):
            raise ValueError(f"fit expects a model that has all its parameters before, got {late} more at the first step: "
                             "make them in __init__, or call the model once and make its optimiser then")
        return outputs, value

    def epoch():
        """One pass through the samples: means of loss and metrics, and what was measured after it."""
        nonlocal k
        model.train()                           # whatever a callback has done
        measured = []
        for k, (X_batch, y_batch) in enumerate(_batches(X, y, batch_size, rng, drop_last), start=1):
            if augment is not None:
                X_batch = augment(X_batch, rng=rng)
            with np.errstate(all="ignore"):     # overflow is no surprise here: it is looked for
                outputs, value = step(X_batch, y_batch)
            measured.append((len(X_batch), _scores(outputs, y_batch, value, metrics)))
        for p in optimizer.parameters:
            go_on("a weight", np.abs(p.value).max(initial=0))
        seen = sum(size for size, _ in measured)
        record = {name: sum(size * scores[name] for size, scores in measured) / seen for name in ["loss", *metrics]}
        if regularizer is not None:
            record["penalty"] = regularizer.penalty(optimizer.parameters)
        if validation_data is not None:
            with np.errstate(all="ignore"):
                scores = _evaluate(model, *validation_data, loss, metrics, max(batch_size, 256))
            go_on("the validation loss", scores["loss"])
            record |= {f"val_{name}": score for name, score in scores.items()}
        return record

    n = k = 0
    with model.in_mode(training=True), _progress_bar(progress, epochs) as bar:
        try:
            for n in range(1, epochs + 1):
                record = epoch()
                for name, number in record.items():
                    if len(numbers := history.setdefault(name, [])) != n - 1:
                        raise ValueError(f"fit expects a callback with names of its own in the history, got {name!r}")
                    numbers.append(number)
                if bar is not None:
                    bar.set_postfix(record, refresh=False)
                    bar.update()
                if callback is not None:
                    callback(n, history)
                watched = record["loss" if validation_data is None else "val_loss"]
                if early_stopping is not None and early_stopping.update(watched, model):
                    break
        finally:
            if early_stopping is not None:
                early_stopping.restore(model)
    return history


class History(dict):
    """What a training recorded: lists ``"loss"``, ``"val_loss"``, ..., with one number an epoch, by name.

    ``nnlib.plots.loss_curves(history)`` draws it.
    """

    @property
    def epochs(self):
        """Number of epochs recorded."""
        return max(map(np.size, self.values()), default=0)

    def __repr__(self):
        last = ", ".join(f"{name} {np.ravel(values)[-1]:.4g}" for name, values in self.items() if np.size(values))
        return f"History({self.epochs} epochs{': ' * bool(last)}{last})"


class DivergenceError(FloatingPointError):
    """Training has left the numbers: a loss, a gradient or a weight is NaN or infinite.

    Attributes: ``epoch`` and ``step`` (within the epoch), both counted from 1, and the ``history`` up to
    there.
    """


def batches(X, y, batch_size, rng=None, *, drop_last=False):
    """Go through samples in batches, once: yields (X_batch, y_batch). The last batch holds what is left.

    Parameters
    ----------
    X, y : arrays (N, ...)
    batch_size : int
        Samples in a batch; N or more for all at once.
    rng : numpy.random.Generator, optional
        Shuffles the samples; without it they come in their order.
    drop_last : bool
        Leaves out a last batch that is not full, unless it is the only one.
    """
    X, y = _samples("batches", X, y)
    checks.count("batches", batch_size=batch_size)
    return _batches(X, y, batch_size, None if rng is None else checks.generator("batches", rng), drop_last)


def _batches(X, y, batch_size, rng, drop_last):
    """:func:`batches` of samples that have been checked."""
    parts = np.split(np.arange(len(X)) if rng is None else rng.permutation(len(X)), range(batch_size, len(X), batch_size))
    if drop_last and len(parts) > 1 and len(parts[-1]) < batch_size:
        parts.pop()
    return ((X[part], y[part]) for part in parts)


def _samples(who, X, y):
    """X and y as arrays of one length, at least 1, without NaN and infinity."""
    X, y = checks.no_nan(who, "X", X), checks.no_nan(who, "y", y)
    for name, x in ("X", X), ("y", y):
        if not np.isfinite(x).all():
            raise ValueError(f"{who} expects {name} without infinity, got {np.isinf(x).sum()} infinite of {x.size}")
    if X.ndim == 0 or y.ndim == 0 or len(X) != len(y) or len(X) == 0:
        raise ValueError(f"{who} expects X and y (N, ...) with one N >= 1, got {X.shape} and {y.shape}")
    return X, y


def k_fold(n, k, rng=None):
    """Split n samples into k folds; each fold is held out once: yields k pairs (training indices, validation
    indices).

    Parameters
    ----------
    n, k : int
        Samples and folds, 2 <= k <= n. Sizes of folds differ by at most 1.
    rng : numpy.random.Generator, optional
        Shuffles the samples; without it the folds are runs of neighbours.
    """
    checks.count("k_fold", least=2, k=k)
    checks.count("k_fold", least=k, n=n)
    order = np.arange(n) if rng is None else checks.generator("k_fold", rng).permutation(n)
    folds = np.array_split(order, k)
    return ((np.concatenate(folds[:i] + folds[i + 1:]), folds[i]) for i in range(k))


def predict(model, X, batch_size=256):
    """Output of a model for X, in evaluation mode, in batches; the model stays as it is.

    Parameters
    ----------
    model : Layer
    X : array (N, ...)
    batch_size : int

    Returns
    -------
    array (N, ...)
    """
    _made("predict", model=model)
    X = checks.no_nan("predict", "X", X)
    checks.count("predict", batch_size=batch_size)
    if X.ndim == 0:
        raise ValueError("predict expects X (N, ...), got one number")
    states = [(layer, layer.state) for layer in model.layers_inside() if "state" in vars(layer)]
    with model.in_mode(training=False):
        outputs = [model.forward(X[start:start + batch_size]) for start in range(0, max(len(X), 1), batch_size)]
    for layer, state in states:                 # of recurrent layers: a sequence in pieces goes on where it was
        layer.state = state
    return np.concatenate(outputs)


def evaluate(model, X, y, *, loss, metrics=(), batch_size=256):
    """Mean loss and metrics of a model on (X, y), in evaluation mode.

    Parameters
    ----------
    model : Layer
    X, y : arrays (N, ...)
    loss : operation, such as ``cross_entropy``
    metrics : list of functions ``metric(outputs, y)``, such as ``[accuracy]``
    batch_size : int

    Returns
    -------
    dict from ``"loss"`` and the metrics' names to float
    """
    _made("evaluate", loss=loss)
    return _evaluate(model, *_samples("evaluate", X, y), loss, _named("evaluate", metrics), batch_size)


def _evaluate(model, X, y, loss, metrics, batch_size):
    """:func:`evaluate` on samples that have been checked."""
    outputs = predict(model, X, batch_size)
    return _scores(outputs, y, _score("loss", loss.vjp(outputs, y)[0]), metrics)


def _scores(outputs, y, value, metrics):
    """The loss, which is known, and the metrics by name. They may refuse NaN, and are NaN where the loss is."""
    return {"loss": value, **{name: _score(name, metric(outputs, y)) if math.isfinite(value) else math.nan
                              for name, metric in metrics.items()}}


def _score(name, value):
    """What a loss or a metric gives, as a float."""
    value = checks.numeric("fit", f"the value of {name}", value)
    if value.ndim:
        raise ValueError(f"fit and evaluate expect one number as the value of {name}, got {value.shape}")
    return float(value)


KINDS = {                                       # what each has, how it is made, and with what it is called
    "model": ("layers_inside", "as a layer such as Sequential"), "optimizer": ("step", "as in Adam(model.parameters())"),
    "loss": ("vjp", "as an operation such as cross_entropy"), "regularizer": ("add_gradients", "as in L2(0.01)"),
    "early_stopping": ("update", "as in EarlyStopping(patience=5)"),
    "augment": ("__call__", "as a function of (X_batch, rng=rng)", "X_batch rng"),
    "schedule": ("__call__", "as a function of the number of steps, such as step_decay(0.1, 30)", "steps"),
    "callback": ("__call__", "as a function of (epoch, history)", "epoch history"),
}


def _made(who, **things):
    """Refuse what is not of its kind, and a class in place of one of its own."""
    for name, thing in things.items():
        attribute, example, *call = KINDS[name]
        if isinstance(thing, type) or not hasattr(thing, attribute) or call and not _takes(thing, *call[0].split()):
            raise TypeError(f"{who} expects {name} {example}, got {thing!r}")


def _takes(function, *names):
    """Whether a function takes these, and rng by its name, as far as it says what it takes."""
    generator = {"rng": None} if "rng" in names else {}
    try:
        inspect.signature(function).bind(*names[:len(names) - len(generator)], **generator)
    except TypeError:
        return False
    except ValueError:                          # one of NumPy's or Python's own
        pass
    return True


def _named(who, metrics):
    """Dictionary of the metrics by name."""
    metrics = list(metrics) if isinstance(metrics, (list, tuple)) else [metrics]
    for metric in metrics:
        function = callable(metric) and not isinstance(metric, type) and hasattr(metric, "__name__")
        if not function or not _takes(metric, "outputs", "y"):
            raise TypeError(f"{who} expects metrics as functions of (outputs, y) such as [accuracy], got {metric!r}")
    own = [metric.__name__ for metric in metrics]
    names = ["penalty", "loss", *own, *(f"val_{name}" for name in ("loss", *own))]
    for name in own:
        if names.count(name) > 1:
            raise ValueError(f"{who} expects a name of its own for each metric, as def gives it, got {name!r} again")
    return {metric.__name__: metric for metric in metrics}


def _progress_bar(show, epochs):
    """A progress bar that vanishes at the end, or nothing: to be used in ``with``."""
    if not (_someone_watches() if show is None else show):
        return contextlib.nullcontext()
    from tqdm.auto import tqdm  # only now: without a bar, NumPy is enough

    return tqdm(total=epochs, unit="epoch", leave=False)


def _someone_watches():
    """Whether a progress bar would be seen: on a terminal, or in a kernel whose user could be asked a
    question.

    Programs that run notebooks (nbclient, nbval, papermill) allow no questions, and store what cells print.
    """
    ipython = sys.modules.get("IPython")
    kernel = getattr(ipython.get_ipython() if ipython else None, "kernel", None)
    return sys.stderr.isatty() if kernel is None else bool(getattr(kernel, "_allow_stdin", False))
