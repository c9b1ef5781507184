"""Shared layers: computing in chunks gives the same as computing at once."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import pytest
import torch

from groundcast.model.dino import layers
from groundcast.model.dino.layers import FeedForward, in_chunks


@pytest.mark.parametrize("shape", [(1, 1300, 16), (2, 30, 41, 16), (1, 512, 16), (3, 16)])
def test_pieces_are_the_whole(shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers, "CHUNK_BYTES", 512 * 64 * 4)
    torch.manual_seed(0)
    layer, x = FeedForward(16, 64).eval(), torch.randn(shape)
    taken: list[int] = []

    def listen(rows: torch.Tensor) -> torch.Tensor:
        taken.append(rows[..., 0].numel())
        return rows * 2

    with torch.no_grad():
        assert in_chunks(listen, x, 64).shape == x.shape
        assert max(taken) <= 512
        assert sum(taken) == x[..., 0].numel()
        pieces = layer(x)
    torch.testing.assert_close(pieces, layer(x).detach())  # with gradients it is done at once
    assert in_chunks(listen, x.requires_grad_(), 64).equal(x * 2)
