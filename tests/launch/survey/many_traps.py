"""A card of 2,000 pictures and 20 clips, as months of a camera trap leave it, made of the embedded clip's frames."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from groundcast.launch.show.video_file import VideoFile
from groundcast.model.tabletop.clip_truth import CLIP_PATH

Rgb = NDArray[np.uint8]
PROMPT = "red mug . blue cube . green bottle . yellow ball . orange can"
# Folders with names of several scripts, one with a line break, one whose bytes are no UTF-8.
FOLDERS = (
    *("site 1/100RECNX", "site 1/101RECNX", "Wald é/Karte 1", "林地/カメラ", "лес/карта", "a=1, b/;c", "new\nline"),
    "not\udcff utf8",
)
_DAMAGES = ("cut", "nothing", "text", "zeros")


@dataclass(frozen=True)
class Card:
    """What lies on the card, as paths below its folder."""

    folder: Path
    pictures: int
    clips: int
    corrupt: frozenset[str]
    empty: frozenset[str]
    turned: frozenset[str]  # upright they are 480 px wide and 640 px high


def fill_card(folder: Path, pictures: int = 2000, clips: int = 20, seed: int = 16) -> Card:
    """Write a card: a hundredth of the pictures is corrupt, a fortieth empty, a tenth lies on its side by EXIF."""
    random = np.random.default_rng(seed)
    frames = _frames_of_the_clip()
    names = [f"{FOLDERS[number % len(FOLDERS)]}/IMG_{number}.{'png' if number % 97 == 0 else 'JPG'}" for number in
             range(pictures)]  # fmt: skip
    drawn = random.permutation(pictures).tolist()
    corrupt, empty = set(drawn[: pictures // 100]), set(drawn[pictures // 100 : pictures // 100 + pictures // 40])
    turned = {number for number in drawn[-(pictures // 10) :] if names[number].endswith("JPG")}
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = _blank(random) if number in empty else _varied(frames[int(random.integers(len(frames)))], random)
        _save(path, image, number, is_turned=number in turned)
        if number in corrupt:
            _damage(path, _DAMAGES[number % len(_DAMAGES)])
    for number in range(clips):
        path = folder / FOLDERS[number % len(FOLDERS)] / f"clip {number}.mp4"
        _save_clip(path, frames[number * 10 : number * 10 + 10])
    return Card(
        folder,
        pictures,
        clips,
        *(frozenset(names[number] for number in some) for some in (corrupt, empty, turned - corrupt)),
    )


def _frames_of_the_clip() -> list[Rgb]:
    with av.open(str(CLIP_PATH)) as container:
        return [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in container.decode(video=0)]


def _varied(image: Rgb, random: np.random.Generator) -> Rgb:
    """A frame with another light, mirrored or not, so that no two pictures are the same."""
    lit = np.clip(image.astype(np.float32) * random.uniform(0.7, 1.2), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(lit[:, ::-1] if random.random() < 0.5 else lit)


def _blank(random: np.random.Generator) -> Rgb:
    grey = random.uniform(40, 200) + np.linspace(-20, 20, 480)[:, None, None] + np.zeros((480, 640, 3))
    return np.clip(grey, 0, 255).astype(np.uint8)


def _save(path: Path, image: Rgb, number: int, *, is_turned: bool) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6 if is_turned else 1
    exif.get_ifd(0x8769)[0x9003] = f"2026:05:{1 + number % 28:02}:{number % 24:02}:05:06"
    picture = Image.fromarray(image)
    if path.suffix == ".png":
        picture.save(path, "PNG", compress_level=1)
    else:
        picture.save(path, "JPEG", exif=exif, quality=85)


def _damage(path: Path, how: str) -> None:
    data = path.read_bytes()
    damaged = {"cut": data[: len(data) // 3], "nothing": b"", "text": b"no picture", "zeros": bytes(len(data))}
    path.write_bytes(damaged[how])


def _save_clip(path: Path, frames: list[Rgb]) -> None:
    part = path.parent.parent / "part.mp4"  # a writer of videos takes no name with bytes that are no UTF-8
    with VideoFile(part) as video:
        for number, image in enumerate(frames):
            video.write(image, number / 10)
    shutil.move(part, path)
