"""A node under attack for minutes: does anything grow, and do honest clients notice? `make soak MINUTES=30`.

Cameras fail in turns, others attack, keyless connections come in floods, subscribers are slow or come and go, and a
client changes prompts and sources.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..stream.key_folder import make_keys
from ..stream.rtsp_server import free_port
from .processes import running
from .soak_bursts import Burst, burst_faults, honest_share
from .soak_commander import Commander
from .soak_floods import Floods
from .soak_subscribers import SoakSubscribers
from .soak_verdict import Sample, Verdict, judge

_SAMPLE_EVERY_S = 2.0
_END_S = 60.0
_HONEST = "honest"
_ATTACKERS_THAT_SHOW_SOMETHING = ("latin",)
_HONEST_HZ, _ATTACKERS_HZ = 2.0, 0.2
_DECODED_APART = ("scans", "pictureless", "moved-http")  # in a decoder process of their own


@dataclass(frozen=True)
class Soak:
    """What was seen of the node from outside."""

    verdict: Verdict
    samples: list[Sample]
    messages: dict[str, int]
    silent: list[str]
    gaps: int
    states: dict[str, int]
    failed: list[str]
    visits: int
    commands: dict[str, int]
    refused: dict[str, int]
    faults: dict[str, int]
    connections_elsewhere: int
    bursts: list[Burst]
    honest_share: float | None
    burst_faults: list[str]
    report: dict[str, Any]

    @property
    def complaints(self) -> list[str]:
        lost = [f"a reader that took everything missed {self.gaps} messages"] if self.gaps else []
        led = [f"{self.connections_elsewhere} redirects were followed"] if self.connections_elsewhere else []
        return [
            *self.verdict.faults,
            *self.burst_faults,
            *lost,
            *led,
            *(f"{count} times {deed}" for deed, count in self.refused.items()),
            *(f"source {source} failed for ever" for source in self.failed),
            *(f"source {source} sent nothing" for source in self.silent),
        ]


def soak(
    minutes: float, cameras: int = 8, target_hz: float = 2.0, leak_mb_per_hour: float = 0.0, seed: int = 1
) -> Soak:
    """Run the node for so long, and judge it.

    Args:
        cameras: how many fail in turns.
        target_hz: of each camera that fails in turns.
        leak_mb_per_hour: planted in the node, to see whether it is caught.
        seed: decides which camera fails when, and how.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        keys = make_keys(folder / "keys", "arm")
        serving = stack.enter_context(running("tests.faults.soak_cameras", str(cameras), str(seed)))
        attacking = stack.enter_context(
            running("tests.faults.soak_hostiles", f"ipc://{folder}/pictures", str(keys / "arm.key_secret"))
        )
        ports = {name: free_port() for name in ("publisher", "control", "health")}
        urls, hostile = _first_line(serving), _first_line(attacking)
        settings = folder / "soak.yaml"
        settings.write_text(json.dumps(_settings(urls, hostile, ports, keys, target_hz)))  # JSON is YAML too
        with running("tests.faults.soak_node", str(settings), str(leak_mb_per_hour)) as node:
            ready = _first_line(node)["ready"]
            with (
                SoakSubscribers(ready["address"], keys, _HONEST, seed) as subscribers,
                Commander(ready["control"], keys, cameras, target_hz, seed) as commander,
                Floods(ports, keys, _HONEST, seed) as floods,
            ):
                samples = _watch(node, minutes * 60)
            node.terminate()
            report, _ = node.communicate(timeout=_END_S)
        faults, _ = serving.communicate("", timeout=_END_S)
        led, _ = attacking.communicate("", timeout=_END_S)
    must_speak = [*(f"cam{number}" for number in range(cameras)), _HONEST, *_ATTACKERS_THAT_SHOW_SOMETHING]
    return Soak(
        verdict=judge(samples),
        samples=samples,
        messages=dict(subscribers.messages),
        silent=[name for name in must_speak if not subscribers.messages[name]],
        gaps=subscribers.gaps,
        states=dict(subscribers.states),
        failed=sorted(subscribers.failed),
        visits=subscribers.visits,
        commands=dict(commander.done),
        refused=dict(commander.failed),
        faults=json.loads(faults.splitlines()[-1]),
        connections_elsewhere=json.loads(led.splitlines()[-1])["connections_elsewhere"],
        bursts=floods.bursts,
        honest_share=honest_share(subscribers.arrived_s, floods.bursts),
        burst_faults=burst_faults(subscribers.arrived_s, floods.bursts),
        report=json.loads(report.splitlines()[-1]),
    )


def _first_line(process: subprocess.Popen[str]) -> Any:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def _settings(
    urls: Sequence[str], hostile: Mapping[str, str], ports: Mapping[str, int], keys: Path, target_hz: float
) -> dict[str, Any]:
    *faulty, honest = urls
    return {
        "node": f"soak-{os.getpid()}",
        "prompt": "red cube . green cube",
        "model": {"name": "tabletop", "size_px": 128},
        "publish": {"address": f"tcp://127.0.0.1:{ports['publisher']}", "keys": str(keys)},
        "control": {"address": f"tcp://127.0.0.1:{ports['control']}"},
        "health": {"address": f"127.0.0.1:{ports['health']}"},
        "defaults": {"target_hz": target_hz, "open_timeout_s": 2.0, "read_timeout_s": 3.0},
        "sources": [
            *({"name": f"cam{number}", "url": url} for number, url in enumerate(faulty)),
            {"name": _HONEST, "url": honest, "target_hz": _HONEST_HZ},
            *(
                {"name": name, "url": url, "target_hz": _ATTACKERS_HZ, **_decoded(name)}
                for name, url in hostile.items()
            ),
        ],
    }


def _decoded(name: str) -> dict[str, bool]:
    return {"decode_process": True} if name in _DECODED_APART else {}


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
    parser.add_argument("--target-hz", type=float, default=2.0, help="of each camera that fails in turns")
    parser.add_argument("--leak-mb-per-hour", type=float, default=0.0, help="planted, to see that it is caught")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--samples", type=Path, help="write them here, a line of JSON each")
    asked = parser.parse_args()
    result = soak(asked.minutes, asked.cameras, asked.target_hz, asked.leak_mb_per_hour, asked.seed)
    if asked.samples is not None:
        asked.samples.write_text("".join(json.dumps(asdict(one)) + "\n" for one in result.samples))
    values = {**asdict(result), "ok": not result.complaints, "complaints": result.complaints, "minutes": asked.minutes}
    del values["samples"]
    print(json.dumps(values))
    sys.exit(bool(result.complaints))


if __name__ == "__main__":
    main()
