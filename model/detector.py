"""The detector that everything else calls: pictures and prompts in, detections out."""

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
    """How to detect, and by its `ReportRules` which boxes are reported.

    Args:
        nms_iou: as in `ReportRules`, but on unless told otherwise: most want one box a thing.
        device: 'auto' takes the first GPU where there is one; else 'cpu', 'cuda', 'cuda:1'.
        size: the short side of the network's input, px (of a 4:3 picture where the weights were trained at one area);
            None is what the weights were trained at.
        dtype: the number format to compute in: 'float32' (on a GPU, too, without TF32), 'bfloat16', on a GPU 'float16';
            'auto' takes bfloat16 on a device that is faster in it, but not for an Edge body with ranked proposals, else
            float32. Boxes and scores are read from queries in float32 whatever it is.
        cpu_workers: on a CPU, pictures that are computed side by side, each on its share of torch's threads: two
            workers of one thread finish many more pictures than one of two, each of them a little later. On a GPU,
            pictures that wait behind the one that is computed, so that it never idles.
        batch: pictures that are of use in one ticket; None is 8 on a GPU and 1 on a CPU.
        offline: published weights and words come from the hub's local cache alone.
    """

    nms_iou: float | None = 0.7
    device: str = "auto"
    size: int | None = None
    dtype: Precision = "auto"
    cpu_workers: int = 1
    batch: int | None = None
    offline: bool = False


class Detector:
    """A loaded model, ready to be asked from any thread.

    `with Detector.load("tabletop") as detector: detector.detect([image], [Prompt.parse("red mug")])`
    """

    def __init__(self, checkpoint: Checkpoint, options: DetectorOptions, path: Path) -> None:
        checked_threshold(options.threshold)
        self.options = options
        self._network = Network(checkpoint, options.device, options.size, path, options.dtype)
        on_gpu = self._network.device.type == "cuda"
        self._batch = options.batch or (_GPU_BATCH if on_gpu else 1)
        self._loop = (GpuWorkers if on_gpu else CpuWorkers)(self._network, options.cpu_workers + on_gpu)
        self._closed = False

    @classmethod
    def load(cls, name_or_path: str = "tabletop", options: DetectorOptions | None = None) -> Detector:
        """Load weights by name ('tabletop', or 'owner/model' of the hub) or path.

        Raises:
            CheckpointError: the weights are missing, unreadable or of another shape.
            DeviceError: the device is not here.
        """
        options = options or DetectorOptions()
        path = find_checkpoint(name_or_path, offline=options.offline)
        return cls(read_checkpoint(path, offline=options.offline), options, path)

    @property
    def info(self) -> DetectorInfo:
        """What messages say about the model."""
        return DetectorInfo(
            self._network.config.name, str(self._network.dtype).removeprefix("torch."), self.options.score_rule
        )

    @property
    def input_rule(self) -> str:
        """How large pictures are in the network's input, in words."""
        return self._network.input_rule

    @property
    def depth(self) -> int:
        """How many tickets are of use in flight."""
        return self._loop.depth

    @property
    def batch(self) -> int:
        """How many pictures are of use in one ticket: fewer than the options say once memory has run out."""
        return min(self._batch, self._network.room.rows)

    @property
    def gpu(self) -> int | None:
        """The CUDA device that takes pictures as a decoder gives them; None where they are to come as RGB."""
        return self._network.device.index if self._network.device.type == "cuda" else None

    def check(self, prompt: Prompt) -> None:
        """Nothing, if the model can answer the prompt.

        Raises:
            PromptError: words the model was not taught, or more of them in one phrase than it reads at once.
        """
        self._network.check(prompt)

    def captions(self, prompt: Prompt) -> int:
        """How many captions the prompt is parted into, each of which costs a pass for every picture."""
        return self._network.captions(prompt)

    def detect(self, images: Sequence[Image], prompts: Sequence[Prompt]) -> list[Detections]:
        """`submit` and `wait` in one; raises ValueError unless there are as many prompts as images."""
        return self.submit(_queries(images, prompts)).wait()

    def refer(self, image: Image, sentence: str) -> Detections:
        """The one box that the whole sentence fits best, such as 'the left red mug'; none where it has no area.

        Raises:
            PromptError: see `check`.
        """
        prompt = Prompt.whole(sentence)
        best = replace(self.options, threshold=0.0, nms_iou=None)
        (found,) = self._find([Query(image, prompt)], best).wait()
        return found.best(1)

    def raw(self, image: Image, prompt: Prompt) -> list[RawOutput]:
        """Every query with its score for every word: one output for each caption that the prompt needs."""
        tokenizer = self._network.tokenizer
        (outputs,) = self._ask([Query(image, prompt)], pack_all, lambda seen: unpack_all(seen, tokenizer)).wait()
        return outputs

    def submit(
        self,
        queries: Sequence[Query],
        on_done: Callable[[], None] | None = None,
    ) -> DetectionTicket[Detections]:
        """Ask for the detections of some pictures.

        Args:
            queries: one a picture, of any sizes.
            on_done: called from the worker's thread as soon as the ticket is done.

        Raises:
            ValueError: an image of another form.
            PromptError: see `check`.
        """
        return self._find(queries, self.options, on_done)

    def _find(
        self,
        queries: Sequence[Query],
        rules: ReportRules,
        on_done: Callable[[], None] | None = None,
    ) -> DetectionTicket[Detections]:
        def read(seen: NetworkOutput) -> Detections:
            return choose(seen.parts, seen.asked.prompt, seen.asked.size, seen.asked.image_hw, rules)

        return self._ask(queries, lambda answer: candidates(answer, rules), read, on_done)

    def _ask(
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
        self._loop.submit(Job(ticket, pack, read))
        return ticket

    def close(self, wait_s: float | None = None) -> None:
        """End the threads; what has not begun is cancelled. May be called twice.

        A picture in the network cannot be interrupted. A thread that is not done with it after `wait_s` in all is left
        behind, and does not keep the process alive; None waits for all.
        """
        self._closed = True
        self._loop.close(wait_s)

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
    if not isinstance(image, np.ndarray):  # `cv2.imread` gives None where there is no picture
        raise ValueError(f"an image must be a numpy array of (h, w, 3) uint8 RGB, not {type(image).__name__}")
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
        raise ValueError(f"an image must be (h, w, 3) uint8 RGB, not {image.shape} {image.dtype}")
