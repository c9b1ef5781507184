"""Label file: a data set's COCO file as records that keep every field, changed on disk as a whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ...model.datasets.coco_set import read_coco_set
from ...model.datasets.picture_set import PictureSetError

Fields = Mapping[str, Any]
_LISTS = ("images", "annotations", "categories")
_STILL_WRITTEN_S = 2.0


class LabelFileError(RuntimeError):
    """The file cannot be written: nothing of the change is on disk; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class PictureRecord:
    """One picture as the file has it.

    Args:
        image: its entry in `images`.
        objects: its entries in `annotations`, in order.
    """

    image: Fields
    objects: tuple[Fields, ...]

    @property
    def number(self) -> int:
        """Its `id`."""
        return self.image["id"]

    @property
    def state(self) -> str:
        """'new', 'checked' or 'rejected'."""
        return self.image.get("state") or "new"

    @property
    def version(self) -> str:
        """Changes with the content."""
        return hashlib.sha256(_text([self.image, *self.objects]).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class LabelChange:
    """New content for some pictures.

    Args:
        pictures: each as it becomes.
        categories: all of them; None leaves them as they are.
    """

    pictures: tuple[PictureRecord, ...]
    categories: tuple[Fields, ...] | None = None


class LabelFile:
    """The file, held in memory and read again where another program has changed it.

    Attributes:
        notes: what a person should know about the file, since it was opened.

    Args:
        path: of the file.
        folder: what its `file_name` are relative to.

    Raises:
        PictureSetError: it cannot be read.
    """

    def __init__(self, path: Path, folder: Path) -> None:
        self.path = path.resolve()  # a link stays one
        self.folder = folder
        self.notes: list[str] = []
        self._last_id = 0
        self._damage: str | None = None
        self._stamp: tuple[int, int, int] | None = None
        self._read()

    @property
    def pictures(self) -> Mapping[int, PictureRecord]:
        """Each picture by its `id`, in the file's order."""
        return self._pictures

    @property
    def categories(self) -> tuple[Fields, ...]:
        return self._categories

    def next_object_id(self) -> int:
        """An `id` that no annotation has, nor had while the file was open."""
        self._last_id += 1
        return self._last_id

    @contextlib.contextmanager
    def locked(self) -> Generator[None]:
        """Keep other reviews of the same file out, and see what they have written before.

        A file that cannot be read any more is kept aside, and the next change writes it anew from memory.

        Raises:
            LabelFileError: its folder is gone, or another program is writing it.
        """
        try:
            folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise LabelFileError(f"{self.path.parent} cannot be opened ({error.strerror}): put it back") from error
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            self.refresh()
            if self._damage is not None:
                self._keep_aside(self._damage)
            yield
        finally:
            os.close(folder)

    def refresh(self) -> None:
        """Read the file again where another program has changed it; memory stays where it cannot be read."""
        stamp = _stamp(self.path)
        if stamp == self._stamp:
            return
        if stamp is None:
            self._note(f"{self.path.name} is gone: the next change writes it again")
            return
        try:
            self._read()
        except PictureSetError as error:
            self._damage = str(error)
            self._note(f"another program has damaged {self.path.name}: {error}")

    def write(self, change: LabelChange) -> None:
        """Write a change, within `locked`. On an error file and memory stay as they were.

        Raises:
            LabelFileError: the disk takes no more, or the folder cannot be written.
        """
        pictures = {**self._pictures, **{one.number: one for one in change.pictures}}
        texts = {**self._texts, **{one.number: _texts_of(one) for one in change.pictures}}
        categories = self._categories if change.categories is None else change.categories
        part = self.path.with_name(f".{self.path.name}.part")
        try:
            with part.open("w", encoding="utf-8") as file:
                file.write(self._whole(texts, categories))
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileNotFoundError):
                shutil.copymode(self.path, part)
            part.replace(self.path)
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            text = (
                f"nothing was saved: {self.path} cannot be written ({error.strerror}): free some space, then try again"
            )
            raise LabelFileError(text) from error
        self._pictures, self._texts, self._categories = pictures, texts, categories
        self._stamp = _stamp(self.path)

    def _read(self) -> None:
        stamp = _stamp(self.path)
        read_coco_set(self.path, self.folder)  # checks everything
        content = cast("dict[str, Any]", json.loads(self.path.read_bytes()))
        objects: dict[int, list[Fields]] = {image["id"]: [] for image in content["images"]}
        ids: set[int] = set()
        for one in content["annotations"]:
            objects[one["image_id"]].append(one)
            ids.add(one["id"] if isinstance(one.get("id"), int) else -1)
        if len(ids - {-1}) != len(content["annotations"]):
            raise PictureSetError(
                f"{self.path}: annotations need ids that differ: `groundcast dataset convert` gives them"
            )
        self._rest: dict[str, Any] = {key: None if key in _LISTS else value for key, value in content.items()}
        self._categories: tuple[Fields, ...] = tuple(content["categories"])
        self._pictures = {one["id"]: PictureRecord(one, tuple(objects[one["id"]])) for one in content["images"]}
        self._texts = {number: _texts_of(one) for number, one in self._pictures.items()}
        self._last_id = max([self._last_id, *ids])
        self._stamp, self._damage = stamp, None

    def _keep_aside(self, damage: str) -> None:
        try:
            age_s = time.time() - self.path.stat().st_mtime
            if age_s < _STILL_WRITTEN_S:
                raise LabelFileError(
                    f"nothing was saved: another program writes {self.path.name}: try again in a moment"
                )
            aside = self.path.with_name(f"{self.path.name}.damaged")
            self.path.replace(aside)
        except FileNotFoundError:
            return
        except OSError as error:
            raise LabelFileError(f"nothing was saved: {damage}, and it cannot be moved ({error.strerror})") from error
        self._stamp = self._damage = None
        self._note(
            f"{self.path.name} was damaged by another program: that is now {aside.name}, and the file is as before"
        )

    def _whole(self, texts: Mapping[int, tuple[str, str]], categories: tuple[Fields, ...]) -> str:
        lists = {
            "images": f"[{', '.join(image for image, _ in texts.values())}]",
            "annotations": f"[{', '.join(objects for _, objects in texts.values() if objects)}]",
            "categories": _text(categories),
        }
        parts = [f"{_text(key)}: {lists[key] if key in lists else _text(self._rest[key])}" for key in self._rest]
        return f"{{{', '.join(parts)}}}\n"

    def _note(self, said: str) -> None:
        if said not in self.notes[-1:]:
            self.notes.append(said)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _text(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can write as an escape alone
        return json.dumps(value)
    return text


def _texts_of(picture: PictureRecord) -> tuple[str, str]:
    return _text(picture.image), ", ".join(map(_text, picture.objects))
