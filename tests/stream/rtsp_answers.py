"""What a test camera answers to RTSP requests: in its own words, or in those of a camera that was recorded."""

from __future__ import annotations

import re
from base64 import b64encode
from pathlib import Path

from .encoded_clips import Clip, kind_of_unit
from .rtp_packets import SSRC

_H265_NAMES = {32: "sprop-vps", 33: "sprop-sps", 34: "sprop-pps"}


def description(clip: Clip, *, sets_of: Clip | None = None, fmtp: bool = True, session: str) -> str:
    """The SDP of a camera that shows `clip`.

    Args:
        clip: says the codec and the rate.
        sets_of: whose parameter sets it names, None for the clip's own.
        fmtp: whether it names any.
        session: its name.
    """
    media = "H264" if clip.codec == "h264" else "H265"
    return "\r\n".join([
        "v=0", "o=- 2252542845 2252542845 IN IP4 0.0.0.0", f"s={session}", "c=IN IP4 0.0.0.0", "t=0 0",
        "a=control:*", "a=range:npt=now-", "m=video 0 RTP/AVP 96", "a=control:trackID=0",
        f"a=framerate:{clip.rate_hz}.000000", f"a=rtpmap:96 {media}/90000",
        *([f"a=fmtp:96 {_parameters(sets_of or clip)}"] if fmtp else []), "a=recvonly", "",
    ])  # fmt: skip


def transport(client_port: int | None, own_port: int) -> str:
    """The answer to SETUP: over the connection itself, or over UDP."""
    if client_port is None:
        return f"RTP/AVP/TCP;unicast;interleaved=0-1;ssrc={SSRC:08X}"
    ports = f"client_port={client_port}-{client_port + 1};server_port={own_port}-{own_port + 1}"
    return f"RTP/AVP;unicast;{ports};ssrc={SSRC:08X}"


def recorded(folder: Path, describe: str, others: str) -> dict[str, str]:
    """A real camera's answers to DESCRIBE, SETUP and PLAY, by method."""
    names = {"DESCRIBE": describe, "SETUP": f"{others}_setup.txt", "PLAY": f"{others}_play.txt"}
    return {method: (folder / name).read_bytes().decode("ascii") for method, name in names.items()}


def replay(text: str, sequence: str, own_port: int, clip: Clip) -> str:
    """A recorded answer as ours: our address, our number, and the parameter sets of what we show."""
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    body = re.sub(r"sprop-parameter-sets=[^;\n]*", f"sprop-parameter-sets={_sets(clip)}", body)
    head, body = (re.sub(r"rtsp://[0-9.]+(:\d+)?/", f"rtsp://127.0.0.1:{own_port}/", part) for part in (head, body))
    body = body.replace("\n", "\r\n")
    head = re.sub(r"(?m)^CSeq:.*$", f"CSeq: {sequence}", head.strip())
    head = re.sub(r"(?m)^Content-Length:.*$", f"Content-Length: {len(body)}", head)
    return head.replace("\n", "\r\n") + "\r\n\r\n" + body


def _parameters(clip: Clip) -> str:
    if clip.codec == "h264":
        return f"packetization-mode=1;sprop-parameter-sets={_sets(clip)}"
    named = [(_H265_NAMES[kind_of_unit(unit, "hevc")], b64encode(unit).decode()) for unit in clip.parameter_sets]
    return ";".join(f"{name}={text}" for name, text in named)


def _sets(clip: Clip) -> str:
    return ",".join(b64encode(unit).decode() for unit in clip.parameter_sets)
