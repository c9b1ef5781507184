"""A decoder process: opens one network source, decodes it and lays its pictures into slots that the node reads.

The node runs this module with the arguments SOCKET MEMORY PARENT [PORT...]: the descriptors of a socket for messages
and of the slots' memory, the node's process id, and the TCP ports that it may connect to (any, where none is named).
It ends with the node.
"""

from __future__ import annotations

import ctypes
import encodings.idna
import os
import signal
import socket
import sys
import threading
import time
import traceback
from typing import cast

import av.audio.stream
import av.sidedata.encparams
import av.sidedata.motionvectors
import av.subtitles.codeccontext
import av.subtitles.stream
from cryptography.hazmat.primitives import ciphers, padding

from ...model.image import DecodedImage
from ..decode.decoder_limits import limit_allocations
from ..decode.network_source import open_network
from ..decode.opened_source import OpenedSource, TimedPicture
from ..source_url import RefusedError, SourceError
from ..timing.liveness import Liveness
from ..wire import jpeg_scans
from ..wire.packing import unpack
from .messages import MAX_MESSAGE, ImageState, Kind, Opened, opened_values, options_of, pack_report, picture_values
from .picture_slots import SlotWriter
from .sandbox import SandboxError, enter_sandbox, missing_protection

PULSE_EVERY_S = 0.25
_PR_SET_PDEATHSIG = 1
# Nothing can be imported inside the sandbox.
_NEEDED_LATER = (
    *(av.audio.stream, av.sidedata.encparams, av.sidedata.motionvectors),
    *(av.subtitles.codeccontext, av.subtitles.stream, encodings.idna, ciphers, padding, jpeg_scans),
)


class DecoderChild:
    """Does what the node orders, one source and one order at a time.

    Args:
        channel: a socket that keeps messages apart.
        slots: where pictures go.
        relay_port: on loopback, for the RTSP relay.
    """

    def __init__(self, channel: socket.socket, slots: SlotWriter, relay_port: int) -> None:
        self._channel, self._slots, self._relay_port = channel, slots, relay_port
        self._pulse: Liveness | None = None
        self._waits = False
        self._slot: int | None = None

    def run(self) -> None:
        """Open and read for as long as the node wants."""
        self._send("ready", text=missing_protection())
        threading.Thread(target=self._tell_pulse, daemon=True).start()
        while True:
            self._read(self._receive())

    def _read(self, order: dict[str, object]) -> None:
        try:
            options = options_of(cast("dict[str, object]", order["options"]))
            self._slot = cast("int | None", order["slot"])
            connection = open_network(options, self._pause, relay_port=self._relay_port)
            self._pulse = connection.liveness
            try:
                self._hand_over_all(connection)
            finally:
                connection.close()
        except SourceError as error:
            self._send("refused" if isinstance(error, RefusedError) else "lost", text=str(error))
        except Exception as error:  # noqa: BLE001  the edge of the process: the node logs it
            self._send("broke", text="".join(traceback.format_exception(error))[-2000:])
        finally:
            self._pulse = None

    def _hand_over_all(self, connection: OpenedSource) -> None:
        opened = Opened(connection.facts, connection.rate_hz, connection.held_back_s)
        self._send("opened", **opened_values(opened))
        for picture in connection.pictures():
            state, size = self._make(picture, self._slot)
            self._send("picture", **picture_values(picture), image=state, size=size)
            while (order := self._receive())["do"] == "image":
                state, size = self._make(picture, cast("int | None", order["slot"]))
                self._send("image", image=state, size=size)
            self._slot = cast("int | None", order["slot"])
        self._send("over", text=connection.shortfall)

    def _make(self, picture: TimedPicture, slot: int | None) -> tuple[ImageState, tuple[int, int]]:
        if slot is None:
            return "left", (0, 0)
        image = picture.image()
        if image is None:
            return "damaged", (0, 0)
        assert not isinstance(image, DecodedImage), "no GPU looks at it"
        self._slots.write(slot, image)
        return "made", (image.shape[0], image.shape[1])

    def _pause(self, seconds: float) -> bool:
        self._waits = True
        time.sleep(seconds)
        self._waits = False
        return False

    def _tell_pulse(self) -> None:
        while True:
            time.sleep(PULSE_EVERY_S)
            if pulse := self._pulse:
                try:
                    self._channel.send(pack_report("pulse", pulse, waits=self._waits), socket.MSG_DONTWAIT)
                except BlockingIOError:  # the node has enough to read
                    continue
                except OSError:
                    os._exit(0)

    def _send(self, kind: Kind, **values: object) -> None:
        try:
            self._channel.send(pack_report(kind, self._pulse, **values))
        except OSError:  # the node is gone
            os._exit(0)

    def _receive(self) -> dict[str, object]:
        try:
            body = self._channel.recv(MAX_MESSAGE)
        except OSError:
            body = b""
        if not body:
            os._exit(0)
        return cast("dict[str, object]", unpack(body))


def main() -> None:
    """Serve the node that started this process."""
    channel, memory, parent, *ports = (int(text) for text in sys.argv[1:])
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before that was asked for
        return
    slots, link = SlotWriter(memory), socket.socket(fileno=channel)
    with socket.create_server(("127.0.0.1", 0)) as free:
        relay_port: int = free.getsockname()[1]
    limit_allocations()
    socket.getaddrinfo("localhost", None)  # loads what the C library needs for it
    try:
        enter_sandbox(ports, relay_port)
    except SandboxError as error:
        link.send(pack_report("lost", text=f"{error}: give this source decode_process: false to do without"))
        return
    DecoderChild(link, slots, relay_port).run()


if __name__ == "__main__":
    main()
