# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
"""The detector that everything else calls: pictures and prompts in, detections out.

Each lane is a thread with a picture of its own; all share the weights. Jobs begin first in, first out, and a finished
one never waits for the next.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic

import torch

from .checkpoint import Checkpoint, find_checkpoint, read_checkpoint
from .detections import Detections, DetectorInfo
from .network import DeviceError, Network, RawOutput, Seen
from .postprocess import Rules, postprocess
from .precision import Precision
from .prompt import Phrase, Prompt, least_score
from .ticket import CancelledError, DetectionTicket, Found, Image

__all__ = ["Detector", "DetectorOptions", "DeviceError", "RawOutput"]


@dataclass(frozen=True, slots=True)
class DetectorOptions(Rules):
    """How to detect, and by its `Rules` which boxes are reported.

    Args:
        nms_iou: as in `Rules`, but on unless told otherwise: most want one box a thing.
        device: 'auto' takes the first GPU where there is one; else 'cpu', 'cuda', 'cuda:1'.
        size: the short side of the network's input, px (of a 4:3 picture where the weights were trained at one area);
            None is what the weights were trained at.
        dtype: the number format to compute in: 'float32', 'bfloat16', on a GPU 'float16'; 'auto' takes bfloat16 on a
            device that multiplies in it (on a CPU for the full body alone), else float32. Boxes and scores are read
            from queries in float32 whatever it is.
        lanes: pictures that are computed side by side, each on its share of torch's threads. On a CPU two lanes of
            one thread finish many more pictures than one lane of two, each of them a little later.
        offline: published weights and words come from the hub's local cache alone.
    """

    nms_iou: float | None = 0.7
    device: str = "auto"
    size: int | None = None
    dtype: Precision = "auto"
    lanes: int = 1
    offline: bool = False


@dataclass(frozen=True, slots=True)
class _Job(Generic[Found]):
    """A ticket, and how its pictures' answers are read."""

    ticket: DetectionTicket[Found]
    read: Callable[[Seen], Found]
    sizes_px: Sequence[int | None] | None = None

    def run(self, network: Network) -> None:
        if not self.ticket.begin():
            return
        try:
            result = [self.read(seen) for seen in network.see(self.ticket.images, self.ticket.prompts, self.sizes_px)]
        except Exception as error:  # noqa: BLE001 - the edge of the thread: whoever waits gets the reason
            self.ticket.finish(error=error)
        else:
            self.ticket.finish(result)


class Detector:
    """A loaded model, ready to be asked from any thread.

    `with Detector.load("tabletop") as detector: detector.detect([image], [Prompt.parse("red mug")])`
    """

    def __init__(self, checkpoint: Checkpoint, options: DetectorOptions, path: Path) -> None:
        least_score(options.threshold)
        self.options = options
        self._network = Network(checkpoint, options.device, options.size, path, options.dtype)
        self._jobs: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._threads = max(1, torch.get_num_threads() // options.lanes)
        self._lanes = [threading.Thread(target=self._work, name=f"detector-{n}") for n in range(options.lanes)]
        for lane in self._lanes:
            lane.daemon = True
            lane.start()

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
        """As many as there are lanes: one more in flight would only grow old in the queue."""
        return len(self._lanes)

    @property
    def batch(self) -> int:
        """One: pictures gain nothing from company on a CPU."""
        return 1

    def check(self, prompt: Prompt) -> None:
        """Nothing, if the model can answer the prompt.

        Raises:
            PromptError: words the model was not taught, or more of them in one phrase than it reads at once.
        """
        self._network.check(prompt)

    def detect(self, images: Sequence[Image], prompts: Sequence[Prompt]) -> list[Detections]:
        """`submit` and `wait` in one."""
        return self.submit(images, prompts).wait()

    def refer(self, image: Image, sentence: str) -> Detections:
        """The one box that the whole sentence fits best, such as 'the left red mug'; none where it has no area.

        Raises:
            PromptError: see `check`.
        """
        prompt = Prompt((Phrase(" ".join(sentence.split())),))
        best = replace(self.options, threshold=0.0, nms_iou=None)
        (found,) = self._ask([image], [prompt], lambda seen: _detections(seen, best)).wait()
        return found.best(1)

    def raw(self, image: Image, prompt: Prompt) -> list[RawOutput]:
        """Every query with its score for every word: one output for each caption that the prompt needs."""
        (outputs,) = self._ask([image], [prompt], lambda seen: seen.raw(self._network.tokenizer)).wait()
        return outputs

    def submit(
        self,
        images: Sequence[Image],
        prompts: Sequence[Prompt],
        on_done: Callable[[], None] | None = None,
        sizes_px: Sequence[int | None] | None = None,
    ) -> DetectionTicket[Detections]:
        """Ask for the detections of some pictures.

        Args:
            images: (h, w, 3) uint8 RGB each, of any sizes.
            prompts: one a picture.
            on_done: called from the lane's thread as soon as the ticket is done.
            sizes_px: the short sides of the network's input, one a picture; None is what the options say.

        Raises:
            ValueError: an image of another form, or not as many prompts as images.
            PromptError: see `check`.
        """
        return self._ask(images, prompts, lambda seen: _detections(seen, self.options), on_done, sizes_px)

    def _ask(
        self,
        images: Sequence[Image],
        prompts: Sequence[Prompt],
        read: Callable[[Seen], Found],
        on_done: Callable[[], None] | None = None,
        sizes_px: Sequence[int | None] | None = None,
    ) -> DetectionTicket[Found]:
        if len(images) != len(prompts):
            raise ValueError(f"{len(images)} images need as many prompts, not {len(prompts)}")
        if sizes_px is not None and len(sizes_px) != len(images):
            raise ValueError(f"{len(images)} images need as many sizes, not {len(sizes_px)}")
        for image in images:
            if image.ndim != 3 or image.shape[2] != 3 or str(image.dtype) != "uint8" or 0 in image.shape:
                raise ValueError(f"an image must be (h, w, 3) uint8 RGB, not {image.shape} {image.dtype}")
        for prompt in {prompt.hash: prompt for prompt in prompts}.values():
            self.check(prompt)
        ticket = DetectionTicket[Found](images, prompts, on_done)
        if self._closing.is_set():
            raise CancelledError("the detector is closed")
        self._jobs.put(_Job(ticket, read, sizes_px))
        return ticket

    def close(self, wait_s: float | None = None) -> None:
        """End the lanes; what has not begun is cancelled. May be called twice.

        A picture in the network cannot be interrupted. A lane that is not done with it after `wait_s` in all is left
        behind, and does not keep the process alive; None waits for all.
        """
        if not self._closing.is_set():
            self._closing.set()
            for _ in self._lanes:
                self._jobs.put(None)
        until_s = None if wait_s is None else time.monotonic() + wait_s
        for lane in self._lanes:
            lane.join(None if until_s is None else max(0.0, until_s - time.monotonic()))

    def __enter__(self) -> Detector:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _work(self) -> None:
        if len(self._lanes) > 1:
            torch.set_num_threads(self._threads)  # of this thread and those begun later; the caller's stays
        while (job := self._jobs.get()) is not None:
            if self._closing.is_set():
                job.ticket.cancel()
            else:
                job.run(self._network)


def _detections(seen: Seen, rules: Rules) -> Detections:
    return postprocess(seen.answers, seen.prompt, seen.size, seen.image_hw, rules)
