"""The picture that answers are published for: given, kept from an earlier time, or fetched."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..exits import InputError
from ..show.image_files import read_picture
from .answers import KnownPicture

_MAX_BYTES = 20_000_000
_TIMEOUT_S = 30.0


def open_picture(known: KnownPicture, given: Path | None, *, offline: bool) -> NDArray[np.uint8]:
    """(h, w, 3) RGB.

    Raises:
        InputError: it is not here and cannot be fetched, or is another picture.
        RunError: it cannot be read.
    """
    path = given or _kept(known)
    if given is None and not path.is_file():
        if offline:
            raise InputError(
                f"the picture of {known.name}, {known.url}, is not here, and --offline fetches nothing: bring it, and "
                "name it with --picture"
            )
        _fetch(known.url, path)
    if not path.is_file():
        raise InputError(f"picture {path} does not exist: name the file of {known.name} ({known.url})")
    image = read_picture(path).image
    height, width = image.shape[:2]
    if (width, height) != (known.width_px, known.height_px):
        raise InputError(
            f"picture {path} is {width}x{height} px, that of {known.name} is {known.width_px}x{known.height_px}: bring "
            f"{known.url} as it is"
        )
    return image


def _kept(known: KnownPicture) -> Path:
    """Where a fetched picture is kept."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "groundcast" / "verify" / (Path(known.url).name or known.name)


def _fetch(url: str, path: Path) -> None:
    if not url.startswith(("http://", "https://")):
        raise InputError(f"the picture {path.name} has no address: name its file with --picture")
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:
            content = answer.read(_MAX_BYTES)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        partial.write_bytes(content)
        partial.replace(path)
    except (urllib.error.URLError, OSError) as error:
        raise InputError(f"picture {url} cannot be fetched ({error}): bring it, and name it with --picture") from error
