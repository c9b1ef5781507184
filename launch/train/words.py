"""`groundcast train words`: a trained model that answers only to the classes that it learnt well enough."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ..exits import running, writing

WeightsArgument = Annotated[Path, typer.Argument(help="The trained weights (.safetensors).", show_default=False)]
ClassesArgument = Annotated[
    Path, typer.Argument(help="classes.csv of an evaluation on pictures kept for this choice.", show_default=False)
]


def train_words(
    weights: WeightsArgument,
    classes: ClassesArgument,
    out: Annotated[
        Path, typer.Option(help="Where the model goes; its file's name is the model's.", show_default=False)
    ],
    words: Annotated[
        Path | None, typer.Option(help="The vocabulary (JSON) that the model was trained with: its synonyms stay.")
    ] = None,
    min_ap50: Annotated[float, typer.Option(help="A class stays from this AP50 on.", min=0.0, max=1.0)] = 0.3,
    min_pictures: Annotated[int, typer.Option(help="And if so many pictures judged it.", min=1)] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object.")] = False,
) -> None:
    """Write trained weights again with the words of the classes that they learnt well.

    All other words are refused, with a sentence that names those that are known. Choose on other pictures than those
    that the model's figures are stated on.
    """
    from ...model.datasets.class_words import ClassWords, read_class_words
    from ...model.datasets.coco_records import CocoError
    from ...model.training.learnt_words import WordsError, keep_words, well_learnt
    from ...model.weights.checkpoint import CheckpointError

    if out.suffix != ".safetensors":
        raise typer.BadParameter(f"{out} must end in .safetensors", param_hint="--out")
    with running(CheckpointError, CocoError, WordsError), writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        known = read_class_words(words) if words is not None else ClassWords()
        kept = well_learnt(classes, min_ap50, min_pictures)
        left = keep_words(weights, kept, known, out, {"min_ap50": min_ap50, "min_pictures": min_pictures})
    if as_json:
        print(json.dumps({"weights": str(out), "classes": kept, "wordings": left}))
    else:
        typer.echo(f"weights: {out}, with {len(left)} wordings of {len(kept)} classes: {', '.join(kept)}")
