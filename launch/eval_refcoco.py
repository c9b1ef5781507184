"""`groundcast eval refcoco`: how often the one box for a sentence is the object that it means."""

from __future__ import annotations

from .eval_options import (
    AnnotationsArgument,
    DeviceOption,
    EvalOptions,
    FolderOption,
    JsonOption,
    LimitOption,
    ModelOption,
    OddOption,
    PicturesArgument,
    RuleOption,
    SizeOption,
    default_folder,
    finish,
    identity,
    load,
    open_store,
)
from .exits import running
from .progress import progress


def eval_refcoco(
    annotations: AnnotationsArgument,
    pictures: PicturesArgument,
    model: ModelOption = "tabletop",
    device: DeviceOption = "auto",
    size: SizeOption = None,
    limit: LimitOption = None,
    score_rule: RuleOption = "max",
    keep_odd_boxes: OddOption = False,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure P@1 on referring expressions: one box for a whole sentence; run again to go on."""
    from ..model.training.refcoco_data import read_referrals
    from ..model.training.refcoco_eval import LEAST_IOU, evaluate_referrals

    data = read_referrals(annotations, pictures, limit=limit, keep_odd_boxes=keep_odd_boxes)
    options = EvalOptions(model, device, size, nms=1.0, score_rule=score_rule)
    own = folder or default_folder("refcoco", options, annotations)
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
            "device": device,
        }
        with open_store(own, header) as store, running(), progress("referring") as advance:
            result = evaluate_referrals(detector, data, store, choices, advance)
    finish(result.as_dict(), {annotations.stem: result.figures}, own, as_json=as_json)
