"""Stream selection: which of a source's video streams is read, FFmpeg's own choice or the one in the settings."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from av.container import InputContainer
from av.stream import Discard, Disposition
from av.video.stream import VideoStream

from ..source_url import SourceError

_TEXT_SHOWN_AS_VIDEO = frozenset({"tty", "bin", "xbin", "adf", "idf"})
_MAX_NAMED = 6
_DEFAULT_PX = 5_000_000


class Choice(NamedTuple):
    """The stream to read.

    Args:
        stream: the one to read; all others are discarded.
        notice: names the other streams; None where there are none, or the settings name one.
    """

    stream: VideoStream
    notice: str | None


def choose_stream(container: InputContainer, where: str, wanted: int | None = None) -> Choice:
    """The one stream to read.

    The ffmpeg command takes the one with the largest pictures, of which being the file's default counts for five
    million pixels. A cover picture is never its choice.

    Args:
        container: what was opened.
        where: the source's name in an error.
        wanted: the stream's number, as ffprobe counts them; None leaves the choice to FFmpeg.

    Raises:
        SourceError: no stream can be decoded, or the wanted one does not exist.
    """
    if container.format.name in _TEXT_SHOWN_AS_VIDEO:
        raise SourceError(f"{where} is a text, not a video: name a video or a picture")
    videos = container.streams.video
    moving = [stream for stream in videos if not stream.disposition & Disposition.attached_pic]
    if not moving:
        raise SourceError(f"{where} has no video in it: name one that has")
    notice = None
    if wanted is None:
        stream = max(moving, key=_score_px)
        others = [other for other in moving if other is not stream]
        if others:
            notice = (
                f"{where} has {len(moving)} video streams, of which {_named([stream])} is read, not {_named(others)}: "
                "to choose, set stream (--stream) to the number of one"
            )
    else:
        named = next((stream for stream in videos if stream.index == wanted), None)
        if named is None:
            raise SourceError(f"{where} has no video stream {wanted}: choose among {_named(moving)}")
        stream = named
    if not _can_be_decoded(stream):
        raise SourceError(f"{where} is damaged, or coded in a way that cannot be decoded: convert it to H.264")
    for other in container.streams:
        if other is not stream:
            other.discard = Discard.all
    return Choice(stream, notice)


def codec_of(stream: VideoStream) -> str:
    """FFmpeg's name of how the pictures are coded, whichever of its decoders reads them: av1, not libdav1d."""
    return stream.codec_context.codec.canonical_name


def _score_px(stream: VideoStream) -> int:
    """The score of a stream, as `map_auto_video` of FFmpeg's fftools/ffmpeg_mux_init.c counts it."""
    if not _can_be_decoded(stream):
        return -1
    return stream.width * stream.height + _DEFAULT_PX * bool(stream.disposition & Disposition.default)


def _can_be_decoded(stream: VideoStream) -> bool:
    return getattr(stream, "codec_context", None) is not None  # PyAV's types do not say that it may be


def _named(streams: Sequence[VideoStream]) -> str:
    names = [_name(stream) for stream in streams[:_MAX_NAMED]]
    return ", ".join(names) + (f" and {len(streams) - _MAX_NAMED} more" if len(streams) > _MAX_NAMED else "")


def _name(stream: VideoStream) -> str:
    if not _can_be_decoded(stream):
        return f"{stream.index} (which cannot be decoded)"
    return f"{stream.index} ({codec_of(stream)}, {stream.width}x{stream.height})"
