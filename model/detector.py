# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
"""The detector that everything else calls: pictures and prompts in, detections out.

Each lane is a thread with a picture of its own; all share the weights. Jobs begin first in, first out, and a finished
one never waits for the next.
"""

from __future__ import annotations

import queue
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from .checkpoint import Checkpoint, find_checkpoint, read_checkpoint, set_weights
from .detections import Detections, DetectorInfo
from .fold import fold_norms, join_groups
from .grounding_dino import GroundingDino
from .postprocess import ScoreRule, postprocess
from .preprocess import InputSize, input_size, normalise, preprocess
from .prompt import Prompt, PromptError, least_score
from .text_encoder import TextFeatures, pad_words, stack_features
from .ticket import CancelledError, DetectionTicket, Image
from .tokenizer import TokenizedPrompt, Tokenizer

_PROMPTS_KEPT = 32


class DeviceError(ValueError):
    """The device that was named is not here."""


@dataclass(frozen=True, slots=True)
class DetectorOptions:
    """How to detect.

    Args:
        device: 'auto' takes the first GPU where there is one; else 'cpu', 'cuda', 'cuda:1'.
        size: the short side of the network's input for a 4:3 picture, px; None is what the weights were trained at.
        threshold: the least score (0..1), where a phrase does not state its own.
        score_rule: a phrase's score is the mean or the best of its tokens'.
        nms_iou: of two boxes of one phrase that overlap more than this, the better stays; None keeps both.
        one_phrase: a box answers its best phrase alone; else a box may answer several, as in the evaluation.
        lanes: pictures that are computed side by side, each on its share of torch's threads. On a CPU two lanes of
            one thread finish many more pictures than one lane of two, each of them a little later.
    """

    device: str = "auto"
    size: int | None = None
    threshold: float = 0.3
    score_rule: ScoreRule = "mean"
    nms_iou: float | None = 0.7
    one_phrase: bool = True
    lanes: int = 1


@dataclass(frozen=True, slots=True)
class _Asked:
    """A prompt as the network knows it."""

    tokens: TokenizedPrompt
    features: TextFeatures


