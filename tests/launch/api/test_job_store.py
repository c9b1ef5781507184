"""Jobs: many pictures in the background, with progress, results and cancelling."""

from __future__ import annotations

import time

import httpx
import numpy as np
from numpy.typing import NDArray

from .running_api import as_base64, png


def begin(api: httpx.Client, frames: list[NDArray[np.uint8]], count: int) -> str:
    pictures = [{"name": f"{n}.png", "base64": as_base64(png(frames[n % len(frames)]))} for n in range(count)]
    pictures[1]["base64"] = as_base64(b"no picture")
    answer = api.post("/v1/jobs", json={"pictures": pictures, "prompt": "mug . ball"})
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/jobs/{answer.json()['job']}"
    return answer.headers["location"]


def test_a_job_tells_its_progress_and_keeps_its_results(api: httpx.Client, frames: list[NDArray[np.uint8]]) -> None:
    where = begin(api, frames, 6)
    deadline = time.monotonic() + 30
    while (job := api.get(where).json())["state"] == "running" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert (job["state"], job["done"], job["total"]) == ("done", 6, 6)
    assert [one["name"] for one in job["pictures"]] == [f"{n}.png" for n in range(6)]
    assert job["pictures"][1]["error"]["code"] == "bad_picture"
    assert api.delete(where).status_code == 200
    assert api.get(where).status_code == 404


def test_a_job_is_cancelled(api: httpx.Client, frames: list[NDArray[np.uint8]]) -> None:
    where = begin(api, frames, 60)
    cancelled = api.delete(where).json()
    assert cancelled["done"] < cancelled["total"]
    assert api.get(where).status_code == 404
