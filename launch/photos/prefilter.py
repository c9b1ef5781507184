"""Prefilter of a search: CLIP or SigLIP chooses the files that are worth the detector's look."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...model.embeddings.picture_embedder import EmbedderError, PictureEmbedder, embedder_folder, load_embedder
from ...model.prompt import Prompt
from ...stream.options import SourceOptions
from ...stream.source_url import full_url
from ..exits import InputError, say
from ..settings.sources import named_sources
from ..show.image_inputs import InputImage
from ..show.input_files import find_files
from ..show.progress import busy, progress
from ..survey.read_ahead import read_ahead
from .look import LookOptions
from .picture_index import PictureIndex

_BATCH = 16
_CLIP_HZ = 1.0  # frames of a clip, unless --sample-hz says otherwise


@dataclass(frozen=True, slots=True)
class Candidates:
    """The files to look at.

    Args:
        paths: the best first.
        unread: why files could not be read.
    """

    paths: list[str]
    unread: list[str]


def choose_candidates(
    paths: Sequence[str], prompt: Prompt, model: str, count: int, index: Path, options: LookOptions
) -> Candidates:
    """The files that are most like the prompt's phrases, by a CLIP or SigLIP.

    A file's likeness is the mean over the phrases of the dot product with "a photo of PHRASE"; of a clip its best frame
    counts.

    Args:
        paths: pictures, clips, folders of both.
        model: a folder, or a name of the hub.
        count: how many files.
        index: the folder of all indices; each model has one below it.

    Raises:
        InputError: the model cannot be used.
        RunError: the disk takes no more.
    """
    found = find_files(paths, None)
    for remark in found.remarks:
        say(remark)
    files = list(dict.fromkeys(str(Path(file).absolute()) for file in found.files))
    rate_hz = options.sample_hz or _CLIP_HZ
    sources = [SourceOptions(name, file, target_hz=rate_hz) for name, file in named_sources(files).items()]
    try:
        with busy(f"loading {model}"):
            embedder = load_embedder(model, options.device, offline=options.offline)
            key = _key(model, rate_hz, options)
    except EmbedderError as error:
        raise InputError(str(error)) from error
    with PictureIndex(index / f"pictures-{key}", model, embedder.dimensions) as pictures:
        faults = {str(Path(path).absolute()): fault for path, fault in found.faults.items()}
        pending = [one for one in sources if options.overwrite or not pictures.is_done(full_url(one.url))]
        unread = _embed(pending, faults, embedder, pictures)
        names = [phrase.name for phrase in prompt.phrases if not phrase.negative]
        query = embedder.texts([f"a photo of {name}" for name in names]).mean(axis=0)
        best = pictures.best([full_url(one.url) for one in sources], query, count)
    return Candidates([path for path, _ in best], unread)


def _embed(
    pending: Sequence[SourceOptions], faults: dict[str, str], embedder: PictureEmbedder, index: PictureIndex
) -> list[str]:
    """Put the vectors of files into the index; returns why some could not be read."""
    unread: list[str] = []
    vectors: dict[str, list[NDArray[np.float32]]] = {}
    batch: list[tuple[str, NDArray[np.uint8]]] = []
    complete: list[str] = []
    failed: set[str] = set()

    def flush() -> None:
        if batch:
            for (path, _), vector in zip(batch, embedder.pictures([image for _, image in batch]), strict=True):
                vectors.setdefault(path, []).append(vector)
            batch.clear()
        for path in complete:
            if (own := vectors.pop(path, None)) and path not in failed:
                index.add(path, np.stack(own))
        complete.clear()

    with progress("comparing pictures") as advance:
        for done, opened in enumerate(read_ahead(pending, faults.get), 1):
            path = full_url(opened.source.url)
            for one in opened.images:
                if isinstance(one, InputImage):
                    batch.append((path, one.image))
                    if len(batch) == _BATCH:
                        flush()
                else:
                    failed.add(path)
                    unread.append(one.reason)
                    say(one.reason)
            complete.append(path)
            advance(done, len(pending))
        flush()
    return unread


def _key(model: str, rate_hz: float, options: LookOptions) -> str:
    """A name for each model. Weights that have changed are another model."""
    folder = embedder_folder(model, offline=options.offline)
    changed_ns = [path.stat().st_mtime_ns for path in sorted(folder.glob("*.safetensors"))]
    return hashlib.sha256(json.dumps([model, changed_ns, rate_hz]).encode()).hexdigest()[:16]
