"""`groundcast dataset review`: a page in the browser where a person corrects the labels of a data set."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from ...model.datasets.picture_set import SPLITS, PictureSetError
from ..exits import InputError
from ..settings.command_options import spread_options
from .label_run import LABELS
from .picture_places import PICTURES


@dataclass(frozen=True, slots=True)
class ReviewOptions:
    """Where the page listens."""

    pictures: Annotated[Path | None, typer.Option(help="The folder of a COCO file's pictures. Default: beside it.")] = (
        None
    )
    listen: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where the browser of this host finds the page.")] = (
        "127.0.0.1:0"
    )
    token: Annotated[
        Path | None,
        typer.Option(help="The token in this file, made where it is missing. Default: a new one each time."),
    ] = None
    as_json: Annotated[bool, typer.Option("--json", help="Print the ready line as one JSON object.")] = False


@spread_options
def review_dataset(
    dataset: Annotated[Path, typer.Argument(help="A folder of `groundcast label`, or a COCO file.")],
    options: ReviewOptions,
) -> None:
    """Review a data set in the browser: correct boxes, check or reject pictures. Ends on Ctrl-C.

    Each change is in the data set's own file as soon as it is made.
    """
    serve_review(dataset, options)


def serve_review(dataset: Path, options: ReviewOptions) -> None:
    """Serve the page until SIGINT or SIGTERM.

    Raises:
        InputError: the data set or the address cannot be used.
    """
    from ..review.label_file import LabelFile
    from ..review.review_app import review_app
    from ..web.access import open_access
    from ..web.http_server import bind_web_socket, run_web_server, url_of

    access = open_access(options.listen, token_file=options.token)
    if not access.endpoint.is_local:
        raise InputError(f"--listen {options.listen} can be reached by others: use 127.0.0.1, from elsewhere by ssh -L")
    path, pictures = _label_file(dataset, options.pictures)
    try:
        file = LabelFile(path, pictures)
    except PictureSetError as error:
        raise InputError(str(error)) from error
    with bind_web_socket(access) as listener:
        token = access.token or secrets.token_urlsafe(24)
        access = replace(access, token=token, cookie=f"groundcast-review-{listener.getsockname()[1]}")
        url = f"{url_of(access, listener)}/login#{token}"
        if options.as_json:
            print(json.dumps({"ready": {"url": url}}), flush=True)
        else:
            print(f"open {url}\nto review {len(file.pictures)} pictures of {file.path}; Ctrl-C ends it", flush=True)
        run_web_server(review_app(access, file), access, listener)


def _label_file(dataset: Path, pictures: Path | None) -> tuple[Path, Path]:
    """The file of a data set, and the folder of its pictures."""
    if dataset.is_file() and dataset.suffix == ".json":
        beside = dataset.parent / PICTURES
        return dataset, pictures or (beside if beside.is_dir() else dataset.parent)
    if (dataset / LABELS).is_file():
        return dataset / LABELS, pictures or dataset / PICTURES
    files = [f"{split}.json" for split in SPLITS if (dataset / f"{split}.json").is_file()]
    if files:
        raise InputError(f"{dataset} has a file for each part: name one of them, {', '.join(files)}")
    if (dataset / "data.yaml").exists() or (dataset / "Annotations").is_dir():
        raise InputError(
            f"{dataset} is not in COCO's format, which a review changes in place: convert it first with "
            f"`groundcast dataset convert {dataset} --to coco --folder FOLDER`"
        )
    raise InputError(f"{dataset} is no data set to review: name a folder of `groundcast label`, or a COCO .json")
