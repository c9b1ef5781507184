"""The live tables, on a real terminal."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

from rich.table import Table

from groundcast.launch.show.message_table import MessageTable
from groundcast.stream.options import PublisherOptions
from groundcast.stream.publish.publisher import Publisher

from ...stream.spoken import speaking
from ..standing_node import DOOR
from ..test_listen import MESSAGE
from ..test_listen_status import ENDED, telling_node

MOVES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")


def shown_on_a_terminal(*arguments: str) -> str:
    """What a command shows on a terminal of 100 columns until it ends, without what moves the cursor."""
    ours, theirs = pty.openpty()
    command = [str(Path(sys.executable).parent / "groundcast"), *arguments]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "30"}
    shown = b""
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        try:
            while piece := os.read(ours, 65536):
                shown += piece
        except OSError:  # nobody has it open any more
            pass
        finally:
            os.close(ours)
    text = MOVES.sub(b"", shown).decode("utf-8", "replace")
    assert process.returncode == 0, text
    return text


def test_messages_are_a_table_that_stays_in_place() -> None:
    with Publisher(PublisherOptions("tcp://127.0.0.1:*"), "bench") as publisher, speaking(publisher, most=40):
        shown = shown_on_a_terminal("listen", publisher.address, "--timeout-s", "30")
    for word in ("red mug", "0.90"):
        assert word in shown
    assert re.search(r"\b[1-9]\d* messages", shown)  # the newest of each source: a busy machine passes over some


def test_statuses_are_a_table_that_stays_in_place() -> None:
    with telling_node(DOOR, ENDED) as address:
        shown = shown_on_a_terminal("listen", address, "--status", "--timeout-s", "30", "--source", "door")
    for word in ("silent", "29.5/14.5", "ended", "every frame was read"):  # what was running is drawn over
        assert word in shown


def test_before_a_node_is_heard_a_terminal_says_what_is_waited_for() -> None:
    board = MessageTable("waiting for a node on tcp://127.0.0.1:5570")

    assert str(board._shown()) == "waiting for a node on tcp://127.0.0.1:5570"
    board.show(MESSAGE)
    assert isinstance(board._shown(), Table)
