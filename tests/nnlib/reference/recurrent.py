"""Writes recurrent.npz: RNN, LSTM and GRU and their gradients, by PyTorch in float64.

Each case has a first state, and gradients that come to the states at every step and to the last state on its own. The
weights are stored in PyTorch's layout: (gates H, D), gates i, f, g, o (LSTM) and r, z, n (GRU), two biases. A name
that ends in ``packed`` has sequences of different lengths; ``deep`` has two layers in both directions.
"""

import numpy as np
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from archive import save

rng = np.random.default_rng(11)
N, T, D, H = 3, 5, 2, 4
lengths = torch.tensor([5, 2, 3])
store = {"lengths": lengths.numpy()}
kinds = {"rnn/tanh": (torch.nn.RNN, {}), "rnn/relu": (torch.nn.RNN, {"nonlinearity": "relu"}),
         "lstm": (torch.nn.LSTM, {}), "gru": (torch.nn.GRU, {})}

for kind, (module, options) in kinds.items():
    for variant in ("whole", "packed", "deep"):
        deep = variant == "deep"
        net = module(D, H, batch_first=True, num_layers=1 + deep, bidirectional=deep, **options).double()
        for p in net.parameters():
            p.data = torch.tensor(rng.normal(size=p.shape))
        layers = 4 if deep else 1
        x = torch.tensor(rng.normal(size=(N, T, D)), requires_grad=True)
        first = [torch.tensor(rng.normal(size=(layers, N, H)), requires_grad=True) for _ in range(1 + (kind == "lstm"))]
        given = x if variant == "whole" else pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        y, last = net(given, tuple(first) if len(first) == 2 else first[0])
        if variant != "whole":
            y, _ = pad_packed_sequence(y, batch_first=True)
        last = torch.stack(last) if len(first) == 2 else last[None]
        dy, dlast = rng.normal(size=y.shape), rng.normal(size=last.shape)
        if variant != "whole":                  # nothing comes to padded steps
            dy[np.arange(T) >= lengths.numpy()[:, None]] = 0
        ((y * torch.tensor(dy)).sum() + (last * torch.tensor(dlast)).sum()).backward()
        # states are (h and c, layers, N, H)
        arrays = {"x": x, "first": torch.stack(first), "y": y, "last": last, "dx": x.grad,
                  "dfirst": torch.stack([s.grad for s in first])}
        arrays |= dict(net.named_parameters()) | {f"d{name}": p.grad for name, p in net.named_parameters()}
        store |= {f"{kind}/{variant}/{name}": t.detach().numpy() for name, t in arrays.items()}
        store |= {f"{kind}/{variant}/dy": dy, f"{kind}/{variant}/dlast": dlast}

save(__file__, store, torch.__version__)
