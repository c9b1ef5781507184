"""Network: a loaded model with its prompts, which turns pictures and prompts into packed results."""

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

_MAX_ROWS = 16  # rows (a picture with one caption) of one pass; limits memory


@dataclass(frozen=True, slots=True)
class _Row:
    """One caption and the index of its picture."""

    picture: int
    caption: EncodedCaption


class Network:
    """The model, its tokenizer and its prompt cache. On a CPU it may be used from several threads.

    Args:
        checkpoint: the model to build.
        device: 'auto', 'cpu', 'cuda', 'cuda:1'.
        short_side: of the network's input, px; None is the size of the training.
        path: the weights' file, for errors.
        precision: the number format to compute in.

    Raises:
        CheckpointError: the weights do not fit the model.
        DeviceError: this machine has no such device.
        PrecisionError: the device cannot use the number format.
    """

    def __init__(
        self, checkpoint: Checkpoint, device: str, short_side: int | None, path: Path, precision: Precision = "float32"
    ) -> None:
        self.config = checkpoint.config
        self.device = named_device(device)
        steady = self.config.body == "full" or self.config.proposals == "peaks"
        self.dtype = number_format(precision, self.device, steady=steady)
        self.batch_limit = BatchLimit(_MAX_ROWS)
        self._rule = InputRule(checkpoint.config, short_side)
        self._model = build(checkpoint, self.device, path, self.dtype)
        self._prompts = PromptCache(checkpoint, self._model, self.dtype, buckets=self.device.type == "cuda")
        self._input = PictureInput(self._rule, self.device, self.dtype)
        self._graphs = self._graph_cache()
        self.tokenizer = self._prompts.tokenizer

    def _graph_cache(self) -> GraphCache:
        """The cache of graphs. On a CPU the full body has none: its ops are few and large."""
        if self.device.type == "cpu" and self.config.body == "edge":
            return GraphCache.tracing(packed_weights(self._model))
        return GraphCache(self.device)

    @property
    def input_rule(self) -> str:
        """The size of pictures in the network's input, in words."""
        return str(self._rule)

    def check(self, prompt: Prompt) -> None:
        """Check that the model can answer the prompt.

        Raises:
            PromptError: words that the model was not taught, or a phrase with more tokens than it reads at once.
        """
        self._prompts.check(prompt)

    @property
    def reads_any_words(self) -> bool:
        """False if the model accepts only the words that it was taught."""
        return self._prompts.reads_any_words

    def captions(self, prompt: Prompt) -> int:
        """The number of the prompt's captions, each of which costs one pass per picture."""
        return len(self.tokenizer.chunks(prompt))

    @torch.inference_mode()
    def launch(self, queries: Sequence[Query], pack: Pack = pack_all) -> Launched:
        """Launch the queries. Pictures of one input size share a pass, so each gets the same result as alone.

        On a GPU this returns before the results arrive, and is for one thread.

        Args:
            queries: one a picture.
            pack: selects what is copied to the host.
        """
        images = [query.image for query in queries]
        sizes = [self._input_size(query) for query in queries]
        captions = [self._prompts.read(query.prompt) for query in queries]
        packed: dict[_Row, Tensor] = {}
        rows = [[_Row(picture, caption) for caption in own] for picture, own in enumerate(captions)]
        for size in dict.fromkeys(sizes):
            same_size_rows = [row for picture, own in enumerate(sizes) if own == size for row in rows[picture]]
            with exact_products(self.device):
                packed |= self._launch_same_size(same_size_rows, images, size, pack)
        encoded = [
            EncodedQuery(query.prompt, tuple(caption.tokens for caption in own), size, query.image_hw)
            for query, own, size in zip(queries, captions, sizes, strict=True)
        ]
        return Launched(encoded, [packed[row] for own in rows for row in own])

    @torch.inference_mode()
    def raw_outputs(self, picture_3HW: Tensor, prompt: Prompt) -> list[RawOutput]:
        """The full output for one prepared picture; boxes are in 0..1 of it."""
        self.check(prompt)
        captions = self._prompts.read(prompt)
        picture_13HW = picture_3HW[None].to(self.device, self.dtype)
        parts: list[Tensor] = []
        with within(self.device), exact_products(self.device):
            for caption in captions:
                output = self._model(picture_13HW, caption.features)
                parts.append(pack_all(CaptionAnswer(output.logits[-1][0], output.boxes[-1][0], caption.wordings)))
        height, width = picture_3HW.shape[1:]
        size = InputSize((height, width), (height, width))
        encoded = EncodedQuery(prompt, tuple(caption.tokens for caption in captions), size, (1, 1))
        (on_host,) = Launched([encoded], parts).wait()
        return unpack_all(on_host, self.tokenizer)

    @torch.inference_mode()
    def answer_caption(self, picture_3HW: Tensor, caption: TokenizedPrompt) -> tuple[Tensor, Tensor]:
        """The network's output for one prepared picture and one caption, without selection or clipping.

        Returns:
            Each query's scores in 0..1 for each token (Q, T), and boxes (Q, 4; cx cy w h in 0..1 of the picture); both
            fp32 on the host, in the order of the queries.
        """
        picture_13HW = picture_3HW[None].to(self.device, self.dtype)
        with within(self.device), exact_products(self.device):
            output = self._model(picture_13HW, self._prompts.features(caption))
        scores_QT = output.logits[-1][0, :, : len(caption.ids_T)].float().sigmoid()
        return scores_QT.cpu(), output.boxes[-1][0].float().cpu()

    def _input_size(self, query: Query) -> InputSize:
        rule = self._rule if query.size_px is None else InputRule(self.config, query.size_px)
        return rule.size(*query.image_hw)

    def _launch_same_size(
        self, rows: Sequence[_Row], images: Sequence[Image], size: InputSize, pack: Pack
    ) -> dict[_Row, Tensor]:
        """Launch the rows in passes of at most `batch_limit` rows."""
        packed: dict[_Row, Tensor] = {}
        while remaining := rows[len(packed) :]:
            chunk, graphs = remaining[: self.batch_limit.rows], self._graphs.captured
            try:
                packed |= zip(chunk, self._launch_pass(chunk, images, size, pack), strict=True)
            except (RuntimeError, MemoryError) as error:
                if not (
                    graphs and len(chunk) == 1 and is_out_of_memory(error)
                ):  # a single row is retried without graphs first
                    self.batch_limit.shrink(error, len(chunk))
            else:
                continue
            self._graphs.clear()  # outside `except`: the error kept alive what did not fit
        return packed

    def _launch_pass(self, rows: Sequence[_Row], images: Sequence[Image], size: InputSize, pack: Pack) -> list[Tensor]:
        picture_indices = list(dict.fromkeys(row.picture for row in rows))
        pictures_B3HW = self._input([images[picture] for picture in picture_indices], size)
        order = tuple(picture_indices.index(row.picture) for row in rows)
        text = self._prompts.stacked([row.caption for row in rows])
        logits_BQT, boxes_BQ4 = self._run_model(pictures_B3HW, text, order, size)
        answers: list[Tensor] = []
        for row, logits_QT, boxes_Q4 in zip(rows, logits_BQT, boxes_BQ4, strict=True):
            wordings = row.caption.wordings
            answers.append(pack(CaptionAnswer(logits_QT[:, : wordings.spans_WT.shape[1]], boxes_Q4, wordings)))
        return answers

    def _run_model(
        self, pictures_B3HW: Tensor, text: TextFeatures, order: tuple[int, ...], size: InputSize
    ) -> tuple[Tensor, Tensor]:
        """Logits (B, Q, T) and boxes (B, Q, 4); on a GPU the next run overwrites them."""

        def answer(pictures_B3HW: Tensor, *text: Tensor) -> tuple[Tensor, Tensor]:
            valid_B2 = _repeated(size.valid_xy, len(order), pictures_B3HW.device) if size.padded else None
            is_one_to_one = order == tuple(range(pictures_B3HW.shape[0]))
            rows_B = None if is_one_to_one else _indices(order, pictures_B3HW.device)
            output = self._model(pictures_B3HW, TextFeatures(*text), valid_B2, rows_B)
            return output.logits[-1], output.boxes[-1]

        inputs = pictures_B3HW, text.features_BTC, text.positions_BT, text.mask_B1TT, text.no_word_BT
        logits_BQT, boxes_BQ4 = self._graphs.run((size, order, text.features_BTC.shape), answer, inputs)
        return logits_BQT, boxes_BQ4


@cached(32)
def _repeated(values: tuple[float, ...], rows: int, device: torch.device) -> Tensor:
    return torch.tensor([values] * rows, device=device)


@cached(32)
def _indices(order: tuple[int, ...], device: torch.device) -> Tensor:
    return torch.tensor(order, device=device)


def build(
    checkpoint: Checkpoint, device: torch.device, path: Path, dtype: torch.dtype = torch.float32
) -> GroundingDino:
    """The model for inference: without gradients, norms folded, layers joined or packed.

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
