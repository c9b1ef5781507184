"""Set inputs: which format a path is, and its data set."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from ...model.datasets.coco_set import read_coco_set
from ...model.datasets.cvat_set import ANNOTATIONS, read_cvat
from ...model.datasets.label_studio_set import TASKS, read_label_studio
from ...model.datasets.picture_set import SPLITS, PictureSet, PictureSetError, merge_sets
from ...model.datasets.voc_set import read_voc
from ...model.datasets.yolo_set import read_yolo
from ..exits import InputError
from ..settings.yaml_file import YamlError, read_yaml
from .label_run import LABELS
from .picture_places import PICTURES


def read_set(path: Path, pictures: Path | None = None) -> tuple[str, PictureSet]:
    """Read a data set; returns its format's name too.

    Args:
        path: a COCO file, tasks of Label Studio (.json) or annotations of CVAT (.xml); or a folder of
            `groundcast label`, of YOLO (with data.yaml), of Pascal VOC (with Annotations/), of Label Studio or CVAT, or
            of COCO files named after their split.
        pictures: the folder of a file's pictures; None is the file's own, or `images` beside it.

    Raises:
        InputError: it is none of these.
        PictureSetError: something in it cannot be read.
    """
    if path.is_file() and path.suffix in (".json", ".xml"):
        return _read_file(path, pictures or _pictures_beside(path))
    if not path.is_dir():
        raise InputError(f"{path} is no data set: name a COCO .json, or a folder of a data set")
    if (path / LABELS).exists():
        return "groundcast", read_coco_set(path / LABELS, pictures or path / PICTURES)
    for name in (TASKS, ANNOTATIONS):
        if (path / name).exists():
            return _read_file(path / name, pictures or _pictures_beside(path / name))
    if (path / "data.yaml").exists():
        return "yolo", _read_yolo(path)
    if (path / "Annotations").is_dir():
        return "voc", read_voc(path)
    files = [(split, path / f"{split}.json") for split in SPLITS if (path / f"{split}.json").exists()]
    if files:
        return "coco", _joined(
            [read_coco_set(file, pictures or _pictures_beside(file), split) for split, file in files]
        )
    raise InputError(
        f"{path} is no data set that is read: no {LABELS}, data.yaml, Annotations/, {TASKS}, "
        f"{ANNOTATIONS} or train.json in it"
    )


def _pictures_beside(file: Path) -> Path:
    return file.parent / PICTURES if (file.parent / PICTURES).is_dir() else file.parent


def _read_file(path: Path, pictures: Path) -> tuple[str, PictureSet]:
    if path.suffix == ".xml":
        return "cvat", read_cvat(path, pictures)
    with path.open("rb") as file:
        is_list = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")
    if is_list:  # as Label Studio's exports are
        return "labelstudio", read_label_studio(path, pictures)
    return "coco", read_coco_set(path, pictures)


def _joined(sets: list[PictureSet]) -> PictureSet:
    if len({one.folder for one in sets}) > 1:
        return merge_sets(sets, sets[0].folder)
    names = tuple(dict.fromkeys(name for one in sets for name in one.names))
    return PictureSet(names, sets[0].folder, tuple(picture for one in sets for picture in one.pictures))


def _read_yolo(folder: Path) -> PictureSet:
    path = folder / "data.yaml"
    try:
        values, _ = read_yaml(path, number_keys=True)
    except (OSError, YamlError) as error:
        raise PictureSetError(f"{path}: {error}") from error
    if not isinstance(values, Mapping):
        raise PictureSetError(f"{path} is no map of names and parts")
    found = cast("Mapping[str, object]", values)
    named = found.get("names")
    if isinstance(named, Mapping):
        by_number = {int(number): str(name) for number, name in cast("Mapping[str, object]", named).items()}
        if sorted(by_number) != list(range(len(by_number))):
            raise PictureSetError(f"{path}: the numbers of its names must go from 0 without a gap")
        names = [by_number[number] for number in range(len(by_number))]
    elif isinstance(named, list):
        names = [str(name) for name in cast("list[object]", named)]
    else:
        raise PictureSetError(f"{path} has no names: list the classes")
    parts = {split: str(found[key]) for split, key in _yolo_keys(found) if isinstance(found[key], str)}
    return read_yolo(folder, names, parts)


def _yolo_keys(found: Mapping[str, object]) -> list[tuple[str, str]]:
    keys = {"train": ("train",), "val": ("val", "valid"), "test": ("test",)}
    return [(split, key) for split, wanted in keys.items() for key in wanted if key in found]
