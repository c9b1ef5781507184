"""A loaded model and its words: pictures and prompts in, what the network says of them out."""

# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ...cuda.graph import GraphCache
from ...cuda.size_cache import cached
from ..config import Precision
from ..dino.grounding_dino import GroundingDino
from ..dino.text_encoder import TextFeatures
from ..dino.tokenizer import TokenizedPrompt
from ..image import Image
from ..prompt import Prompt
from ..query import Query
from ..weights.checkpoint import Checkpoint, set_weights
from .batch_limit import BatchLimit, is_out_of_memory
from .device import named_device, within
from .fold import fold_norms, join_groups, join_projections, join_values
from .input_rule import InputRule
from .network_output import EncodedQuery, Launched, Pack, RawOutput, pack_all, unpack_all
from .picture_input import PictureInput
from .postprocess import CaptionAnswer
from .precision import convert, exact_products, number_format
from .prepacked import pack, packed_weights
from .preprocess import InputSize
from .prompt_cache import EncodedCaption, PromptCache

_MAX_TOGETHER = 16  # pictures, or captions about them, in one pass: what bounds memory


@dataclass(frozen=True, slots=True)
class _Row:
    """A caption and the picture that it asks about, by its index."""

    picture: int
    caption: EncodedCaption


class Network:
    """The model, its tokenizer and the prompts it has read. On a CPU it may be used from several threads.

    Args:
        checkpoint: what to build.
        device: 'auto', 'cpu', 'cuda', 'cuda:1'.
        short_side: of the network's input, px; None is what the weights were trained at.
        path: where the weights come from, for errors.
        precision: the number format to compute in.

    Raises:
        CheckpointError: the weights do not fit the model.
        DeviceError: the device is not here.
        PrecisionError: the device cannot use the number format.
    """

    def __init__(
        self, checkpoint: Checkpoint, device: str, short_side: int | None, path: Path, precision: Precision = "float32"
    ) -> None:
        self.config = checkpoint.config
        self.device = named_device(device)
        steady = self.config.body == "full" or self.config.proposals == "peaks"
        self.dtype = number_format(precision, self.device, steady=steady)
        self.room = BatchLimit(_MAX_TOGETHER)
        self._rule = InputRule(checkpoint.config, short_side)
        self._model = build(checkpoint, self.device, path, self.dtype)
        self._prompts = PromptCache(checkpoint, self._model, self.dtype, buckets=self.device.type == "cuda")
        self._input = PictureInput(self._rule, self.device, self.dtype)
        self._graphs = self._graph_cache()
        self.tokenizer = self._prompts.tokenizer

    def _graph_cache(self) -> GraphCache:
        """The full body's ops are few and large: on a CPU there is nothing to gain."""
        if self.device.type == "cpu" and self.config.body == "edge":
            return GraphCache.tracing(packed_weights(self._model))
        return GraphCache(self.device)

    @property
    def input_rule(self) -> str:
        """How large pictures are in the network's input, in words."""
        return str(self._rule)

    def check(self, prompt: Prompt) -> None:
        """Nothing, if the model can answer the prompt.

        Raises:
            PromptError: words the model was not taught, or more of them in one phrase than it reads at once.
        """
        self._prompts.check(prompt)

    @property
    def reads_any_words(self) -> bool:
        """False where the model knows those words alone that it was taught."""
        return self._prompts.reads_any_words

    def captions(self, prompt: Prompt) -> int:
        """How many captions the prompt is parted into, each of which costs a pass for every picture."""
        return len(self.tokenizer.chunks(prompt))

    @torch.inference_mode()
    def launch(self, queries: Sequence[Query], pack: Pack = pack_all) -> Launched:
        """Pictures of one input size go through the network together, so that each is answered as alone.

        On a GPU this returns before the answers are there, and is for one thread.

        Args:
            queries: one a picture.
            pack: what of each answer is brought to the host.
        """
        images = [query.image for query in queries]
        sizes = [self._input_size(query) for query in queries]
        captions = [self._prompts.read(query.prompt) for query in queries]
        packed: dict[_Row, Tensor] = {}
        rows = [[_Row(picture, caption) for caption in own] for picture, own in enumerate(captions)]
        for size in dict.fromkeys(sizes):
            alike = [row for picture, own in enumerate(sizes) if own == size for row in rows[picture]]
            with exact_products(self.device):
                packed |= self._launch_alike(alike, images, size, pack)
        asked = [
            EncodedQuery(query.prompt, tuple(caption.tokens for caption in own), size, query.image_hw)
            for query, own, size in zip(queries, captions, sizes, strict=True)
        ]
        return Launched(asked, [packed[row] for own in rows for row in own])

    @torch.inference_mode()
    def look(self, picture_3HW: Tensor, prompt: Prompt) -> list[RawOutput]:
        """All that is said of one picture that was prepared already; boxes are in 0..1 of it."""
        self.check(prompt)
        captions = self._prompts.read(prompt)
        shown_13HW = picture_3HW[None].to(self.device, self.dtype)
        parts: list[Tensor] = []
        with within(self.device), exact_products(self.device):
            for caption in captions:
                output = self._model(shown_13HW, caption.features)
                parts.append(pack_all(CaptionAnswer(output.logits[-1][0], output.boxes[-1][0], caption.wordings)))
        height, width = picture_3HW.shape[1:]
        size = InputSize((height, width), (height, width))
        asked = EncodedQuery(prompt, tuple(caption.tokens for caption in captions), size, (1, 1))
        (seen,) = Launched([asked], parts).wait()
        return unpack_all(seen, self.tokenizer)

    @torch.inference_mode()
    def answer_caption(self, picture_3HW: Tensor, caption: TokenizedPrompt) -> tuple[Tensor, Tensor]:
        """What the network says of one picture that was prepared already, nothing left out or cut.

        Returns:
            Scores in 0..1 of each query for each token (Q, T), and boxes (Q, 4; cx cy w h in 0..1 of the picture); both
            fp32 on the host, in the order of the queries.
        """
        shown_13HW = picture_3HW[None].to(self.device, self.dtype)
        with within(self.device), exact_products(self.device):
            output = self._model(shown_13HW, self._prompts.features(caption))
        scores_QT = output.logits[-1][0, :, : len(caption.ids_T)].float().sigmoid()
        return scores_QT.cpu(), output.boxes[-1][0].float().cpu()

    def _input_size(self, query: Query) -> InputSize:
        rule = self._rule if query.size_px is None else InputRule(self.config, query.size_px)
        return rule.size(*query.image_hw)

    def _launch_alike(
        self, rows: Sequence[_Row], images: Sequence[Image], size: InputSize, pack: Pack
    ) -> dict[_Row, Tensor]:
        """As many rows at a time as there is room for."""
        packed: dict[_Row, Tensor] = {}
        while waiting := rows[len(packed) :]:
            some, graphs = waiting[: self.room.rows], self._graphs.captured
            try:
                packed |= zip(some, self._launch_pass(some, images, size, pack), strict=True)
            except (RuntimeError, MemoryError) as error:
                if not (graphs and len(some) == 1 and is_out_of_memory(error)):  # one alone tries without graphs first
                    self.room.shrink(error, len(some))
            else:
                continue
            self._graphs.clear()  # now that the error, which holds what did not fit, is gone
        return packed

    def _launch_pass(self, rows: Sequence[_Row], images: Sequence[Image], size: InputSize, pack: Pack) -> list[Tensor]:
        shown = list(dict.fromkeys(row.picture for row in rows))
        pictures_B3HW = self._input([images[picture] for picture in shown], size)
        order = tuple(shown.index(row.picture) for row in rows)
        text = self._prompts.together([row.caption for row in rows])
        logits_BQT, boxes_BQ4 = self._answers(pictures_B3HW, text, order, size)
        answers: list[Tensor] = []
        for row, logits_QT, boxes_Q4 in zip(rows, logits_BQT, boxes_BQ4, strict=True):
            wordings = row.caption.wordings
            answers.append(pack(CaptionAnswer(logits_QT[:, : wordings.spans_WT.shape[1]], boxes_Q4, wordings)))
        return answers

    def _answers(
        self, pictures_B3HW: Tensor, text: TextFeatures, order: tuple[int, ...], size: InputSize
    ) -> tuple[Tensor, Tensor]:
        """Logits (B, Q, T) and boxes (B, Q, 4); on a GPU until the next are computed."""

        def answer(pictures_B3HW: Tensor, *text: Tensor) -> tuple[Tensor, Tensor]:
            valid_B2 = _repeated(size.valid_xy, len(order), pictures_B3HW.device) if size.padded else None
            each_once = order == tuple(range(pictures_B3HW.shape[0]))
            rows_B = None if each_once else _places(order, pictures_B3HW.device)
            output = self._model(pictures_B3HW, TextFeatures(*text), valid_B2, rows_B)
            return output.logits[-1], output.boxes[-1]

        inputs = pictures_B3HW, text.features_BTC, text.positions_BT, text.mask_B1TT, text.no_word_BT
        logits_BQT, boxes_BQ4 = self._graphs.run((size, order, text.features_BTC.shape), answer, inputs)
        return logits_BQT, boxes_BQ4


@cached(32)
def _repeated(values: tuple[float, ...], rows: int, device: torch.device) -> Tensor:
    return torch.tensor([values] * rows, device=device)


@cached(32)
def _places(order: tuple[int, ...], device: torch.device) -> Tensor:
    return torch.tensor(order, device=device)


def build(
    checkpoint: Checkpoint, device: torch.device, path: Path, dtype: torch.dtype = torch.float32
) -> GroundingDino:
    """The model as it runs: without gradients, norms folded.

    Raises:
        CheckpointError: the weights do not fit the model.
    """
    model = GroundingDino(checkpoint.config)
    set_weights(model, checkpoint.weights, path)
    model.eval()
    fold_norms(model)
    join_groups(model)
    join_projections(model)
    if device.type == "cuda":
        join_values(model)
    model.requires_grad_(False)
    convert(model, dtype)
    if device.type == "cpu":
        pack(model)
    return model.to(device).to(memory_format=torch.channels_last)
