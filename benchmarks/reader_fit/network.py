"""The network of the reader in PyTorch: multilingual-e5-small with two scores for each piece."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.reader_fit.base_weights import BaseWeights

LAYER_MATRICES = ("q.w", "k.w", "v.w", "ao.w", "fi.w", "fo.w")


class ReaderNetwork(nn.Module):
    """Parameters by the names of the base (with "_" for "."), "span_w" and "span_b"."""

    def __init__(self, base: BaseWeights, piece_ids: np.ndarray, frozen_layers: int) -> None:
        """Copy the base for the pieces with these ids; the embeddings and the lower `frozen_layers` are not fitted."""
        super().__init__()
        self.heads, self.layers, self.epsilon, self.frozen_layers = base.heads, base.layers, base.epsilon, frozen_layers
        arrays = {name: matrix.unpack() for name, matrix in base.matrices.items() if name != "emb.word"}
        word = base.matrices["emb.word"]
        arrays["emb.word"] = type(word)(word.integers[piece_ids], word.scales[piece_ids]).unpack()
        for name, array in {**arrays, **base.vectors}.items():
            parameter = nn.Parameter(torch.tensor(array), requires_grad=not self.is_frozen(name))
            self.register_parameter(name.replace(".", "_"), parameter)
        self.span_w = nn.Parameter(torch.randn(2, base.width) * 0.02)
        self.span_b = nn.Parameter(torch.zeros(2))

    def is_frozen(self, name: str) -> bool:
        """Return whether a tensor of the base keeps its weights."""
        layer = name.partition(".")[0]
        return layer == "emb" or int(layer[1:]) < self.frozen_layers

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Return the scores (batch, pieces, 2) of pieces (batch, pieces), of which `lengths` are no padding."""
        get = self.get_parameter
        mask = (torch.arange(ids.shape[1])[None, :] < lengths[:, None])[:, None, None, :]
        with torch.no_grad():
            states = get("emb_word")[ids] + get("emb_pos")[: ids.shape[1]] + get("emb_type")[0]
            states = self._normalize(states, "emb_ln")
        for layer in range(self.layers):
            with torch.set_grad_enabled(torch.is_grad_enabled() and layer >= self.frozen_layers):
                states = self._run_layer(states, mask, f"l{layer}_")
        return functional.linear(states, self.span_w, self.span_b)

    def _run_layer(self, states: Tensor, mask: Tensor, layer: str) -> Tensor:
        get = self.get_parameter
        drop = 0.1 if self.training and states.requires_grad else 0.0
        batch, length, width = states.shape
        queries, keys, values = (
            functional.linear(states, get(f"{layer}{name}_w"), get(f"{layer}{name}_b"))
            .view(batch, length, self.heads, -1)
            .transpose(1, 2)
            for name in "qkv"
        )
        attended = functional.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
        attended = attended.transpose(1, 2).reshape(batch, length, width)
        attended = functional.linear(attended, get(f"{layer}ao_w"), get(f"{layer}ao_b"))
        states = self._normalize(states + functional.dropout(attended, drop), f"{layer}aln")
        inner = functional.gelu(functional.linear(states, get(f"{layer}fi_w"), get(f"{layer}fi_b")))
        inner = functional.linear(inner, get(f"{layer}fo_w"), get(f"{layer}fo_b"))
        return self._normalize(states + functional.dropout(inner, drop), f"{layer}oln")

    def _normalize(self, states: Tensor, name: str) -> Tensor:
        get = self.get_parameter
        return functional.layer_norm(states, states.shape[-1:], get(f"{name}_w"), get(f"{name}_b"), self.epsilon)
