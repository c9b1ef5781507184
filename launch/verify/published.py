"""`groundcast verify`: compares a model's output here with the published results."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..exits import InputError, RunError, running
from ..settings.command_options import spread_options
from ..show.progress import busy
from .answers import PUBLISHED, Answers, answers_for, read_answers
from .checks import Check, check_figures, check_words
from .checksums import SUMS, differing_files, model_files, write_sums
from .picture import open_picture

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ...model.weights.checkpoint import Checkpoint

ModelArgument = Annotated[
    str, typer.Argument(help="A model of the hub as owner/model, a file or a folder.", show_default=False)
]


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """The options of a verification."""

    known_as: Annotated[str, typer.Option("--as", help="The published model of a file or folder, as owner/model.")] = ""
    picture: Annotated[
        Path | None, typer.Option(help="The picture of the published results. Default: fetched once.")
    ] = None
    transformers: Annotated[
        bool, typer.Option("--transformers", help="Also compare every query with transformers; takes minutes.")
    ] = False
    write: Annotated[
        bool, typer.Option("--write", help=f"If nothing differs, write sums of the files into {SUMS} beside them.")
    ] = False
    answers: Annotated[Path, typer.Option(help="The published results (JSON).", show_default=False)] = PUBLISHED
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto"
    offline: Annotated[bool, typer.Option("--offline", help="Download nothing.")] = False
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object.")] = False


@spread_options
def verify(model: ModelArgument, options: VerifyOptions) -> None:
    """Compare a model's output with published results.

    Answers are known of Grounding DINO tiny, MM-Grounding-DINO and LLMDet. Checks the sums of its files as well, where
    they lie beside them.
    """
    options = replace(options, offline=options.offline or _hub_is_offline())
    known = answers_for(options.known_as or model, read_answers(options.answers))
    if options.known_as and not known:
        raise InputError(f"--as {options.known_as!r}: nothing is published of it in {options.answers.name}")
    path = _find(model, options)
    wrong = differing_files(path.parent)
    checks = _check_files(wrong)
    if not (known or checks or options.transformers or options.write):
        raise InputError(
            f"no answers are known of {model}: say which model it is with --as, compare it with --transformers, or "
            f"keep the sums of its files with --write"
        )
    if not any(not check.ok for check in checks):  # what other files than the model's answer says nothing
        checks += _ask(path, known, options)
    ok = all(check.ok for check in checks)
    if sys.stdout.isatty() or not options.as_json:
        _show(model, known, checks)
    if options.write and ok:
        print(f"sums of the files: {write_sums(model_files(path), path.parent)}", file=sys.stderr)
    if options.as_json:
        print(json.dumps({"model": model, "ok": ok, "checks": [asdict(check) for check in checks]}))
    if not ok:
        raise RunError(_verdict(model, checks))


def _hub_is_offline() -> bool:
    """Whether HF_HUB_OFFLINE is set: the picture is not fetched then either."""
    from huggingface_hub.constants import HF_HUB_OFFLINE

    return HF_HUB_OFFLINE


def _find(model: str, options: VerifyOptions) -> Path:
    from ...model.weights.checkpoint import find_checkpoint

    with busy(f"looking for {model}"):
        return find_checkpoint(model, offline=options.offline)


def _check_files(wrong: dict[str, str] | None) -> list[Check]:
    if wrong is None:
        return []
    if not wrong:
        return [Check("files", ok=True, said=f"as their sums in {SUMS} say")]
    return [Check(f"file {name}", ok=False, said=said) for name, said in wrong.items()]


def _ask(path: Path, known: Sequence[Answers], options: VerifyOptions) -> list[Check]:
    """Whatever needs the model's weights."""
    from ...model.runtime.network import Network
    from ...model.weights.checkpoint import read_checkpoint

    if not known and not options.transformers:
        return []
    with busy(f"loading {path}"):
        checkpoint = read_checkpoint(path, offline=options.offline)
    images = [open_picture(one.picture, options.picture, offline=options.offline) for one in known]
    checks: list[Check] = []
    with running():
        network = Network(checkpoint, options.device, None, path)
        for one, image in zip(known, images, strict=True):
            words = [check_words(network, one)] if one.token_ids else []
            checks += words
            if all(check.ok for check in words):  # other words are another question
                with busy(f"asking for {'. '.join(one.phrases)!r}"):
                    checks += check_figures(network, one, image)
        if options.transformers:
            with busy("asking transformers too"):
                checks.append(_compare(checkpoint, path, known, images))
    return checks


def _compare(
    checkpoint: Checkpoint, path: Path, known: Sequence[Answers], images: Sequence[NDArray[np.uint8]]
) -> Check:
    """Every query in one process, from the same weights: no published figure is needed."""
    from .transformers_queries import compare

    phrases = known[0].phrases if known else ("a cat",)
    return compare(checkpoint, path, phrases, images[0] if images else None)


def _show(model: str, known: Sequence[Answers], checks: Sequence[Check]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(f"{model}, beside {known[0].model}" if known else model))
    for heading in ("check", "", "what was found"):
        table.add_column(heading)
    for check in checks:
        table.add_row(Text(check.name), "ok" if check.ok else "DIFFERS", Text(check.said))
    Console().print(table)
    for source in dict.fromkeys(one.source for one in known):
        print(f"published in: {source}")


def _verdict(model: str, checks: Sequence[Check]) -> str:
    """What differs, and what that is most likely due to."""
    wrong = [check for check in checks if not check.ok]
    said = "; ".join(f"{check.name}: {check.said}" for check in wrong)
    kinds = {check.name.split()[0] for check in wrong}
    if "file" in kinds:
        advice = f"copy these files again, or delete {SUMS} if they were changed on purpose"
    elif "words" in kinds:
        advice = "put the model's own vocab.txt beside its weights"
    elif "transformers" in kinds:
        advice = "groundcast computes something else than transformers: report it with groundcast doctor's output"
    elif sum(check.differing for check in wrong) == 1:
        advice = "all else is as published, so look whether this figure was copied right"
    else:
        advice = "fetch or copy the weights again; --transformers tells whether another implementation agrees with ours"
    return f"{model} does not answer as published: {said}. Next: {advice}"
