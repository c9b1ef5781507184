"""`groundcast edit` with a tiny random pipeline: what may change, what must not, and what is said about it."""

# Pillow and OpenCV leave some types open.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from groundcast.launch.edit.result_files import save_edited
from groundcast.launch.exits import RunError
from groundcast.launch.node import load_detector
from groundcast.launch.settings.settings import ModelSettings
from groundcast.model.tabletop.clip_truth import CLIP_PATH

from ...model.editing.tiny_pipelines import needs_diffusers, save_gligen, save_inpainting
from ..commands import BlobModel, Ended, in_process
from ..conftest import full_disk, red_square

Rgb = NDArray[np.uint8]
BOX = (slice(40, 70), slice(20, 50))  # of the red square
BBOX = {"x1": 20.0, "y1": 40.0, "x2": 50.0, "y2": 70.0}
VASE = ("--replace", "a vase", "--steps", "2", "--masker", "box", "--device", "cpu")


@pytest.fixture(scope="module")
def inpainting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_inpainting(tmp_path_factory.mktemp("pipelines") / "inpaint")


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plain colour detector instead of a model: these tests are about what surrounds it."""

    def load(_model: ModelSettings) -> BlobModel:
        return BlobModel()

    monkeypatch.setattr(load_detector, "load_detector", load)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    Image.fromarray(red_square(20)).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def run(capsys: pytest.CaptureFixture[str], photo: Path, *options: str | Path) -> Ended:
    return in_process(capsys, "edit", photo, "--prompt", "red square", *options)


def edited(
    capsys: pytest.CaptureFixture[str], photo: Path, pipeline: Path, *options: str | Path, name: str = "out.png"
) -> tuple[Rgb, dict[str, Any]]:
    out = photo.with_name(name)
    ended = run(capsys, photo, "--pipeline", pipeline, "--out", out, "--json", *options)
    assert ended.code == 0, ended.err
    return np.asarray(Image.open(out).convert("RGB")), json.loads(ended.out)


def around(pixels: tuple[slice, slice], margin_px: int, size_hw: tuple[int, int]) -> NDArray[np.bool_]:
    """The pixels within a distance of a box."""
    inside = np.zeros(size_hw, np.uint8)
    inside[pixels] = 1
    return np.asarray(cv2.distanceTransform(1 - inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) <= margin_px)


@needs_diffusers
@pytest.mark.usefixtures("plain")
def test_pixels_outside_mask_dilation_and_feather_keep_every_bit(
    capsys: pytest.CaptureFixture[str], photo: Path, inpainting: Path
) -> None:
    before = np.asarray(Image.open(photo))

    after, figures = edited(capsys, photo, inpainting, *VASE, "--dilate", "3", "--feather", "5")

    allowed = around(BOX, 8, (120, 160))
    assert (after[~allowed] == before[~allowed]).all()
    assert (after[BOX] != before[BOX]).any(2).mean() > 0.9
    assert figures["painted_px"] == np.count_nonzero(allowed)
    assert [one["label"] for one in figures["found"]] == ["red square"]


@needs_diffusers
@pytest.mark.slow
@pytest.mark.usefixtures("plain")
def test_the_same_seed_gives_the_same_bytes(capsys: pytest.CaptureFixture[str], photo: Path, inpainting: Path) -> None:
    for name, seed in (("a.png", "5"), ("b.png", "5"), ("c.png", "6")):
        edited(capsys, photo, inpainting, *VASE, "--seed", seed, name=name)

    a, b, c = (photo.with_name(name).read_bytes() for name in ("a.png", "b.png", "c.png"))
    assert a == b
    assert a != c


@needs_diffusers
@pytest.mark.usefixtures("plain")
def test_the_inverse_keeps_what_is_named_and_paints_the_rest(
    capsys: pytest.CaptureFixture[str], photo: Path, inpainting: Path
) -> None:
    before = np.asarray(Image.open(photo))

    after, _ = edited(capsys, photo, inpainting, *VASE, "--invert", "--feather", "0")

    assert (after[BOX] == before[BOX]).all()
    rest = ~around(BOX, 0, (120, 160))
    assert (after[rest] != before[rest]).any(1).mean() > 0.9


@needs_diffusers
@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize(
    "orientation", [pytest.param(3, marks=pytest.mark.slow), 6, pytest.param(8, marks=pytest.mark.slow)]
)
def test_a_turned_picture_is_edited_upright_with_its_colour_profile(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, inpainting: Path, orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = np.ascontiguousarray(red_square(20)[:97, :131])  # odd sizes
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(stored).save(tmp_path / "turned.png", exif=exif, icc_profile=profile)
    upright = np.rot90(stored, {3: 2, 6: -1, 8: 1}[orientation])

    after, _ = edited(capsys, tmp_path / "turned.png", inpainting, *VASE)

    assert after.shape == upright.shape
    red = (upright == (230, 20, 20)).all(2)
    far = np.asarray(cv2.distanceTransform((~red).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) > 12)
    assert (after[far] == upright[far]).all()
    assert (after[red] != upright[red]).any(1).mean() > 0.9
    with Image.open(tmp_path / "out.png") as written:
        assert (written.info.get("icc_profile"), dict(written.getexif())) == (profile, {})


@needs_diffusers
@pytest.mark.usefixtures("plain")
def test_after_a_removal_it_looks_again(capsys: pytest.CaptureFixture[str], photo: Path, inpainting: Path) -> None:
    removal = ("--remove", "--steps", "2", "--masker", "box", "--device", "cpu", "--pipeline", inpainting)

    gone = run(capsys, photo, *removal, "--out", photo.with_name("gone.png"), "--dilate", "0")
    stays = run(capsys, photo, *removal, "--out", photo.with_name("stays.png"), "--dilate", "-10", "--json")

    assert (gone.code, "looked again: " in gone.out) == (0, True)
    figures = json.loads(stays.out)  # a frame of the square is left
    assert figures["gone"] is False
    assert figures["still_found"] == [{"label": "red square", "confidence": 0.9, "bbox": BBOX}]


@needs_diffusers
@pytest.mark.slow
@pytest.mark.usefixtures("plain")
def test_a_jpeg_is_said_to_change_every_pixel(
    capsys: pytest.CaptureFixture[str], photo: Path, inpainting: Path
) -> None:
    ended = run(capsys, photo, *VASE, "--pipeline", inpainting, "--out", photo.with_name("out.jpg"))

    assert (ended.code, "a JPEG, which changes every pixel a little" in ended.err) == (0, True)
    with Image.open(photo.with_name("out.jpg")) as written:
        assert (written.size, written.format) == ((160, 120), "JPEG")


@pytest.mark.usefixtures("plain")
def test_a_full_disk_is_said_and_leaves_no_half_file(
    capsys: pytest.CaptureFixture[str], photo: Path, tmp_path: Path
) -> None:
    with full_disk():
        ended = run(capsys, photo, "--boxes-json", tmp_path / "boxes.json")
        with pytest.raises(RunError, match="free some space"):
            save_edited(red_square(20), tmp_path / "out.png", None)
    assert (ended.code, "free some space" in ended.sentence) == (1, True)
    assert [path.name for path in tmp_path.iterdir()] == ["photo.png"]


@needs_diffusers
@pytest.mark.slow
@pytest.mark.usefixtures("plain")
def test_gligen_gets_boxes_and_phrases(capsys: pytest.CaptureFixture[str], photo: Path, tmp_path: Path) -> None:
    gligen = save_gligen(tmp_path / "gligen")
    before = np.asarray(Image.open(photo))

    after, _ = edited(capsys, photo, gligen, *VASE, "--dilate", "0", "--feather", "0")
    removal = run(capsys, photo, "--remove", "--pipeline", gligen, "--out", tmp_path / "none.png")

    outside = ~around(BOX, 0, (120, 160))
    assert (after[outside] == before[outside]).all()
    assert (after[BOX] != before[BOX]).any(2).mean() > 0.9
    assert (removal.code, "is a GLIGEN" in removal.sentence) == (2, True)


@pytest.mark.usefixtures("plain")
def test_boxes_and_phrases_are_written_as_gligen_takes_them(
    capsys: pytest.CaptureFixture[str], photo: Path, tmp_path: Path
) -> None:
    ended = run(capsys, photo, "--boxes-json", tmp_path / "boxes.json")

    written = json.loads((tmp_path / "boxes.json").read_text())
    assert ended.code == 0
    assert (written["width"], written["height"]) == (160, 120)
    assert written["gligen_phrases"] == ["red square"]
    assert written["gligen_boxes"] == [[0.125, 0.333333, 0.3125, 0.583333]]
    assert written["detections"][0]["bbox"] == BBOX


@needs_diffusers
@pytest.mark.usefixtures("plain")
def test_where_nothing_is_found_no_picture_is_written(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, photo: Path
) -> None:
    Image.new("RGB", (50, 40), "gray").save(photo)
    boxes = tmp_path / "boxes.json"
    (tmp_path / "pipe").mkdir()
    (tmp_path / "pipe" / "model_index.json").write_text('{"_class_name": "StableDiffusionInpaintPipeline"}')
    places = ("--pipeline", tmp_path / "pipe", "--out", tmp_path / "out.png", "--boxes-json", boxes)

    ended = run(capsys, photo, *VASE, *places)

    assert (ended.code, ended.out.strip()) == (0, "nothing named was found: no picture is written")
    assert not (tmp_path / "out.png").exists()
    assert json.loads(boxes.read_text())["gligen_boxes"] == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "nothing to do"),
        (("--remove", "--replace", "x"), "exclude each other"),
        (("--invert", "--remove"), "what shall be around it"),
        (("--replace", " "), "no words"),
        (("--remove",), "no --pipeline"),
        (("--remove", "--pipeline", "x"), "no --out"),
        (("--remove", "--pipeline", "x", "--out", "a.gif"), "neither PNG nor JPEG"),
        (("--remove", "--pipeline", "x", "--out", "no/folder/a.png"), "cannot be written"),
        (("--boxes-json", "a.json", "--pipeline", "x"), "changes no picture"),
        (("--boxes-json", "photo.png"), "written over"),
        (("--remove", "--pipeline", "no/such/folder", "--out", "a.png"), "no pipeline at"),
        (("--remove", "--pipeline", ".", "--out", "a.png"), "model_index.json"),
    ],
)
@needs_diffusers
def test_what_cannot_be_done_is_said_before_a_model_is_loaded(
    capsys: pytest.CaptureFixture[str],
    photo: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.chdir(photo.parent)
    monkeypatch.delattr(load_detector, "load_detector")

    ended = run(capsys, photo, *options)

    assert (ended.code, said in ended.sentence) == (2, True), ended.err


@pytest.mark.usefixtures("plain")
def test_a_file_that_is_no_picture_fails(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")

    broken = run(capsys, tmp_path / "text.png", "--boxes-json", tmp_path / "a.json")
    absent = run(capsys, tmp_path / "absent.png", "--boxes-json", tmp_path / "a.json")

    assert (broken.code, "no picture that can be read" in broken.sentence) == (1, True)
    assert (absent.code, "there is no picture at" in absent.sentence) == (2, True)


@needs_diffusers
@pytest.mark.slow
def test_tabletop_finds_masks_and_removes_what_it_names(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, inpainting: Path
) -> None:
    clip = cv2.VideoCapture(str(CLIP_PATH))
    is_read, frame = clip.read()
    assert is_read
    photo = tmp_path / "frame.png"
    cv2.imwrite(str(photo), frame)

    ended = in_process(
        *(capsys, "edit", photo, "--prompt", "red object", "--threshold", "0.4", "--remove", "--json"),
        *("--steps", "2", "--pipeline", inpainting, "--out", tmp_path / "out.png"),
    )

    figures = json.loads(ended.out)
    x1, y1, x2, y2 = figures["found"][0]["bbox"].values()
    after = cv2.imread(str(tmp_path / "out.png"))
    assert after is not None
    changed = (after != frame).any(2)
    assert (figures["without_mask"], figures["gone"]) == (0, True)
    assert changed[int(y1 + y2) // 2, int(x1 + x2) // 2]
    assert np.count_nonzero(changed) <= figures["painted_px"] < (x2 - x1 + 26) * (y2 - y1 + 26)
