"""Loads a masker by name: the embedded one, a folder, or a model of the hub."""

from __future__ import annotations

from importlib.util import find_spec

from .masker import Masker, TrackMasker

EMBEDDED = "tabletop"
_INSTALL = "pip install 'groundcast[node,masks]'"


def load_track_masker(name: str = EMBEDDED, device: str = "auto", *, offline: bool = False) -> TrackMasker:
    """Load a masker for tracks. Arguments and errors as of `load_masker`.

    SAM 2 and EdgeTAM remember each track, if the weights are those of the video model, as published ones are.
    """
    from .box_tracks import BoxTracks

    if name != EMBEDDED:
        from .published_masker import load_video

        _check_library()
        if (video := load_video(name, device, offline=offline)) is not None:
            return video

    return BoxTracks(load_masker(name, device, offline=offline))


def load_masker(name: str = EMBEDDED, device: str = "auto", *, offline: bool = False) -> Masker:
    """Load a masker. Takes seconds.

    Args:
        name: 'tabletop' is the embedded one; else a folder, or 'owner/model' of the hub.
        device: 'auto' is the first GPU if there is one; else 'cpu', 'cuda', 'cuda:1'.
        offline: use the hub's local cache alone.

    Raises:
        MaskerError: there is no such model, or it is none that makes masks from boxes.
        DeviceError: this machine has no such device.
    """
    from ..runtime.device import named_device

    _check_library()
    chosen = named_device(device)
    if name != EMBEDDED:
        from .published_masker import load_published

        return load_published(name, chosen, offline=offline)
    from .embedded import EmbeddedMasker

    return EmbeddedMasker(device=str(chosen))


def _check_library() -> None:
    from .published_masker import MaskerError

    if find_spec("pycocotools") is None:
        raise MaskerError(f"masks need pycocotools, which is missing: {_INSTALL}")
