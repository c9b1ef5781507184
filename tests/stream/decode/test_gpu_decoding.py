"""Decoding on a GPU or the CPU, and the errors where the GPU is not available."""

# pyright: reportUnknownMemberType=false, reportPrivateUsage=false

from __future__ import annotations

import pytest

from groundcast.stream.capture.open_source import check_source
from groundcast.stream.decode import gpu_decoding
from groundcast.stream.decode.video import Video
from groundcast.stream.options import SourceOptions
from groundcast.stream.source_url import SourceError

no_gpu = pytest.mark.skipif(gpu_decoding.why_no_gpu_decoder() is None, reason="there is a GPU that decodes")


def _never(_seconds: float) -> bool:
    return False


def _leave(_options: SourceOptions, _gpu: int | None) -> None:
    """As for a codec that the GPU does not know."""


def _know(*_: object) -> None:
    """As for a codec that the GPU knows, in some of its profiles."""


@no_gpu
@pytest.mark.parametrize("url", ["rtsp://camera.example/live", "lavfi:testsrc"])
def test_a_gpu_that_is_asked_for_and_not_there_is_said_at_once(url: str) -> None:
    with pytest.raises(SourceError, match=r"source door asks for decode: cuda, but .*: write decode: auto or cpu"):
        check_source(SourceOptions("door", url, decode="cuda"))


@no_gpu
def test_auto_decodes_on_the_processor_and_says_so_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_decoding, "_log_fallback", gpu_decoding._log_fallback.__wrapped__)
    caplog.set_level("INFO")
    video = Video(SourceOptions("clip", "lavfi:testsrc", decode="auto"), _never)
    try:
        image = next(video.pictures()).image()
    finally:
        video.close()
    assert image is not None
    assert image.shape == (240, 320, 3)
    assert "decode: auto are decoded on the processor: there is no GPU" in caplog.text


def test_a_codec_that_no_gpu_knows_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("groundcast.stream.decode.ffmpeg_open.gpu_decoder", _leave)
    with pytest.raises(SourceError, match="source door is coded as wrapped_avframe, which no GPU decodes"):
        Video(SourceOptions("door", "lavfi:testsrc", decode="cuda"), _never)


def test_a_profile_that_the_gpu_leaves_to_the_processor_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("groundcast.stream.decode.ffmpeg_open.gpu_decoder", _leave)
    monkeypatch.setattr("groundcast.stream.decode.video.check_gpu_decodes", _know)
    video = Video(SourceOptions("door", "lavfi:testsrc", decode="cuda"), _never)
    try:
        with pytest.raises(SourceError, match=r"door is coded as wrapped_avframe \(.*rgb24\), which no GPU decodes"):
            next(video.pictures())
    finally:
        video.close()
