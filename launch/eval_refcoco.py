"""`groundcast eval refcoco`: how often the one box for a sentence is the object that it means."""

from __future__ import annotations

from dataclasses import dataclass

from .command_options import spread_options
from .eval_options import (
    AnnotationsArgument,
    EvalOptions,
    PicturesArgument,
    RuleOption,
    default_folder,
    finish,
    identity,
    load,
    open_store,
)
from .exits import running
from .progress import progress


@dataclass(frozen=True, slots=True)
class RefcocoOptions(EvalOptions):
    """The same, but a box scores as its best word: few words of a sentence name the object."""

    score_rule: RuleOption = "max"


@spread_options
def eval_refcoco(annotations: AnnotationsArgument, pictures: PicturesArgument, options: RefcocoOptions) -> None:
    """Measure P@1 on referring expressions: one box for a whole sentence; run again to go on."""
    from ..model.training.refcoco_data import read_referrals
    from ..model.training.refcoco_eval import LEAST_IOU, evaluate_referrals

    data = read_referrals(annotations, pictures, limit=options.limit, keep_odd_boxes=options.keep_odd_boxes)
    own = options.folder or default_folder("refcoco", options, annotations)
    with load(options) as detector:
        header = {
            **identity(detector, options, "refcoco"),
            "annotations_sha256": data.sha256,
            "prompt_wording": "the whole sentence",
        }
        choices = {
            **header,
            "annotations": str(annotations),
            "iou_at_least": LEAST_IOU,
            "odd_boxes_kept": data.odd_boxes,
            "device": options.device,
        }
        with open_store(own, header) as store, running(), progress("referring") as advance:
            result = evaluate_referrals(detector, data, store, choices, advance)
    finish(result.as_dict(), {annotations.stem: result.figures}, own, as_json=options.as_json)
