"""A picture is the same to every command, whichever way it comes in and however it is stored."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from groundcast.launch.compat import load_image
from groundcast.launch.show.image_inputs import InputImage, Unread, images_of
from groundcast.model.datasets.coco_data import read_coco, read_picture
from groundcast.model.datasets.odvg_data import read_odvg
from groundcast.model.detector import Detector, DetectorOptions
from groundcast.model.pictures.orientation import ORIENTATIONS
from groundcast.model.pictures.still_picture import read_one_picture
from groundcast.model.prompt import Prompt
from groundcast.stream.options import SourceOptions
from groundcast.stream.pusher import Pusher

from ..model.stored_pictures import scene, turned_file
from ..stream.encoded_clips import free_port
from ..stream.hdr_clips import PQ, write_hdr
from ..stream.watched_reader import WatchedReader, read_all
from .commands import in_process

Pixels = NDArray[np.uint8]
SCENE = scene()
CLIP = Path(__file__).parents[2] / "model" / "tabletop" / "clip.mp4"
FRAME = 60  # of the clip: all eight objects are in plain view


def _detected(path: Path) -> Pixels:
    (shot,) = _shots(path)
    assert (shot.height, shot.width) == shot.image.shape[:2]
    return shot.image


def _shots(path: Path) -> list[InputImage]:
    shots = list(images_of(SourceOptions("a", str(path))))
    assert not any(isinstance(shot, Unread) for shot in shots)
    return [shot for shot in shots if isinstance(shot, InputImage)]


def _in_a_folder(path: Path) -> Pixels:
    frames, _ = read_all(path.parent)
    return frames[0].rgb


def _by_itself(path: Path) -> Pixels:
    frames, _ = read_all(path)
    return frames[0].rgb


def _pushed(path: Path) -> Pixels:
    address = f"tcp://127.0.0.1:{free_port()}"
    with WatchedReader(SourceOptions("cam", f"push:{address}")) as watched, Pusher(address, wait_s=5.0) as pusher:
        assert pusher.send(path.read_bytes())
        assert watched.until_frames(1)
        return watched.frames[0].rgb


def _by_a_script(path: Path) -> Pixels:
    return load_image(str(path))[0]


def _judged(path: Path) -> Pixels:
    image = {"id": 1, "file_name": path.name, "width": 64, "height": 48}
    box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 30, 20]}
    content = {"images": [image], "annotations": [box], "categories": [{"id": 1, "name": "mug"}]}
    truth = path.parent / "truth.json"
    truth.write_text(json.dumps(content))
    data = read_coco(truth, path.parent)
    assert data.source.turned == (not path.stem.endswith("1"))
    return read_picture(data.pictures[0])


def _taught(path: Path) -> Pixels:
    instance = {"bbox": [1, 2, 31, 22], "category": "mug"}
    line = {"filename": path.name, "width": 64, "height": 48, "detection": {"instances": [instance]}}
    (path.parent / "lines.jsonl").write_text(json.dumps(line))
    data = read_odvg(path.parent / "lines.jsonl", path.parent)
    assert data.turned == (not path.stem.endswith("1"))
    return read_picture(data.pictures[0])


WAYS = (_detected, _in_a_folder, _by_itself, _pushed, _by_a_script, _judged, _taught)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_every_way_in_turns_a_photo_upright(orientation: int, way: Callable[[Path], Pixels], tmp_path: Path) -> None:
    image = way(turned_file(tmp_path / f"photo {orientation}.jpg", SCENE, orientation))
    assert image.shape == SCENE.shape
    assert np.abs(image.astype(int) - SCENE).mean() < 4


@pytest.mark.parametrize("suffix", [".webp", ".avif", ".png", ".gif", ".tif"])
def test_files_of_several_pictures_are_the_same_to_detect_and_run(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"several{suffix}"
    pages = [Image.fromarray(np.full((48, 64, 3), level, np.uint8)) for level in (40, 120, 200)]
    pages[0].save(path, save_all=True, append_images=pages[1:], duration=250)
    shots = _shots(path)
    (alone, stats), (within, _) = read_all(path), read_all(tmp_path)
    for frames in (alone, within):
        assert [round(frame.rgb.mean()) for frame in frames] == [round(shot.image.mean()) for shot in shots]
    assert [round(shot.image.mean()) for shot in shots] == pytest.approx([40, 120, 200], abs=3)
    assert ([shot.index for shot in shots], stats.error) == ([0, 1, 2], None)
    seconds = 0.04 if suffix == ".tif" else 0.25
    assert [frame.time_s for frame in alone] == pytest.approx([0, seconds, 2 * seconds])


def test_each_picture_of_a_file_is_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str], blobs: object) -> None:
    del blobs
    pages = [Image.fromarray(np.full((48, 64, 3), level, np.uint8)) for level in (40, 120)]
    pages[0].save(tmp_path / "scan.tif", save_all=True, append_images=pages[1:])
    ended = in_process(capsys, "detect", tmp_path / "scan.tif", "--prompt", "red blob", "--out", tmp_path / "found")
    assert ended.code == 0
    assert {path.name for path in (tmp_path / "found").glob("*.png")} == {"scan-1.png", "scan-2.png"}


def test_a_script_that_reads_the_first_of_several_pictures_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pages = [Image.fromarray(np.full((48, 64, 3), level, np.uint8)) for level in (40, 120)]
    pages[0].save(tmp_path / "scan.tif", save_all=True, append_images=pages[1:])
    assert load_image(str(tmp_path / "scan.tif"))[0].mean() == 40
    assert "holds 2 pictures: only the first is used" in capsys.readouterr().err


def test_detect_says_what_is_changed_in_all_pictures_of_a_clip(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], blobs: object
) -> None:
    del blobs
    clip = write_hdr(tmp_path / "hdr.mkv", PQ, (0.0, 0.5))
    ended = in_process(capsys, "detect", clip, "--prompt", "red blob")
    assert ended.code == 0
    assert "hdr.mkv: its pictures are HDR (PQ) and are tone-mapped" in ended.err


# ---- the embedded model finds the clip's eight objects, however a frame of it is stored


def _conversions(folder: Path, frame: Pixels) -> Iterator[Path]:
    for orientation in ORIENTATIONS:
        yield turned_file(folder / f"exif{orientation}.jpg", frame, orientation)
    picture = Image.fromarray(frame)
    wide = frame[..., ::-1].astype(np.uint16) * 257
    for suffix in (".png", ".tif"):
        cv2.imwrite(str(folder / f"sixteen{suffix}"), wide)
        yield folder / f"sixteen{suffix}"
    for name, mode in [("cmyk.jpg", "CMYK"), ("cmyk.tif", "CMYK"), ("opaque.png", "RGBA"), ("opaque.webp", "RGBA")]:
        picture.convert(mode).save(folder / name, quality=95)
        yield folder / name
    for name in ("plain.webp", "plain.avif", "plain.tif", "plain.bmp", "plain.ppm", "plain.jp2"):
        picture.save(folder / name)
        yield folder / name
    in_palette = picture.quantize(256, kmeans=2)
    for name in ("palette.png", "palette.gif"):
        in_palette.save(folder / name)
        yield folder / name


@pytest.fixture(scope="module")
def frame() -> Pixels:
    with av.open(str(CLIP)) as container:
        for number, decoded in enumerate(container.decode(video=0)):
            if number == FRAME:
                return np.asarray(decoded.to_ndarray(format="rgb24"), np.uint8)
    raise AssertionError("the clip is shorter")


@pytest.mark.slow
@pytest.mark.parametrize("way", [_detected, _in_a_folder, _pushed, _by_a_script])
def test_the_clips_objects_are_found_in_every_form_of_a_frame(
    way: Callable[[Path], Pixels], frame: Pixels, tmp_path: Path
) -> None:
    truth = json.loads(CLIP.with_suffix(".json").read_text())
    prompt = Prompt.parse(truth["prompt"])
    with Detector.load("tabletop", DetectorOptions(device="cpu")) as detector:
        for number, path in enumerate(_conversions(tmp_path, frame)):
            alone = path.rename(_made(tmp_path / str(number)) / path.name)
            image = way(alone) if way is not _pushed or path.suffix == ".jpg" else _pushed_as_an_array(alone)
            assert image.shape == frame.shape
            (found,) = detector.detect([image], [prompt])
            for wanted in truth["frames"][FRAME]["objects"]:
                mine = [box for row, box in enumerate(found.boxes_xyxy) if found.name(row) == wanted["phrase"]]
                overlaps = [_iou(box.tolist(), wanted["box_xyxy"]) for box in mine]
                assert max(overlaps, default=0.0) >= 0.8, (path.name, wanted["phrase"], overlaps)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _pushed_as_an_array(path: Path) -> Pixels:
    """As a program sends what is no JPEG: the pixels that it has read itself."""
    address = f"tcp://127.0.0.1:{free_port()}"
    with WatchedReader(SourceOptions("cam", f"push:{address}")) as watched, Pusher(address, wait_s=5.0) as pusher:
        assert pusher.send(read_one_picture(path))
        assert watched.until_frames(1)
        return watched.frames[0].rgb


def _iou(one: list[float], other: list[float]) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    common = max(0.0, width) * max(0.0, height)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return common / (sum(areas) - common)
