"""Review session: carries out a person's edits, each on disk before it is answered, with undo for each tab."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .edits import (
    EditError,
    accept,
    add_box,
    box_of,
    drop_shape,
    move_box,
    relabel_box,
    remove_box,
    set_state,
)
from .label_file import Fields, LabelChange, LabelFile, PictureRecord
from .shapes import outlines_of

Request = Mapping[str, Any]
Answer = dict[str, Any]
_MAX_STEPS, _MAX_TABS = 1000, 50
_MAX_NAME = 200


@dataclass(frozen=True, slots=True)
class EditStep:
    """One edit that can be undone.

    Args:
        before, after: the pictures that it changed.
        added: the class that it added; None if it did not.
    """

    before: tuple[PictureRecord, ...]
    after: tuple[PictureRecord, ...]
    added: Fields | None = None


class ReviewSession:
    """One data set under review.

    Args:
        file: its labels.
    """

    def __init__(self, file: LabelFile) -> None:
        self._file = file
        self._done: dict[str, list[EditStep]] = {}
        self._undone: dict[str, list[EditStep]] = {}

    def overview(self) -> Answer:
        """The classes, and each picture's number, name, state, and the scores that a person may look for."""
        self._file.refresh()
        pictures = [_line(one) for one in self._file.pictures.values()]
        return {
            "title": self._file.path.parent.name,
            "file": str(self._file.path),
            **self._common(),
            "pictures": pictures,
        }

    def picture(self, number: int) -> Answer:
        """One picture with its objects.

        Raises:
            EditError: there is none of this number.
        """
        self._file.refresh()
        return self._shown(self._picture(number))

    def edit(self, request: Request) -> Answer:
        """Do one edit. The file has it when this returns.

        Raises:
            EditError: it cannot be done, or the picture is no longer as the tab has seen it.
            LabelFileError: the file cannot be written.
        """
        with self._file.locked():
            step = self._step(request)
            if step.before != step.after:
                self._write(step.after, step.added)
                self._remember(self._done, request, step)
                self._undone.pop(_tab(request), None)
        return self._answer(step.after, request)

    def undo(self, request: Request) -> Answer:
        """Take the tab's last edit back.

        Raises:
            EditError: there is none, or one of its pictures was changed since.
            LabelFileError: the file cannot be written.
        """
        with self._file.locked():
            step = self._last(self._done, request, "undo")
            self._check_same(step.after)
            self._write(step.before, None, self._unused(step))
            self._remember(self._undone, request, self._done[_tab(request)].pop())
        return self._answer(step.before, request)

    def redo(self, request: Request) -> Answer:
        """Do again what was undone last; raises as `undo`."""
        with self._file.locked():
            step = self._last(self._undone, request, "redo")
            self._check_same(step.before)
            self._write(step.after, step.added)
            self._remember(self._done, request, self._undone[_tab(request)].pop())
        return self._answer(step.after, request)

    def _step(self, request: Request) -> EditStep:
        if request.get("op") == "accept" and request.get("everywhere") is True:
            return self._accept_everywhere(request)
        before = self._picture(_whole(request, "picture"))
        if before.version != request.get("version"):
            raise EditError("changed", "this picture was changed elsewhere meanwhile: here it is as it is now")
        added = None
        category = None
        if "name" in request:
            category, added = self._category(request)
        return EditStep((before,), (self._edited(before, request, category),), added)

    def _edited(self, picture: PictureRecord, request: Request, category: int | None) -> PictureRecord:
        op = str(request.get("op"))
        if op == "state":
            return set_state(picture, str(request.get("state")))
        if category is not None:
            named: dict[str, Callable[[], PictureRecord]] = {
                "add": lambda: add_box(picture, self._file.next_object_id(), category, box_of(request, picture)),
                "relabel": lambda: relabel_box(picture, _whole(request, "box_id"), category),
                "accept": lambda: accept(picture, category, _share(request), check=request.get("check") is True),
            }
        else:
            named = {
                "remove": lambda: remove_box(picture, _whole(request, "box_id")),
                "move": lambda: move_box(picture, _whole(request, "box_id"), box_of(request, picture)),
                "drop_shape": lambda: drop_shape(picture, _whole(request, "box_id")),
            }
        if op not in named:
            raise EditError("bad_request", "the page asks for something that this server does not know")
        return named[op]()

    def _accept_everywhere(self, request: Request) -> EditStep:
        category, _ = self._category(request)
        min_score, check = _share(request), request.get("check") is True
        pairs = [(one, accept(one, category, min_score, check=check)) for one in self._file.pictures.values()]
        changed = [(before, after) for before, after in pairs if before is not after]
        return EditStep(tuple(one for one, _ in changed), tuple(one for _, one in changed))

    def _category(self, request: Request) -> tuple[int, Fields | None]:
        """The number of the class that a request names, and its entry where it is new."""
        given = request.get("name")
        name = " ".join(given.split()) if isinstance(given, str) else ""
        if not 0 < len(name) <= _MAX_NAME or not name.isprintable():
            raise EditError("bad_name", f"a class needs a name of at most {_MAX_NAME} characters")
        for one in self._file.categories:
            if one["name"] == name:
                return one["id"], None
        if request.get("op") == "accept":
            raise EditError("bad_request", f"no class is named {name!r}")
        number = max(one["id"] for one in self._file.categories) + 1
        return number, {"id": number, "name": name}

    def _write(self, pictures: Sequence[PictureRecord], added: Fields | None, removed: Fields | None = None) -> None:
        kept = tuple(one for one in self._file.categories if one is not removed and one != removed)
        missing = () if added is None or added in kept else (added,)
        self._file.write(LabelChange(tuple(pictures), (*kept, *missing)))

    def _unused(self, step: EditStep) -> Fields | None:
        """The class that a step added, where no other picture has come to use it."""
        if step.added is None:
            return None
        own = {one.number: one for one in step.before}
        left = [own.get(number, one) for number, one in self._file.pictures.items()]
        is_used = any(box["category_id"] == step.added["id"] for one in left for box in one.objects)
        return None if is_used else step.added

    def _check_same(self, pictures: Sequence[PictureRecord]) -> None:
        for one in pictures:
            if self._picture(one.number) != one:
                raise EditError("changed", f"{one.image['file_name']} was changed elsewhere since: that stays")

    def _picture(self, number: int) -> PictureRecord:
        found = self._file.pictures.get(number)
        if found is None:
            raise EditError("gone", "this picture is no longer in the data set: reload the page")
        return found

    def _last(self, steps: Mapping[str, list[EditStep]], request: Request, word: str) -> EditStep:
        own = steps.get(_tab(request))
        if not own:
            raise EditError("nothing", f"there is nothing to {word} in this tab")
        return own[-1]

    @staticmethod
    def _remember(steps: dict[str, list[EditStep]], request: Request, step: EditStep) -> None:
        own = steps.setdefault(_tab(request), [])
        own.append(step)
        del own[:-_MAX_STEPS]
        while len(steps) > _MAX_TABS:
            del steps[next(iter(steps))]

    def _answer(self, changed: Sequence[PictureRecord], request: Request) -> Answer:
        """What an edit changed: the lines of all pictures, and the picture to show."""
        seen = request.get("picture")
        shown = next((one for one in changed if one.number == seen), changed[0] if changed else None)
        shown = self._file.pictures.get(seen) if shown is None and isinstance(seen, int) else shown
        picture = None if shown is None else self._shown(shown)
        return {**self._common(), "lines": [_line(one) for one in changed], "picture": picture}

    def _common(self) -> Answer:
        classes = [one["name"] for one in self._file.categories]
        return {"classes": classes, "notes": self._file.notes[-3:]}

    def _shown(self, picture: PictureRecord) -> Answer:
        names = {one["id"]: one["name"] for one in self._file.categories}
        image = picture.image
        size_hw = image["height"], image["width"]
        boxes = [_box(one, names[one["category_id"]], size_hw) for one in picture.objects]
        return {**_line(picture), "width": size_hw[1], "height": size_hw[0], "version": picture.version, "boxes": boxes}


def _line(picture: PictureRecord) -> Answer:
    scores = [one["score"] for one in picture.objects if "score" in one and not one.get("accepted")]
    line: Answer = {"id": picture.number, "file": picture.image["file_name"], "state": picture.state}
    return {**line, "count": len(picture.objects), "least": min(scores, default=None)}


def _box(one: Fields, name: str, size_hw: tuple[int, int]) -> Answer:
    x, y, width, height = one["bbox"]
    box: Answer = {"id": one["id"], "name": name, "box": [x, y, x + width, y + height], "score": one.get("score")}
    flags = {"accepted": one.get("accepted") is True, "crowd": one.get("iscrowd") == 1}
    return {**box, **flags, "outlines": outlines_of(one, size_hw)}


def _whole(request: Request, key: str) -> int:
    value = request.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise EditError("bad_request", f"{key} must be a whole number")
    return value


def _share(request: Request) -> float:
    value = request.get("score")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise EditError("bad_request", "a score must lie in 0..1")
    return float(value)


def _tab(request: Request) -> str:
    return str(request.get("tab"))[:64]
