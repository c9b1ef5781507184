"""Swin's windows: attention in chunks gives the same as at once."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import Any

import pytest
import timm
import torch

from groundcast.model.dino import swin
from groundcast.model.dino.swin import Swin


@pytest.mark.parametrize("window", [4, 7])
def test_windows_in_chunks_give_the_same(window: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swin, "CHUNK_BYTES", 3 * 4 * 2 * window**4)  # three windows of two heads
    torch.manual_seed(0)
    options: dict[str, Any] = {
        "embed_dim": 16,
        "depths": (2, 2),
        "num_heads": (2, 2),
        "window_size": window,
        "num_classes": 0,
    }
    options |= {"pretrained": False, "strict_img_size": False, "always_partition": True}
    body = timm.create_model("swin_tiny_patch4_window7_224", **options)
    model, pictures = Swin(body, (0, 1)).eval(), torch.randn(2, 3, 67, 90)
    whole = [one.detach() for one in model(pictures)]  # with gradients it is done at once
    taken: list[int] = []
    attend = swin._attend_all  # pyright: ignore[reportPrivateUsage]

    def listen(attention: object, windows: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        taken.append(len(windows))
        return attend(attention, windows, mask)

    monkeypatch.setattr(swin, "_attend_all", listen)
    with torch.no_grad():
        pieces = list(model(pictures))
    assert max(taken) == 3
    assert len(taken) > 8
    torch.testing.assert_close(pieces, whole)
