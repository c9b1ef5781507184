"""Every Triton kernel on a real GPU, against the same references."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
import torch

from groundcast.cuda.deform_attn import Kernel, deform_attn
from groundcast.cuda.image_prep import Yuv420, image_prep

from . import image_prep_cases as pictures
from .deform_attn_cases import SIZES, Case, assert_as_exact, assert_odd_places_read_nothing, draws

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"),
]
DTYPES = [torch.float32, torch.bfloat16, torch.float16]


@dataclass(frozen=True)
class OnGpu(Case):
    """A case that is answered there, and compared here."""

    def run(self, kernel: Kernel = "auto") -> torch.Tensor:
        tensors = (one.cuda() for one in (self.value, self.reference, self.projected))
        value, reference, projected = tensors
        return deform_attn(value, self.shapes, reference, projected, self.points, kernel).cpu()


def _there(case: Case) -> OnGpu:
    return OnGpu(case.value, case.shapes, case.reference, case.projected, case.points)


@pytest.mark.parametrize("wide", [2, 4])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_deform_attn_is_as_exact_as_the_reference(sizes: dict[str, int], dtype: torch.dtype, wide: int) -> None:
    assert_as_exact("triton", [_there(one.to(dtype)) for one in draws(**sizes, wide=wide)])


@pytest.mark.parametrize("dtype", DTYPES)
def test_deform_attn_is_right_at_full_size(dtype: torch.dtype) -> None:
    shapes = [(100, 167), (50, 84), (25, 42), (13, 21)]
    (small,) = draws(1, B=1, N=8, D=32, Q=900, L=4, wide=4)
    value = torch.randn(1, sum(h * w for h, w in shapes), 8, 32, generator=torch.Generator().manual_seed(0))
    assert_as_exact("triton", [_there(replace(small, value=value, shapes=shapes).to(dtype))])


@pytest.mark.parametrize("dtype", DTYPES)
def test_odd_places_read_nothing(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Case, "run", OnGpu.run)
    assert_odd_places_read_nothing("triton", dtype)


@pytest.mark.parametrize("kind", ["rgb", "bt601", "bt709"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_pictures_are_prepared_to_the_last_bit(kind: str, dtype: torch.dtype) -> None:
    for given_hw, picture_hw, canvas_hw in [*pictures.SIZES, ((1080, 1920), (750, 1333), (768, 1344))]:
        how = pictures.preparation(picture_hw, canvas_hw)
        here = pictures.pictures(*given_hw) if kind == "rgb" else pictures.nv12(*given_hw, kind)  # pyright: ignore[reportArgumentType]
        if isinstance(here, Yuv420):
            there = replace(here, luma_BHW=here.luma_BHW.cuda(), u_BHW=here.u_BHW.cuda(), v_BHW=here.v_BHW.cuda())
        else:
            there = here.cuda()
        got = image_prep(there, how, dtype, torch.full((2, 3, *canvas_hw), float("nan"), dtype=dtype, device="cuda"))
        assert torch.equal(got.cpu(), image_prep(here, how, dtype, kernel="reference"))
