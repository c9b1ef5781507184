"""Still pictures: every orientation and pixel kind is decoded; incomplete and unknown ones are refused."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import struct
import zlib
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms
from PIL.TiffImagePlugin import AppendingTiffWriter

from groundcast.model.pictures.orientation import ORIENTATIONS
from groundcast.model.pictures.pixel_kinds import rgb_of_pillow
from groundcast.model.pictures.still_picture import (
    StillError,
    check_whole,
    decode_jpeg,
    read_header,
    read_one_picture,
    read_pictures,
)
from groundcast.model.pictures.tone_mapping import tone_map

from ..stored_pictures import jpeg, scene, stored, turned_file, with_exif

Pixels = NDArray[Any]
SCENE = scene()
PQ = 16
GREY = np.asarray(Image.fromarray(SCENE).convert("L"))


def _difference(image: Pixels, wanted: Pixels) -> float:
    assert (image.shape, image.dtype) == (wanted.shape, np.uint8)
    return float(np.abs(image.astype(int) - wanted).mean())


# ---- orientation


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".avif"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_file_stands_upright_however_it_is_stored(orientation: int, suffix: str, tmp_path: Path) -> None:
    path = turned_file(tmp_path / f"turned{suffix}", SCENE, orientation)
    assert _difference(read_one_picture(path), SCENE) < 4
    header = read_header(path)
    assert (header.width, header.height, header.pages) == (64, 48, 1)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_jpegs_bytes_are_turned_by_exif_of_either_byte_order(orientation: int, order: str) -> None:
    data = jpeg(stored(SCENE, orientation), exif=with_exif(orientation, order))
    assert _difference(decode_jpeg(data), SCENE) < 4
    assert _difference(decode_jpeg(data, upright=False), stored(SCENE, orientation)) < 4


def test_exif_that_is_damaged_turns_nothing() -> None:
    whole = with_exif(6)
    broken = [whole[:length] for length in range(6, len(whole) - 8)]
    broken += [whole[:8] + b"\xff" * 8 + whole[16:], with_exif(9), with_exif(0)]
    for exif in broken:
        assert _difference(decode_jpeg(jpeg(SCENE, exif=exif)), SCENE) < 4


# ---- kinds of pixels


@pytest.mark.parametrize("mode", Image.MODES)
def test_every_mode_of_pillow_is_seen_right(mode: str) -> None:
    assert _difference(rgb_of_pillow(_in_mode(mode)), _seen_in(mode)) < 3


def _in_mode(mode: str) -> Image.Image:
    picture = Image.fromarray(SCENE)
    if mode.startswith("I;16"):
        order = ">" if mode.endswith("B") else "<"
        wide = (GREY.astype(np.uint16) * 257).astype(f"{order}u2")
        return Image.frombytes("I;16B" if order == ">" else mode, (64, 48), wide.tobytes())
    if mode == "LAB":
        profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        lab = ImageCms.profileToProfile(picture, *profiles, outputMode="LAB")
        assert lab is not None
        return lab
    if mode in ("La", "RGBa"):
        return picture.convert(mode[:-1] + "A").convert(mode)
    if mode == "PA":
        return picture.convert("P").convert("PA")
    return picture.convert(mode)


def _seen_in(mode: str) -> Pixels:
    if mode == "1":
        return np.asarray(Image.fromarray(SCENE).convert("1").convert("RGB"))
    if mode in ("P", "PA"):
        return np.asarray(Image.fromarray(SCENE).convert("P").convert("RGB"))
    is_grey = mode.startswith(("L", "I", "F")) and mode != "LAB"
    return np.repeat(GREY[..., None], 3, axis=2) if is_grey else SCENE


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("a.png", GREY.astype(np.uint16) * 257),
        ("a.tif", GREY.astype(np.uint16) * 257),
        ("a.pgm", GREY.astype(np.uint16) * 257),
        ("a.jp2", GREY.astype(np.uint16) * 257),
        ("a.tif", GREY.astype(np.int32)),
        ("a.tif", GREY.astype(np.int32) * 257),
        ("a.tif", GREY.astype(np.float32)),
        ("a.tif", GREY.astype(np.float32) / 255),
        ("a.tif", GREY.astype(np.float32) * 257),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.dtype}-{value.max():g}",
)
def test_deep_grey_files_are_as_bright_as_shallow_ones(name: str, values: Pixels, tmp_path: Path) -> None:
    Image.fromarray(values).save(tmp_path / name)
    assert _difference(read_one_picture(tmp_path / name), np.repeat(GREY[..., None], 3, axis=2)) < 1


def test_a_tiff_whose_white_is_zero_is_not_seen_as_a_negative(tmp_path: Path) -> None:
    Image.fromarray((255 - GREY).astype(np.uint16) * 257).save(tmp_path / "a.tif", tiffinfo={262: 0})
    assert _difference(read_one_picture(tmp_path / "a.tif"), np.repeat(GREY[..., None], 3, axis=2)) < 1


def test_a_tiff_of_twelve_bits_is_white_at_4095(tmp_path: Path) -> None:
    pixels = b"\xff\xf0\x00\x80\x0f\xff"  # 4095, 0, 2048, 4095 by twelve bits
    tags = {256: 4, 257: 1, 258: 12, 259: 1, 262: 1, 273: 8, 277: 1, 278: 1, 279: len(pixels)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    header = b"II" + struct.pack("<HI", 42, 8 + len(pixels)) + pixels
    (tmp_path / "a.tif").write_bytes(header + struct.pack("<H", len(tags)) + entries + bytes(4))
    assert read_one_picture(tmp_path / "a.tif")[0, :, 0].tolist() == [255, 0, 128, 255]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_pixels_show_white(mode: str, tmp_path: Path) -> None:
    alpha = np.full((48, 64), 255, np.uint8)
    alpha[:24] = 0
    alpha[24:, 32:] = 128
    picture = Image.fromarray(np.dstack([SCENE, alpha]))
    if mode == "P":
        picture = picture.quantize(16)
    elif mode == "LA":
        picture = picture.convert("LA")
    picture.save(tmp_path / "a.png")
    image = read_one_picture(tmp_path / "a.png").astype(int)
    opaque = read_one_picture(_saved(tmp_path / "b.png", picture.convert("RGB"))).astype(int)
    assert (image[:24] == 255).all()
    assert np.abs(image[24:, :32] - opaque[24:, :32]).max() <= 1
    assert np.abs(image[24:, 32:] - (opaque[24:, 32:] + 255) / 2).max() <= 2


@pytest.mark.parametrize("mode", ["L", "RGB", "I;16"])
def test_a_colour_that_is_named_as_transparent_shows_white(mode: str, tmp_path: Path) -> None:
    values = GREY.astype(np.uint16) * 257 if mode == "I;16" else np.asarray(Image.fromarray(SCENE).convert(mode))
    hidden = values[0, 0]
    key = tuple(int(one) for one in hidden) if mode == "RGB" else int(hidden)
    Image.fromarray(values).save(tmp_path / "a.png", transparency=key)
    image = read_one_picture(tmp_path / "a.png")
    assert (image[:24, :32] == 255).all()
    assert (image[24:] == read_one_picture(_saved(tmp_path / "b.png", Image.fromarray(values)))[24:]).all()


def _saved(path: Path, picture: Image.Image) -> Path:
    picture.info.pop("transparency", None)
    picture.save(path)
    return path


@pytest.mark.parametrize(
    "values",
    [
        np.full((4, 4), np.nan, np.float32),
        np.array([[0, np.inf]], np.float32),
        np.array([[-0.5, 1]], np.float32),
        np.array([[0, 1e6]], np.float32),
        np.array([[-3, 4]], np.int32),
        np.array([[0, 1 << 20]], np.int32),
    ],
)
def test_grey_whose_white_level_is_unknown_is_refused_by_name(values: Pixels, tmp_path: Path) -> None:
    Image.fromarray(values).save(tmp_path / "a.tif")
    with pytest.raises(StillError, match="grey values go from"):
        read_one_picture(tmp_path / "a.tif")


@pytest.mark.parametrize("suffix", [".png", ".avif"])
def test_hdr_pictures_are_tone_mapped(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    Image.fromarray(SCENE).save(path, quality=95)
    as_stored = read_one_picture(path)
    data = path.read_bytes()
    if suffix == ".png":
        chunk = b"cICP" + bytes([9, PQ, 0, 1])
        chunk = struct.pack(">I", 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        path.write_bytes(data[:33] + chunk + data[33:])
    else:
        place = data.index(b"colrnclx") + 10
        path.write_bytes(data[:place] + PQ.to_bytes(2, "big") + data[place + 2 :])
    assert np.array_equal(read_one_picture(path), tone_map(as_stored.astype(np.uint16) * np.uint16(257), "PQ"))


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_inks_are_seen_as_colours(suffix: str, tmp_path: Path) -> None:
    Image.fromarray(SCENE).convert("CMYK").save(tmp_path / f"a{suffix}")
    assert _difference(read_one_picture(tmp_path / f"a{suffix}"), SCENE) < 4


# ---- half pictures


NOISE = np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)
KINDS = [".jpg", ".png", ".webp", ".gif", ".bmp", ".tif", ".avif", ".ppm", ".tga", ".jp2"]


@pytest.mark.parametrize("share", [0.05, 0.6, 0.97])
@pytest.mark.parametrize("suffix", KINDS)
def test_a_part_of_a_picture_is_refused_by_name(suffix: str, share: float, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    Image.fromarray(NOISE).save(path)
    check_whole(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(StillError):
        read_one_picture(path)
    with pytest.raises(StillError):
        check_whole(path)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"exif": with_exif(1)}])
def test_a_jpeg_is_whole_whatever_a_camera_adds_behind_it(options: dict[str, object], tmp_path: Path) -> None:
    data = jpeg(NOISE, **options)
    padding = np.random.default_rng(1).integers(0, 256, 200_000, np.uint8).tobytes()
    for tail in (b"", bytes(512), padding):
        (tmp_path / "a.jpg").write_bytes(data + tail)
        check_whole(tmp_path / "a.jpg")
        assert np.array_equal(decode_jpeg(data + tail), decode_jpeg(data))
    with pytest.raises(StillError, match="cut off"):
        decode_jpeg(data[: len(data) * 6 // 10] + bytes(len(data) * 4 // 10))  # what was not fetched reads as zeros


@pytest.mark.parametrize(
    "data", [b"", b"no picture", b"\x00\x00\x00\x18ftypheic" + bytes(80), b"%!PS-Adobe-3.0 EPSF-3.0"]
)
def test_what_is_no_picture_that_is_read_is_refused_by_name(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.heic").write_bytes(data)
    with pytest.raises(StillError, match="convert it to JPEG or PNG"):
        read_one_picture(tmp_path / "a.heic")


@pytest.mark.filterwarnings("ignore::UserWarning")  # by which Pillow comments on strange EXIF
@pytest.mark.parametrize("suffix", KINDS)
def test_bytes_that_were_flipped_give_a_picture_or_a_refusal_and_nothing_else(suffix: str, tmp_path: Path) -> None:
    path, random = tmp_path / f"a{suffix}", np.random.default_rng(0)
    Image.fromarray(SCENE).save(path)
    data = path.read_bytes()
    for _ in range(30):
        flipped = bytearray(data)
        for place in random.integers(0, min(len(data), 300), 3):
            flipped[place] = random.integers(256)
        path.write_bytes(flipped)
        with suppress(StillError):
            read_header(path)
        with suppress(StillError):
            check_whole(path)
        with suppress(StillError):
            assert all(still.image.dtype == np.uint8 for still in read_pictures(path))


# ---- several pictures in a file


LEVELS = (40, 120, 200)


@pytest.mark.parametrize(("suffix", "shown_ms"), [(".webp", 70.0), (".avif", 70.0), (".png", 70.0), (".gif", 70.0)])
def test_every_frame_of_an_animation_comes_in_order(suffix: str, shown_ms: float, tmp_path: Path) -> None:
    frames = [Image.fromarray(np.full((48, 64, 3), level, np.uint8)) for level in LEVELS]
    frames[0].save(tmp_path / f"a{suffix}", save_all=True, append_images=frames[1:], duration=int(shown_ms))
    read = list(read_pictures(tmp_path / f"a{suffix}"))
    assert [round(still.image.mean()) for still in read] == pytest.approx(LEVELS, abs=3)
    assert [(still.pages, still.shown_ms) for still in read] == [(3, shown_ms)] * 3
    with pytest.raises(StillError, match="holds 3 pictures"):
        read_one_picture(tmp_path / f"a{suffix}")


def test_pages_of_a_tiff_are_pictures_but_smaller_copies_are_not(tmp_path: Path) -> None:
    pages = [Image.fromarray(np.full((48, 64), level, np.uint8)) for level in LEVELS]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    assert [int(still.image[0, 0, 0]) for still in read_pictures(tmp_path / "a.tif")] == list(LEVELS)
    _with_smaller_copy(tmp_path / "b.tif")
    assert read_header(tmp_path / "b.tif").pages == 1
    assert _difference(read_one_picture(tmp_path / "b.tif"), SCENE) == 0


def _with_smaller_copy(path: Path) -> None:
    with AppendingTiffWriter(str(path), new=True) as writer:
        Image.fromarray(SCENE).save(writer, "TIFF")
        writer.newFrame()
        Image.fromarray(SCENE).resize((16, 12)).save(writer, "TIFF", tiffinfo={254: 1})


def test_the_previews_that_cameras_add_to_a_jpeg_are_left_out(tmp_path: Path) -> None:
    written = BytesIO()
    small = Image.fromarray(SCENE).resize((16, 12))
    Image.fromarray(SCENE).save(written, "MPO", save_all=True, append_images=[small], quality=95)
    (tmp_path / "a.jpg").write_bytes(written.getvalue())
    assert _difference(read_one_picture(tmp_path / "a.jpg"), SCENE) < 4


def test_a_picture_that_no_memory_holds_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("groundcast.model.pictures.still_picture.MAX_PIXELS", 64 * 48 - 1)
    for suffix in (".png", ".jpg"):
        Image.fromarray(SCENE).save(tmp_path / f"a{suffix}")
        with pytest.raises(StillError, match="has 64x48 px, at most 3071 are read"):
            read_one_picture(tmp_path / f"a{suffix}")
