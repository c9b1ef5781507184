"""Prepacked layers: the same results as plain layers, which remain where packing is not supported."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from groundcast.model.config import ModelConfig, TextConfig
from groundcast.model.dino.edge_encoder import EdgeEncoder
from groundcast.model.dino.layers import Attention, FeedForward
from groundcast.model.runtime import prepacked
from groundcast.model.runtime.prepacked import PackedConv, PackedLinear, pack


@pytest.fixture(autouse=True)
def _ask_again() -> Iterator[None]:
    """Clears the caches, so that what one test patches does not reach another."""
    prepacked.packs.cache_clear()
    yield
    prepacked.packs.cache_clear()


class _Hidden(nn.Module):
    """An MLP whose parts have timm's names."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(24, 48)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(48, 24, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(self.act(self.fc1(x)))


@torch.no_grad()
@pytest.mark.parametrize("name", ["feed forward", "as timm has it", "in a row"])
def test_a_packed_layer_gives_the_plain_ones_output(name: str) -> None:
    torch.manual_seed(0)
    layer = {
        "feed forward": FeedForward(24, 100),
        "as timm has it": _Hidden(),
        "in a row": nn.Sequential(nn.Linear(24, 7), nn.ReLU()),
    }[name]
    apart = torch.randn(3, 24, 4).transpose(1, 2)  # rows whose channels do not lie side by side
    asked = [torch.randn(1, 24), torch.randn(2, 5, 24), apart]
    plain = [layer(x) for x in asked]
    assert pack(layer) >= 1
    torch.testing.assert_close([layer(x) for x in asked], plain)
    assert pack(layer) == 0


@torch.no_grad()
@pytest.mark.parametrize("size", [(16, 20), (8, 10), (33, 17)])
@pytest.mark.parametrize("is_last", [True, False], ids=["channels last", "channels first"])
def test_packed_convolutions_give_the_plain_ones_output(size: tuple[int, int], is_last: bool) -> None:
    torch.manual_seed(0)
    layers = nn.Sequential(
        *(nn.Conv2d(24, 48, 1, bias=False), nn.Identity(), nn.GELU(), nn.Conv2d(48, 24, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(24, 32, 4, stride=4), nn.Conv2d(32, 32, 3, padding=1, groups=32), nn.Conv2d(32, 8, 1, stride=2)),
    )
    x = torch.randn(2, 24, *size)
    x = x.contiguous(memory_format=torch.channels_last) if is_last else x
    plain = layers(torch.cat([x, x], 3))
    assert pack(layers) == 4  # not the one in groups
    torch.testing.assert_close(layers(torch.cat([x, x], 3)), plain)


@torch.no_grad()
def test_modules_that_use_their_weights_directly_keep_them() -> None:
    encoder = EdgeEncoder(ModelConfig("small", TextConfig(10, 32, 1, 2, 64), width=32, levels=(1, 2, 3)))
    assert pack(encoder) > 10
    for merge in encoder.merge:
        assert isinstance(merge.get_submodule("reduce.0"), nn.Conv2d)
        assert isinstance(merge.get_submodule("smooth.0"), PackedConv)


@torch.no_grad()
def test_a_packed_layer_in_bfloat16_errs_no_more_than_a_plain_one() -> None:
    torch.manual_seed(0)
    x, layer = torch.randn(40, 24), _Hidden()
    exact = layer.double()(x.double())
    plain = layer.bfloat16()(x.bfloat16())
    if pack(layer) == 0:
        pytest.skip("this processor has no packed layers in bfloat16")
    got = layer(x.bfloat16())
    assert got.dtype == torch.bfloat16
    assert (got - exact).square().mean() <= 1.1 * (plain - exact).square().mean()


def test_layers_stay_plain_where_nothing_can_be_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Tensor:
        raise RuntimeError("not on this processor")

    monkeypatch.setattr(PackedLinear, "forward", fail)
    layer = Attention(16, 2)
    assert pack(layer) == 0
    assert isinstance(layer.query, nn.Linear)
