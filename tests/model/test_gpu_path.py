"""The GPU's code path, run on a CPU: each part must give the results of the ordinary path."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from groundcast.cuda.image_prep import Yuv420
from groundcast.cuda.image_prep_reference import rgb_from_yuv420
from groundcast.launch.bench.oracle import save
from groundcast.model.detections import Detections
from groundcast.model.image import DecodedImage, Image, Rgb, rgb_of
from groundcast.model.prompt import Prompt
from groundcast.model.query import Query
from groundcast.model.runtime.network import Network
from groundcast.model.runtime.picture_input import PictureInput
from groundcast.model.runtime.postprocess import ReportRules, candidates, choose
from groundcast.model.runtime.preprocess import IMAGENET_STD
from groundcast.model.runtime.prompt_cache import PromptCache, bucket
from groundcast.model.weights.checkpoint import find_checkpoint, read_checkpoint

from ..cuda.stand_in_graph import Recorder
from .oracle import Sizes, oracle
from .tiny import write_tiny

CPU = torch.device("cpu")
RULES = ReportRules(threshold=0.0)
PROMPTS = [Prompt.parse(text) for text in ("red mug . can", "blue object", "green ball . ring . red cube . cone")]


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("edge"), known=False)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return find_checkpoint(str(save(oracle(Sizes()), tmp_path_factory.mktemp("full"))))


def _network(path: Path, size: int = 64) -> Network:
    return Network(read_checkpoint(path), "cpu", size, path)


def _picture(seed: int, height: int = 48, width: int = 64) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)


def _found(network: Network, pictures: Sequence[Image], prompts: Sequence[Prompt]) -> list[Detections]:
    queries = [Query(picture, prompt) for picture, prompt in zip(pictures, prompts, strict=True)]
    outputs = network.launch(queries, lambda answer: candidates(answer, RULES)).wait()
    return [choose(one.parts, one.query.prompt, one.query.size, one.query.image_hw, RULES) for one in outputs]


def _assert_alike(found: Sequence[Detections], wanted: Sequence[Detections]) -> None:
    """As sets: rounding may swap neighbours."""
    for one, other in zip(found, wanted, strict=True):
        assert len(one) == len(other) > 0
        alike = np.abs(one.scores[:, None] - other.scores) < 1e-4
        alike &= (np.abs(one.boxes_xyxy[:, None] - other.boxes_xyxy) < 1e-2).all(-1)
        alike &= one.name_indices[:, None] == other.name_indices
        assert alike.any(0).all()
        assert alike.any(1).all()


@pytest.mark.parametrize(("tokens", "padded"), [(3, 16), (16, 16), (17, 32), (130, 256), (256, 256)])
def test_captions_are_padded_to_a_few_lengths(tokens: int, padded: int) -> None:
    assert bucket(tokens) == padded


@pytest.mark.parametrize("body", ["edge", "full"])
def test_padded_captions_are_answered_as_they_are(body: str, request: pytest.FixtureRequest) -> None:
    path: Path = request.getfixturevalue(body)
    words = PROMPTS if body == "edge" else [Prompt.parse("word1 word2 . word3"), Prompt.parse("word4")]
    pictures = [_picture(seed) for seed in range(len(words))]
    plain, padding = _network(path), _network(path)
    padding._prompts = PromptCache(read_checkpoint(path), padding._model, padding.dtype, buckets=True)
    lengths = {caption.features.features_BTC.shape[1] for prompt in words for caption in padding._prompts.read(prompt)}
    assert lengths <= {16, 32}
    _assert_alike(_found(padding, pictures, words), _found(plain, pictures, words))


def test_pictures_prepared_on_the_device_are_those_prepared_here(edge: Path, full: Path) -> None:
    pictures = [_picture(0), _picture(1, 96, 128), _picture(2, 30, 40)]
    for path, steps in ((full, 0.0), (edge, 1.001)):  # of colour, in 255
        network = _network(path)
        size = network._rule.size(48, 64)
        here, there = (PictureInput(network._rule, CPU, torch.float32, own)(pictures, size) for own in (False, True))
        apart = (here - there).abs() * torch.from_numpy(IMAGENET_STD)[:, None, None]
        assert apart.max() <= steps
        assert here.is_contiguous(memory_format=torch.channels_last)
        assert there.is_contiguous(memory_format=torch.channels_last)


def _yuv(picture: NDArray[np.uint8], *, side_by_side: bool, gpu: int | None = None) -> DecodedImage:
    """Planes that OpenCV makes, and what they mean in RGB."""
    height, width = picture.shape[:2]
    flat = cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420).reshape(-1)
    luma, colours = flat[: height * width].reshape(height, width), flat[height * width :]
    u, v = (torch.from_numpy(half.reshape(height // 2, width // 2)) for half in np.split(colours, 2))
    planes = (torch.stack([u, v], -1),) if side_by_side else (u, v)
    rgb: Rgb = rgb_from_yuv420(Yuv420(torch.from_numpy(luma)[None], u[None], v[None], "bt601", False))[0].numpy()
    return DecodedImage((torch.from_numpy(luma), *planes), (height, width, 3), "bt601", False, gpu, lambda: rgb)


@pytest.mark.parametrize("side_by_side", [False, True])
def test_pictures_as_decoders_give_them_are_prepared_as_their_rgb(full: Path, side_by_side: bool) -> None:
    network = _network(full)
    size = network._rule.size(48, 64)
    decoded = [_yuv(_picture(seed, 96, 128), side_by_side=side_by_side) for seed in range(2)]
    shown = [decoded[0], _picture(2), decoded[1].part(32, 14, 97, 61), decoded[0].part(33, 15, 98, 62)]
    there = PictureInput(network._rule, CPU, torch.float32, on_device=True)
    assert torch.equal(there(shown, size), there([rgb_of(image) for image in shown], size))


def test_what_lies_on_another_gpu_comes_by_the_host(full: Path) -> None:
    network = _network(full)
    size = network._rule.size(48, 64)
    elsewhere = replace(_yuv(_picture(0), side_by_side=True, gpu=1), planes=())
    there = PictureInput(network._rule, CPU, torch.float32, on_device=True)
    assert torch.equal(there([elsewhere], size), there([rgb_of(elsewhere)], size))


def test_a_network_on_a_cpu_takes_them_too(edge: Path) -> None:
    network, decoded = _network(edge), _yuv(_picture(0), side_by_side=False)
    found = [_found(network, [image], PROMPTS[:1])[0] for image in (decoded, rgb_of(decoded))]
    assert (found[0].boxes_xyxy == found[1].boxes_xyxy).all()
    assert len(found[0])


@pytest.mark.parametrize("body", ["edge", "full"])
def test_captured_and_replayed_it_answers_the_same(body: str, request: pytest.FixtureRequest) -> None:
    """The same shapes with other pictures and other words, in turn: one graph answers for all of them."""
    path: Path = request.getfixturevalue(body)
    words = PROMPTS[:2] if body == "edge" else [Prompt.parse("word1 . word2"), Prompt.parse("word3 word4 . word5")]
    plain, replaying = _network(path), _network(path)
    replaying._prompts = PromptCache(read_checkpoint(path), replaying._model, replaying.dtype, buckets=True)
    recorder = Recorder()
    replaying._graphs = type(replaying._graphs)(CPU, calls_before=1, capture=recorder)
    for seed in range(5):
        pictures, prompts = [_picture(seed)], [words[seed // 2 % 2]]
        _assert_alike(_found(replaying, pictures, prompts), _found(plain, pictures, prompts))
    assert recorder.captured == 1


class Narrow:
    """Runs the model, but out of memory where there are too many rows."""

    def __init__(self, network: Network, rows: int, error: Exception) -> None:
        self.rows, self.error, self.passes = rows, error, list[int]()
        self._forward: Any = network._model.forward

    def __call__(self, pictures: torch.Tensor, text: Any, *rest: Any) -> Any:
        rows = len(text.features_BTC)
        if rows > self.rows:
            raise self.error
        self.passes.append(rows)
        return self._forward(pictures, text, *rest)


OUT_OF_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    MemoryError(),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=lambda error: type(error).__name__)
def test_out_of_memory_halves_what_goes_together(
    edge: Path, error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    network = _network(edge)
    pictures, prompts = [_picture(seed) for seed in range(7)], [PROMPTS[seed % 3] for seed in range(7)]
    wanted = _found(network, pictures, prompts)
    narrow = Narrow(network, 2, error)
    monkeypatch.setattr(network._model, "forward", narrow)
    _assert_alike(_found(network, pictures, prompts), wanted)
    assert narrow.passes == [1] * 7  # 7 become 3, and 3 become 1
    assert network.batch_limit.rows == 1
    assert caplog.text.count("out of memory") == 2
    assert "with 3 pictures at once: at most 1 from now on" in caplog.text


def test_what_does_not_fit_alone_ends_with_its_reason(edge: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = _network(edge)
    error = torch.OutOfMemoryError("CUDA out of memory")
    monkeypatch.setattr(network._model, "forward", Narrow(network, 0, error))
    with pytest.raises(torch.OutOfMemoryError, match="CUDA out of memory"):
        network.launch([Query(_picture(0), PROMPTS[0])])


def test_one_alone_that_does_not_fit_beside_graphs_has_their_memory(
    edge: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = _network(edge)
    network._graphs = type(network._graphs)(CPU, calls_before=0, capture=Recorder())
    wanted = _found(network, [_picture(0)], PROMPTS[:1])
    assert network._graphs.captured == 1
    errors, forward = [torch.OutOfMemoryError("CUDA out of memory")], network._model.forward

    def narrow(*arguments: Any) -> Any:
        if errors:
            assert network._graphs.captured == 1
            raise errors.pop()
        assert network._graphs.captured < 2
        return forward(*arguments)

    monkeypatch.setattr(network._model, "forward", narrow)
    _assert_alike(_found(network, [_picture(0)], PROMPTS[:1]), wanted)
    assert not errors
    assert network.batch_limit.rows == 16


def test_another_error_of_the_device_shrinks_nothing(edge: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = _network(edge)
    error = RuntimeError("CUDA error: an illegal memory access was encountered")
    monkeypatch.setattr(network._model, "forward", Narrow(network, 0, error))
    with pytest.raises(RuntimeError, match="illegal memory access"):
        network.launch([Query(_picture(seed), PROMPTS[seed]) for seed in (0, 1)])
    assert network.batch_limit.rows == 16


def test_no_pictures_have_no_answers(edge: Path) -> None:
    assert _network(edge).launch([]).wait() == []
