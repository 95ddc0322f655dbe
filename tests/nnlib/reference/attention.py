"""Writes attention.npz: attention, multi-head attention and the transformer's block with their gradients, by PyTorch in float64.

Weights are stored in PyTorch's layout: (out, in), with those of query, key and value below each other.
"""

import numpy as np
import torch
import torch.nn.functional as F
from archive import case, save

rng = np.random.default_rng(13)
N, T, S, D, heads, K = 3, 4, 5, 6, 2, 7
store = {}
masks = {"all": None, "causal": np.tri(T, S, dtype=bool), "padded": np.arange(S) < np.array([5, 2, 3])[:, None, None]}

for kind, mask in masks.items():
    def attend(query, key, value, mask=mask):
        return F.scaled_dot_product_attention(query, key, value, attn_mask=None if mask is None else torch.tensor(mask))
    name = f"scaled_dot_product_attention/{kind}"
    store |= case(rng, name, attend, dict(query=rng.normal(size=(N, T, D)), key=rng.normal(size=(N, S, D)),
                                          value=rng.normal(size=(N, S, K))))
    if mask is not None:
        store[f"{name}/mask"] = mask


def weights(module):
    return {name: rng.normal(size=p.shape) for name, p in module.named_parameters()}


def run(module, call):
    """``call(*inputs)`` with the module's parameters as further arrays."""
    def f(*tensors):
        names = [name for name, _ in module.named_parameters()]
        inputs, given = tensors[:-len(names)], dict(zip(names, tensors[-len(names):]))
        return torch.func.functional_call(module, given, *call(*inputs))
    return f


x, memory = rng.normal(size=(N, T, D)), rng.normal(size=(N, S, D))
hidden = torch.tensor(~masks["padded"][:, 0])               # PyTorch's layers: True where nobody may look
future = torch.tensor(~np.tri(T, dtype=bool))
attention = torch.nn.MultiheadAttention(D, heads, batch_first=True).double()
calls = {
    "self": ((x,), lambda x: ((x, x, x), dict(need_weights=False))),
    "causal": ((x,), lambda x: ((x, x, x), dict(need_weights=False, attn_mask=future))),
    "padded": ((x,), lambda x: ((x, x, x), dict(need_weights=False, key_padding_mask=hidden[:, :T]))),
    "cross": ((x, memory), lambda x, c: ((x, c, c), dict(need_weights=False, key_padding_mask=hidden))),
}
for kind, (inputs, call) in calls.items():
    f = run(attention, call)
    arrays = dict(zip(("x", "memory"), inputs)) | weights(attention)
    store |= case(rng, f"multi_head_attention/{kind}", lambda *tensors, f=f: f(*tensors)[0], arrays)
    store[f"multi_head_attention/{kind}/mask"] = ~hidden.numpy()

cases = {"relu,norm_first=False,all": {}, "relu,norm_first=True,all": {}, "gelu,norm_first=True,causal": dict(src_mask=future),
         "relu,norm_first=False,padded": dict(src_key_padding_mask=hidden[:, :T])}
for kind, options in cases.items():
    activation, norm_first = kind.split(",")[0], "norm_first=True" in kind
    block = torch.nn.TransformerEncoderLayer(D, heads, 8, 0.0, activation, batch_first=True, norm_first=norm_first).double()
    name = f"transformer_encoder_layer/{kind}"
    store |= case(rng, name, run(block, lambda x, options=options: ((x,), options)), {"x": x} | weights(block))
    store[f"{name}/mask"] = ~hidden[:, :T].numpy()

save(__file__, store, torch.__version__)
