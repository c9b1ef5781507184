"""Opening a source over HTTP with FFmpeg; redirects and playlists may lead to allowed hosts only."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import errno
from urllib.parse import urlsplit

import av
from av.codec.hwaccel import HWAccel
from av.container import InputContainer
from av.error import FFmpegError

from ..options import SourceOptions
from ..source_url import full_url
from .decoder_limits import FFMPEG_OPTIONS
from .web_client import WebClient

_PLAYLISTS = (".m3u8", ".m3u")
_SEGMENTS = "hls"
# What a camera or a web server sends as one stream. Formats that name further addresses (sdp, dash, concat) are not
# among them, and playlists are read by `WebClient`, since FFmpeg would connect to any host in them.
_STREAMS = (
    "mpjpeg,mjpeg,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,live_flv,mpegts,mpeg,mpegvideo,m4v,h264,hevc,vvc,h263,"
    "av1,obu,ivf,ogg,asf,nut,mxf,gif,apng,wtv,dv,vc1,cavsvideo"
)
# FFmpeg would probe a live stream without timestamps for two seconds, and then return all pictures of them at once.
_LIVE = {"analyzeduration": "100000"}


def open_web(options: SourceOptions, decoder: HWAccel | None) -> InputContainer:
    """Open what an http(s):// URL names. A redirect is followed, and a playlist read, where the host is allowed.

    Raises:
        FFmpegError: it cannot be opened.
        SourceError: it leads to a host that is not allowed, or cannot be reached.
    """
    url, client = full_url(options.url), WebClient(options)
    is_playlist = urlsplit(url).path.lower().endswith(_PLAYLISTS)
    if not is_playlist:
        try:
            return _open_stream(url, options, decoder)
        except FFmpegError as error:
            if error.errno not in (errno.EIO, errno.EINVAL):  # a redirect, and a format that is not for FFmpeg alone
                raise
            url_before, (url, is_playlist) = url, client.follow(url)
            if not is_playlist and url == url_before:
                raise
    is_playlist = is_playlist or urlsplit(url).path.lower().endswith(_PLAYLISTS)
    return _open_playlist(url, options, decoder, client) if is_playlist else _open_stream(url, options, decoder)


def _open_stream(url: str, options: SourceOptions, decoder: HWAccel | None) -> InputContainer:
    stills = ",".join(sorted(name for name in av.formats_available if name.endswith("_pipe")))
    return av.open(
        url,
        options={
            **_LIVE,
            **FFMPEG_OPTIONS,
            "max_redirects": "0",
            "protocol_whitelist": "http,https,httpproxy,tcp,tls",
            "format_whitelist": f"{_STREAMS},{stills}",
        },
        metadata_errors="replace",
        timeout=(options.open_timeout_s, options.read_timeout_s),
        hwaccel=decoder,
    )


def _open_playlist(url: str, options: SourceOptions, decoder: HWAccel | None, client: WebClient) -> InputContainer:
    return av.open(
        url,
        format=_SEGMENTS,
        options={
            **_LIVE,
            **FFMPEG_OPTIONS,
            "protocol_whitelist": "crypto,data",
            "http_persistent": "0",  # FFmpeg would treat our connections as its own, and crash
            "http_multiple": "0",
        },
        metadata_errors="replace",
        timeout=(options.open_timeout_s, options.read_timeout_s),
        io_open=client.open,
        hwaccel=decoder,
    )
