"""Detector: a loaded model that finds a prompt's phrases in pictures, from any thread."""

# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from .config import Precision
from .detections import Detections, DetectorInfo
from .image import DecodedImage, Image
from .prompt import Prompt, checked_threshold
from .query import Query
from .runtime.cpu_workers import CpuWorkers
from .runtime.device import DeviceError
from .runtime.gpu_workers import GpuWorkers
from .runtime.job import Job
from .runtime.network import Network
from .runtime.network_output import NetworkOutput, Pack, RawOutput, pack_all, unpack_all
from .runtime.postprocess import ReportRules, candidates, choose
from .runtime.ticket import CancelledError, DetectionTicket, Found
from .weights.checkpoint import Checkpoint, find_checkpoint, read_checkpoint

__all__ = ["Detector", "DetectorOptions", "DeviceError", "RawOutput"]

_GPU_BATCH = 8


@dataclass(frozen=True, slots=True)
class DetectorOptions(ReportRules):
    """How to detect, and as `ReportRules` which boxes are reported.

    Args:
        nms_iou: as in `ReportRules`, but on by default: most users want one box per object.
        device: 'auto' is the first GPU if there is one; else 'cpu', 'cuda', 'cuda:1'.
        size: the short side of the network's input, px (of a 4:3 picture if the weights were trained at a fixed area);
            None is the size of the training.
        dtype: the number format to compute in: 'float32' (on a GPU, too, without TF32), 'bfloat16', on a GPU 'float16';
            'auto' is bfloat16 on a device that is faster in it, but not for an Edge body with ranked proposals, else
            float32. Boxes and scores are always computed from queries in float32.
        cpu_workers: on a CPU, pictures computed in parallel, each on an equal share of torch's threads: two workers
            of one thread have a much higher throughput than one of two, at a slightly higher latency. On a
            GPU, the number of tickets that wait behind the running one, so that it never idles.
        batch: useful number of pictures per ticket; None is 8 on a GPU and 1 on a CPU.
        offline: read published weights and vocabularies from the hub's local cache alone.
    """

    nms_iou: float | None = 0.7
    device: str = "auto"
    size: int | None = None
    dtype: Precision = "auto"
    cpu_workers: int = 1
    batch: int | None = None
    offline: bool = False


