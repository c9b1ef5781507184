"""`groundcast eval refcoco`: how often the one box for a sentence is the object that it means."""

from __future__ import annotations

from dataclasses import dataclass

from ..settings.command_options import spread_options
from .options import AnnotationsArgument, EvalOptions, PicturesArgument, RuleOption
from .run import finish, measuring, open_run


@dataclass(frozen=True, slots=True)
class RefcocoOptions(EvalOptions):
    """The same, but a box scores as its best word: few words of a sentence name the object."""

    score_rule: RuleOption = "max"


@spread_options
def eval_refcoco(annotations: AnnotationsArgument, pictures: PicturesArgument, options: RefcocoOptions) -> None:
    """Measure P@1 on referring expressions: one box a sentence.

    Run the same again after an interruption to go on.
    """
    from ...model.datasets.refcoco_data import read_referrals
    from ...model.evaluation.refcoco_eval import MIN_IOU, check_sentences, evaluate_referrals

    data = read_referrals(annotations, pictures, limit=options.limit, keep_odd_boxes=options.keep_odd_boxes)
    rules = {"prompt_wording": "the whole sentence"}
    with open_run("refcoco", options, annotations) as run:
        check_sentences(run.detector, data)
        with measuring(run, data.source, rules) as current:
            choices = {**current.choices, "iou_at_least": MIN_IOU}
            result = evaluate_referrals(run.detector, data, current.store, choices, current.advance)
    finish(run, result.as_dict(), {annotations.stem: result.figures})