class Detector:
    """A loaded model, ready to be asked from any thread.

    `with Detector.load("tabletop") as detector: detector.detect([image], [Prompt.parse("red mug")])`
    """

    def __init__(self, checkpoint: Checkpoint, options: DetectorOptions, path: Path) -> None:
        self.options = options
        self._device = _device(options.device)
        self._config = checkpoint.config
        self._known = None if checkpoint.known_wordings is None else frozenset(checkpoint.known_wordings)
        self._tokenizer = Tokenizer(checkpoint.vocabulary)
        least_score(options.threshold)
        self._model = _build(checkpoint, self._device, path)
        self._pixels = self._config.input_pixels if options.size is None else round(options.size**2 * 4 / 3)
        self._asked: OrderedDict[str, _Asked] = OrderedDict()
        self._asking = threading.Lock()
        self._jobs: queue.SimpleQueue[DetectionTicket | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._threads = max(1, torch.get_num_threads() // options.lanes)
        self._lanes = [threading.Thread(target=self._work, name=f"detector-{n}") for n in range(options.lanes)]
        for lane in self._lanes:
            lane.daemon = True
            lane.start()

    @classmethod
    def load(cls, name_or_path: str = "tabletop", options: DetectorOptions | None = None) -> Detector:
        """Load weights by name ('tabletop') or path.

        Raises:
            CheckpointError: the weights are missing, unreadable or of another shape.
            DeviceError: the device is not here.
        """
        path = find_checkpoint(name_or_path)
        return cls(read_checkpoint(path), options or DetectorOptions(), path)

    @property
    def info(self) -> DetectorInfo:
        """What messages say about the model."""
        return DetectorInfo(self._config.name, "float32", self.options.score_rule)

    @property
    def input_pixels(self) -> int:
        """The area that a picture has in the network's input, px."""
        return self._pixels

    @property
    def depth(self) -> int:
        """As many as there are lanes: one more in flight would only grow old in the queue."""
        return len(self._lanes)

    def check(self, prompt: Prompt) -> None:
        """Nothing, if the model can answer the prompt.

        Raises:
            PromptError: words the model was not taught, or more of them than it reads at once.
        """
        if self._known is not None:
            for phrase in prompt.phrases:
                for wording in phrase.wordings:
                    if wording not in self._known:
                        raise PromptError(self._unknown(wording))
        self._tokenizer.encode(prompt)

    def detect(self, images: Sequence[Image], prompts: Sequence[Prompt]) -> list[Detections]:
        """`submit` and `wait` in one."""
        return self.submit(images, prompts).wait()

    def submit(
        self, images: Sequence[Image], prompts: Sequence[Prompt], on_done: Callable[[], None] | None = None
    ) -> DetectionTicket:
        """Ask for the detections of some pictures.

        Args:
            images: (h, w, 3) uint8 RGB each, of any sizes.
            prompts: one a picture.
            on_done: called from the detector's thread as soon as the ticket is done.

        Raises:
            ValueError: an image of another form, or not as many prompts as images.
            PromptError: see `check`.
        """
        if len(images) != len(prompts):
            raise ValueError(f"{len(images)} images need as many prompts, not {len(prompts)}")
        for image in images:
            if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
                raise ValueError(f"an image must be (h, w, 3) uint8 RGB, not {image.shape} {image.dtype}")
        for prompt in {prompt.hash: prompt for prompt in prompts}.values():
            if prompt.hash not in self._asked:  # what was answered before was checked before
                self.check(prompt)
        ticket = DetectionTicket(images, prompts, on_done)
        if self._closing.is_set():
            raise CancelledError("the detector is closed")
        self._jobs.put(ticket)
        return ticket

    def close(self) -> None:
        """End the lanes; what has not begun is cancelled. May be called twice."""
        if not self._closing.is_set():
            self._closing.set()
            for _ in self._lanes:
                self._jobs.put(None)
        for lane in self._lanes:
            lane.join()

    def __enter__(self) -> Detector:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _work(self) -> None:
        if len(self._lanes) > 1:
            torch.set_num_threads(self._threads)  # of this thread and those begun later; the caller's stays
        while (ticket := self._jobs.get()) is not None:
            if self._closing.is_set():
                ticket.cancel()
            elif ticket.begin():
                try:
                    result = self._answer(ticket.images, ticket.prompts)
                except Exception as error:  # noqa: BLE001 - the edge of the thread: whoever waits gets the reason
                    ticket.finish(error=error)
                else:
                    ticket.finish(result)

    @torch.inference_mode()
    def _answer(self, images: Sequence[Image], prompts: Sequence[Prompt]) -> list[Detections]:
        """Pictures of one input size go through the network together."""
        sizes = [input_size(image.shape[0], image.shape[1], self._pixels) for image in images]
        answers: dict[int, Detections] = {}
        for size in dict.fromkeys(sizes):
            rows = [row for row, own in enumerate(sizes) if own == size]
            together = self._answer_alike([images[row] for row in rows], [prompts[row] for row in rows], size)
            answers |= zip(rows, together, strict=True)
        return [answers[row] for row in range(len(images))]

    def _answer_alike(self, images: Sequence[Image], prompts: Sequence[Prompt], size: InputSize) -> list[Detections]:
        asked = [self._read(prompt) for prompt in prompts]
        valid = [size.valid_xy] * len(images)
        canvases = np.stack([preprocess(image, size) for image in images])
        pictures_B3HW = normalise(canvases, valid).to(self._device)
        valid_B2 = torch.tensor(valid, device=self._device)
        output = self._model(pictures_B3HW, stack_features([one.features for one in asked]), valid_B2)
        return [
            postprocess(
                output.logits[-1][row, :, : len(one.tokens.ids_T)],
                output.boxes[-1][row],
                prompts[row],
                one.tokens,
                size,
                (images[row].shape[0], images[row].shape[1]),
                self.options.threshold,
                self.options.score_rule,
                self.options.nms_iou,
                self.options.one_phrase,
            )
            for row, one in enumerate(asked)
        ]

    def _read(self, prompt: Prompt) -> _Asked:
        """The prompt's tokens and text features, computed once."""
        with self._asking:
            if prompt.hash not in self._asked:
                tokens = self._tokenizer.encode(prompt)
                self._asked[prompt.hash] = _Asked(tokens, self._model.read(pad_words([tokens]).to(self._device)))
                if len(self._asked) > _PROMPTS_KEPT:
                    self._asked.popitem(last=False)
            self._asked.move_to_end(prompt.hash)
            return self._asked[prompt.hash]

    def _unknown(self, wording: str) -> str:
        words = [token for token in self._tokenizer.vocabulary if token.isalpha()]
        return (
            f"{self._config.name} was not taught {wording!r}: it knows {', '.join(words)}, as in 'red mug', 'mug' or "
            "'red object'; for other words load a model that reads any, with --model"
        )


def _build(checkpoint: Checkpoint, device: torch.device, path: Path) -> GroundingDino:
    model = GroundingDino(checkpoint.config)
    set_weights(model, checkpoint.weights, path)
    model.eval()
    fold_norms(model)
    join_groups(model)
    model.requires_grad_(False)
    return model.to(device).to(memory_format=torch.channels_last)


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise DeviceError(f"{name!r} is no device: write 'auto', 'cpu' or 'cuda'") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise DeviceError(f"device {name!r} was asked for, but this machine shows no CUDA GPU: use --device cpu")
    return device
