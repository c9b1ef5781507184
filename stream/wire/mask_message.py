"""Mask encoding: the masks of one frame to msgpack bytes, and back. `mask.schema.json` says the same."""

from __future__ import annotations

from typing import cast

from ..track import Box
from ..track_mask import TrackMask
from .message_fields import Fields
from .message_identity import identity_map, open_message, read_identity
from .message_types import MaskMessage
from .packing import pack
from .topics import MessageError

_MAX_RLE_BYTES = 1 << 20
_MAX_SIDE_PX = 1 << 16


def encode_masks(message: MaskMessage) -> bytes:
    """One message as bytes that `decode_masks` accepts.

    Raises:
        MessageError: a value that cannot be sent (NaN, a numpy number, a bad name), named by its key.
    """
    values: dict[str, object] = {
        **identity_map(message),
        "published_unix_ns": message.published_unix_ns,
        "replay": message.replay,
        "masker": message.masker,
        "masks": [
            {
                "track_id": mask.track_id,
                "size": list(mask.size_hw),
                "rle": mask.rle,
                "area_px": mask.area_px,
                "quality": mask.quality,
                "box_xyxy": list(mask.box_xyxy),
            }
            for mask in message.masks
        ],
    }
    _read_message(Fields(values))
    return pack(values)


def decode_masks(body: bytes) -> MaskMessage:
    """The message in `body`. The run lengths themselves are not decoded.

    Raises:
        MessageError: not msgpack, another major version, a missing key, a wrong type or range.
    """
    return _read_message(open_message(body))


def _read_message(fields: Fields) -> MaskMessage:
    return MaskMessage(
        **read_identity(fields, min_seq=1),
        published_unix_ns=fields.integer("published_unix_ns"),
        masker=fields.text("masker"),
        masks=tuple(_read_mask(Fields(item, "masks[]")) for item in fields.items("masks")),
        replay=fields.flag("replay"),
    )


def _read_mask(fields: Fields) -> TrackMask:
    height, width = fields.integers("size", 2, minimum=1)
    rle = fields.blob("rle")
    if not 0 < len(rle) <= _MAX_RLE_BYTES or max(height, width) > _MAX_SIDE_PX:
        raise MessageError(f"masks[] of {width}x{height} px in {len(rle)} bytes is no mask that may be sent")
    return TrackMask(
        track_id=fields.integer("track_id"),
        size_hw=(height, width),
        rle=rle,
        area_px=fields.integer("area_px", minimum=1),
        quality=fields.number("quality", 0.0, 1.0),
        box_xyxy=cast("Box", fields.numbers("box_xyxy", 4)),
    )
