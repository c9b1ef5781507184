"""A node among cameras that fail, readers that dawdle and come and go: does anything grow? `make soak MINUTES=30`."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .processes import running
from .soak_commander import Commander
from .soak_guests import Guests
from .soak_verdict import Sample, Verdict, judge

_SAMPLE_EVERY_S = 2.0
_END_S = 60.0


@dataclass(frozen=True)
class Soak:
    """What was seen of the node from outside."""

    verdict: Verdict
    samples: list[Sample]
    messages: dict[str, int]
    gaps: int
    states: dict[str, int]
    visits: int
    commands: dict[str, int]
    refused: dict[str, int]
    faults: dict[str, int]
    report: dict[str, Any]

    @property
    def complaints(self) -> list[str]:
        silent = [source for source, count in self.messages.items() if count == 0]
        lost = [f"a reader that took everything missed {self.gaps} messages"] if self.gaps else []
        refused = [f"{count} times {deed}" for deed, count in self.refused.items()]
        return [*self.verdict.faults, *lost, *refused, *(f"source {source} sent nothing" for source in silent)]


def soak(minutes: float, cameras: int = 8, leak_mb_per_hour: float = 0.0, seed: int = 1) -> Soak:
    """Run the node for so long, and judge it.

    Args:
        leak_mb_per_hour: planted in the node, to see whether it is caught.
        seed: decides which camera fails when, and how.
    """
    with (
        running("tests.faults.soak_cameras", str(cameras), str(seed)) as serving,
        tempfile.TemporaryDirectory() as tmp,
    ):
        assert serving.stdout is not None
        settings = Path(tmp) / "soak.yaml"
        settings.write_text(json.dumps(_settings(json.loads(serving.stdout.readline()))))  # JSON is YAML too
        with running("tests.faults.soak_node", str(settings), str(leak_mb_per_hour)) as node:
            assert node.stdout is not None
            ready = json.loads(node.stdout.readline())["ready"]
            with Guests(ready["address"], seed) as guests, Commander(ready["control"], cameras, seed) as commander:
                samples = _watch(node, minutes * 60)
            node.terminate()
            report, _ = node.communicate(timeout=_END_S)
        faults, _ = serving.communicate("", timeout=_END_S)
    names = [f"cam{number}" for number in range(cameras)]
    return Soak(
        judge(samples),
        samples,
        {name: guests.messages[name] for name in names},
        guests.gaps,
        dict(guests.states),
        guests.visits,
        dict(commander.done),
        dict(commander.failed),
        json.loads(faults.splitlines()[-1]),
        json.loads(report.splitlines()[-1]),
    )


def _settings(urls: Sequence[str]) -> dict[str, Any]:
    return {
        "node": f"soak-{os.getpid()}",
        "prompt": "red cube . green cube",
        "model": {"name": "tabletop", "size_px": 128},
        "publish": {"address": "tcp://127.0.0.1:*"},
        "control": {"address": "tcp://127.0.0.1:*"},
        "defaults": {"target_hz": 2.0, "open_timeout_s": 2.0, "read_timeout_s": 3.0},
        "sources": [{"name": f"cam{number}", "url": url} for number, url in enumerate(urls)],
    }


def _watch(node: subprocess.Popen[str], seconds: float) -> list[Sample]:
    samples: list[Sample] = []
    began_s = time.monotonic()
    while (at_s := time.monotonic() - began_s) < seconds:
        if node.poll() is not None:
            raise RuntimeError(f"the node ended after {at_s:.0f} s with exit code {node.returncode}")
        samples.append(sample(node.pid, at_s))
        time.sleep(_SAMPLE_EVERY_S)
    return samples


def sample(pid: int, at_s: float) -> Sample:
    """What the system counts for a process now."""
    process = Path("/proc") / str(pid)
    memory = next(line for line in (process / "status").read_text().splitlines() if line.startswith("VmRSS:"))
    files, threads = (len(list((process / name).iterdir())) for name in ("fd", "task"))
    return Sample(round(at_s, 2), int(memory.split()[1]) / 1024, files, threads)


def main() -> None:
    """Soak, print one JSON object, and end with 1 if anything grew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--cameras", type=int, default=8)
    parser.add_argument("--leak-mb-per-hour", type=float, default=0.0, help="planted, to see that it is caught")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--samples", type=Path, help="write them here, a line of JSON each")
    asked = parser.parse_args()
    result = soak(asked.minutes, asked.cameras, asked.leak_mb_per_hour, asked.seed)
    if asked.samples is not None:
        asked.samples.write_text("".join(json.dumps(asdict(one)) + "\n" for one in result.samples))
    values = {**asdict(result), "ok": not result.complaints, "complaints": result.complaints, "minutes": asked.minutes}
    del values["samples"]
    print(json.dumps(values))
    sys.exit(bool(result.complaints))


if __name__ == "__main__":
    main()