class Detector:
    """A loaded model, which any thread may use.

    `with Detector.load("tabletop") as detector: detector.detect([image], [Prompt.parse("red mug")])`
    """

    def __init__(self, checkpoint: Checkpoint, options: DetectorOptions, path: Path) -> None:
        checked_threshold(options.threshold)
        self.options = options
        self._network = Network(checkpoint, options.device, options.size, path, options.dtype)
        is_gpu = self._network.device.type == "cuda"
        self._batch = options.batch or (_GPU_BATCH if is_gpu else 1)
        self._workers = (GpuWorkers if is_gpu else CpuWorkers)(self._network, options.cpu_workers + is_gpu)
        self._closed = False

    @classmethod
    def load(cls, name_or_path: str = "tabletop", options: DetectorOptions | None = None) -> Detector:
        """Load weights by name ('tabletop', or 'owner/model' of the hub) or path.

        Raises:
            CheckpointError: the weights are missing, unreadable or of another shape.
            DeviceError: this machine has no such device.
        """
        options = options or DetectorOptions()
        path = find_checkpoint(name_or_path, offline=options.offline)
        return cls(read_checkpoint(path, offline=options.offline), options, path)

    @property
    def info(self) -> DetectorInfo:
        """The model's description in messages."""
        return DetectorInfo(
            self._network.config.name, str(self._network.dtype).removeprefix("torch."), self.options.score_rule
        )

    @property
    def input_rule(self) -> str:
        """The size of pictures in the network's input, in words."""
        return self._network.input_rule

    @property
    def depth(self) -> int:
        """The useful number of tickets in flight."""
        return self._workers.depth

    @property
    def batch(self) -> int:
        """The useful number of pictures per ticket: less than in the options after memory ran out."""
        return min(self._batch, self._network.batch_limit.rows)

    @property
    def gpu(self) -> int | None:
        """The CUDA device that takes a decoder's planes; None if pictures must be RGB."""
        return self._network.device.index if self._network.device.type == "cuda" else None

    def check(self, prompt: Prompt) -> None:
        """Check that the model can answer the prompt.

        Raises:
            PromptError: words that the model was not taught, or a phrase with more tokens than it reads at once.
        """
        self._network.check(prompt)

    def captions(self, prompt: Prompt) -> int:
        """The number of the prompt's captions, each of which costs one pass per picture."""
        return self._network.captions(prompt)

    def detect(self, images: Sequence[Image], prompts: Sequence[Prompt]) -> list[Detections]:
        """`submit` and `wait` in one call; raises ValueError unless there are as many prompts as images."""
        return self.submit(_queries(images, prompts)).wait()

    def refer(self, image: Image, sentence: str) -> Detections:
        """The best box for a whole sentence such as 'the left red mug'; none if it has no area.

        Raises:
            PromptError: see `check`.
        """
        prompt = Prompt.whole(sentence)
        best = replace(self.options, threshold=0.0, nms_iou=None)
        (found,) = self._find([Query(image, prompt)], best).wait()
        return found.best(1)

    def raw(self, image: Image, prompt: Prompt) -> list[RawOutput]:
        """Every query with its score for every token: one output per caption of the prompt."""
        tokenizer = self._network.tokenizer
        (outputs,) = self._submit([Query(image, prompt)], pack_all, lambda output: unpack_all(output, tokenizer)).wait()
        return outputs

    def submit(
        self,
        queries: Sequence[Query],
        on_done: Callable[[], None] | None = None,
        rules: ReportRules | None = None,
    ) -> DetectionTicket[Detections]:
        """Queue the detection of some pictures.

        Args:
            queries: one per picture, of any size.
            on_done: called in the worker's thread once the ticket is done.
            rules: which boxes are reported; None is as the options say.

        Raises:
            ValueError: an image of another shape or type.
            PromptError: see `check`.
        """
        return self._find(queries, rules or self.options, on_done)

    def _find(
        self,
        queries: Sequence[Query],
        rules: ReportRules,
        on_done: Callable[[], None] | None = None,
    ) -> DetectionTicket[Detections]:
        def read(output: NetworkOutput) -> Detections:
            return choose(output.parts, output.query.prompt, output.query.size, output.query.image_hw, rules)

        return self._submit(queries, lambda answer: candidates(answer, rules), read, on_done)

    def _submit(
        self,
        queries: Sequence[Query],
        pack: Pack,
        read: Callable[[NetworkOutput], Found],
        on_done: Callable[[], None] | None = None,
    ) -> DetectionTicket[Found]:
        for query in queries:
            _check_image(query.image)
        for prompt in {query.prompt.hash: query.prompt for query in queries}.values():
            self.check(prompt)
        ticket = DetectionTicket[Found](queries, on_done)
        if self._closed:
            raise CancelledError("the detector is closed")
        self._workers.submit(Job(ticket, pack, read))
        return ticket

    def close(self, wait_s: float | None = None) -> None:
        """End the threads and cancel what has not started. May be called twice.

        A picture in the network cannot be interrupted. A thread that needs longer than `wait_s` in all is abandoned
        and does not keep the process alive; None waits without a limit.
        """
        self._closed = True
        self._workers.close(wait_s)

    def __enter__(self) -> Detector:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _queries(images: Sequence[Image], prompts: Sequence[Prompt]) -> list[Query]:
    if len(images) != len(prompts):
        raise ValueError(f"{len(images)} images need as many prompts, not {len(prompts)}")
    return [Query(image, prompt) for image, prompt in zip(images, prompts, strict=True)]


def _check_image(image: object) -> None:
    if isinstance(image, DecodedImage):
        return
    if not isinstance(image, np.ndarray):  # `cv2.imread` returns None for a missing picture
        raise ValueError(f"an image must be a numpy array of (h, w, 3) uint8 RGB, not {type(image).__name__}")
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
        raise ValueError(f"an image must be (h, w, 3) uint8 RGB, not {image.shape} {image.dtype}")
