"""The disk queue: its order, its bound, and what a killed process leaves."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from groundcast.stream.bridges.disk_queue import DiskQueue, QueueBounds, QueueError

_FILLER = """
import sys
from pathlib import Path
from groundcast.stream.bridges.disk_queue import DiskQueue
queue = DiskQueue(Path(sys.argv[1]))
number = 0
while True:
    queue.put("lane", str(number), b"body")
    number += 1
    print(number, flush=True)
"""


def keys(queue: DiskQueue) -> list[str]:
    return [item.key for item in queue.after(0, 10_000)]


def test_items_come_back_in_order_and_without_a_lane(tmp_path: Path) -> None:
    queue = DiskQueue(tmp_path / "queue")
    for number in range(6):
        queue.put("ab"[number % 2], str(number), b"body")

    assert keys(queue) == ["0", "1", "2", "3", "4", "5"]
    assert [item.key for item in queue.after(0, 10, without=["a"])] == ["1", "3", "5"]
    queue.remove([item.id for item in queue.after(0, 2)])
    assert keys(queue) == ["2", "3", "4", "5"]
    assert len(queue) == 4
    queue.close()


def test_the_same_key_waits_once(tmp_path: Path) -> None:
    queue = DiskQueue(tmp_path / "queue")
    for _ in range(3):
        queue.put("lane", "one", b"body")

    assert (len(queue), queue.dropped) == (1, 0)
    queue.close()


@pytest.mark.parametrize("bounds", [QueueBounds(max_items=100), QueueBounds(max_bytes=100 * 50)])
def test_beyond_the_bound_the_oldest_are_dropped_and_counted(bounds: QueueBounds, tmp_path: Path) -> None:
    queue = DiskQueue(tmp_path / "queue", bounds)
    for number in range(250):
        queue.put("lane", str(number), bytes(50))

    left = keys(queue)
    assert 90 <= len(left) <= 100
    assert left == [str(number) for number in range(250 - len(left), 250)]
    assert queue.dropped == 250 - len(left)
    queue.close()
    again = DiskQueue(tmp_path / "queue", bounds)
    assert (len(again), again.dropped) == (len(left), 250 - len(left))
    again.close()


def test_nothing_that_was_put_is_lost_to_kill_9(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _FILLER, str(tmp_path / "queue")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = [int(process.stdout.readline()) for _ in range(500)]
        process.send_signal(signal.SIGKILL)
        told += [int(line) for line in process.stdout.read().split("\n")[:-1]]

    queue = DiskQueue(tmp_path / "queue")
    assert keys(queue)[: told[-1]] == [str(number) for number in range(told[-1])]
    queue.close()


def test_a_second_bridge_cannot_use_the_same_file(tmp_path: Path) -> None:
    queue = DiskQueue(tmp_path / "queue")

    with pytest.raises(QueueError, match="is in use by another bridge"):
        DiskQueue(tmp_path / "queue")
    queue.close()


def test_another_programs_file_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "queue").write_text("a text that another program wrote, and long enough to look like a queue" * 10)

    with pytest.raises(QueueError, match="is not one of groundcast, or is damaged"):
        DiskQueue(tmp_path / "queue")
    assert (tmp_path / "queue").read_text().startswith("a text")


def test_only_this_user_can_read_what_waits(tmp_path: Path) -> None:
    queue = DiskQueue(tmp_path / "folder" / "queue")

    assert stat.S_IMODE((tmp_path / "folder" / "queue").stat().st_mode) == 0o600
    queue.close()
