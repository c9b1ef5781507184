"""A node whose detector costs nothing: `python -m tests.faults.free_node process|thread URL...`.

Prints its address and runs until standard input ends.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager

from groundcast.model.prompt import Prompt
from groundcast.stream.options import NodeOptions, PublisherOptions, SourceOptions
from groundcast.stream.pipeline import Pipeline
from groundcast.stream.publish.publisher import Publisher

from .free_detector import FreeDetector
from .processes import running


@contextmanager
def free_node(urls: Sequence[str], *, decode_process: bool = False) -> Generator[tuple[int, str]]:
    """The process id and the address of such a node, which runs beside us."""
    with running("tests.faults.free_node", "process" if decode_process else "thread", *urls) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield process.pid, process.stdout.readline().strip()
        process.stdin.close()
        process.wait(10)


def main() -> None:
    """Run until standard input ends."""
    in_process, urls = sys.argv[1] == "process", sys.argv[2:]
    sources = tuple(SourceOptions(f"cam{row}", url, decode_process=in_process) for row, url in enumerate(urls))
    socket_options = PublisherOptions("tcp://127.0.0.1:*", wait_for_subscriber_s=20.0)
    options = NodeOptions("overhead", sources, publisher=socket_options)
    with Publisher(socket_options, "overhead") as publisher:
        pipeline = Pipeline(options, FreeDetector(), Prompt.parse("red square . green square"), publisher)
        stop = threading.Event()
        thread = threading.Thread(target=pipeline.run, args=(stop,))
        thread.start()
        print(publisher.address, flush=True)
        sys.stdin.read()
        stop.set()
        thread.join()


if __name__ == "__main__":
    main()
