"""Recurrent layers put together (chapter 12): on top of each other, and reading in both directions."""

import numpy as np

from nnlib import checks
from nnlib.layers import Layer, Sequential
from nnlib.recurrent import Recurrent


class _Several(Sequential):
    """Base of layers made of recurrent layers; a state of it is a tuple, one state for each of them."""

    kind, kinds = Recurrent, "recurrent layers"
    backward = Layer.backward                   # which gives dx, as that of every part
    state = property(lambda self: tuple(layer.state for layer in self.layers))
    state_grad = property(lambda self: tuple(layer.state_grad for layer in self.layers))

    def hand_on(self, layers, context):
        """The mask for all layers, and for each its own of what comes as one for each."""
        own = {name: given for name, given in context.items() if name in ("state", "dstate") and given is not None}
        for name, given in own.items():
            if len(given) != len(layers):
                raise ValueError(f"{type(self).__name__} expects one {name} for each of its {len(layers)} "
                                 f"layers, got {len(given)}")
        return [{**context, **{name: given[i] for name, given in own.items()}} for i in range(len(layers))]


class Bidirectional(_Several):
    """Two recurrent layers, one reading forward and one backward, with their outputs side by side.

    ``Bidirectional(GRU(8, 16), GRU(8, 16))``: (N, T, 8) -> (N, T, 32), so that at every step half of the
    output knows what came before and half what comes after. With ``return_sequences=False`` of both it is (N,
    32), the last h of each, which for the second is that at the first step. ``state``, ``state_grad`` and
    ``dstate`` are as in :class:`~nnlib.recurrent.Recurrent`, a tuple with one for each direction.

    Raises ``TypeError`` for other layers, ``ValueError`` if the two differ in their sizes or in what they
    return.

    References
    ----------
    Schuster and Paliwal, "Bidirectional recurrent neural networks", 1997.
    """

    def __init__(self, ahead, back):
        super().__init__(ahead, back)
        for name in ("input_size", "hidden_size", "return_sequences"):
            if getattr(ahead, name) != getattr(back, name):
                raise ValueError(f"Bidirectional expects one {name} for both layers, "
                                 f"got {getattr(ahead, name)} and {getattr(back, name)}")
        self.return_sequences = ahead.return_sequences

    def vjp(self, x, state=None, mask=None):
        (ahead, back), (first, last) = self.layers, self.hand_on(self.layers, {"state": state})
        y, pull_ahead = ahead.vjp(x, mask=mask, **first)
        x, turned = np.asarray(x), None if mask is None else np.asarray(mask)[:, ::-1]
        z, pull_back = back.vjp(x[:, ::-1], mask=turned, **last)

        def pullback(dy, input_grad=True, dstate=None):
            dfirst, dlast = self.hand_on(self.layers, {"dstate": dstate})
            dy, dz = np.split(checks.shape("Bidirectional.backward", dy, output.shape, "dy"), 2, axis=-1)
            dx = pull_ahead(dy, input_grad, **dfirst)
            dx_back = pull_back(self._turned(dz), input_grad, **dlast)
            return dx + dx_back[:, ::-1] if input_grad else None
        output = np.concatenate([y, self._turned(z)], axis=-1)
        return output, pullback

    def _turned(self, sequence):
        return sequence[:, ::-1] if self.return_sequences else sequence


class Stacked(_Several):
    """Recurrent layers on top of each other; each reads the sequence that the one below it writes.

    ``Stacked(LSTM(8, 16), LSTM(16, 16, return_sequences=False))``. ``state``, ``state_grad`` and ``dstate``
    are as in :class:`~nnlib.recurrent.Recurrent`, a tuple with one for each layer. A mask holds for all
    layers.

    Raises ``TypeError`` for other layers, ``ValueError`` if one below the last does not return sequences.

    References
    ----------
    Graves, Mohamed and Hinton, "Speech recognition with deep recurrent neural networks", 2013.
    """

    kind = Recurrent, Bidirectional

    def __init__(self, *layers):
        super().__init__(*layers)
        if not layers or not all(layer.return_sequences for layer in layers[:-1]):
            raise ValueError("Stacked expects layers, and return_sequences=True of all but the last")
        self.return_sequences = layers[-1].return_sequences
