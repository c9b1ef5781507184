"""Uploads and downloads: the order in which buffers are written, copied and read. A stand-in replaces CUDA streams."""

# pyright: reportUnknownMemberType=false, reportUnknownLambdaType=false, reportUnknownArgumentType=false
# pyright: reportPrivateUsage=false

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from groundcast.cuda.transfer import Download, UploadRing

CPU = torch.device("cpu")


class Stream:
    """A stand-in for a CUDA stream that logs its calls."""

    def __init__(self, log: list[str], name: str) -> None:
        self.log, self.name = log, name

    def wait_event(self, event: Event) -> None:
        self.log.append(f"{self.name} waits for {event.position}")

    def wait_stream(self, other: object) -> None:
        self.log.append(f"{self.name} waits for {other}")


class Event:
    """A stand-in for a CUDA event that stores where it was last recorded."""

    def __init__(self, log: list[str], current: Stream) -> None:
        self.log, self.current, self.position = log, current, "nothing"
        self.is_over = False

    def record(self, stream: Stream | None = None) -> None:
        self.position = f"{(stream or self.current).name} {len(self.log)}"
        self.log.append(self.position)

    def query(self) -> bool:
        return self.is_over

    def synchronize(self) -> None:
        self.log.append(f"host waits for {self.position}")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    noted: list[str] = []
    compute = Stream(noted, "compute")
    monkeypatch.setattr(torch.cuda, "Stream", lambda _device: Stream(noted, "copies"))
    monkeypatch.setattr(torch.cuda, "Event", lambda **_: Event(noted, compute))
    monkeypatch.setattr(torch.cuda, "stream", nullcontext)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda *_: compute)
    return noted


def _picture(value: int, *shape: int) -> NDArray[np.uint8]:
    return np.full(shape, value, np.uint8)


def test_on_a_cpu_nothing_is_copied() -> None:
    picture = _picture(7, 2, 3, 3)
    with UploadRing(CPU).upload([picture]) as (uploaded,):
        assert uploaded.data_ptr() == picture.ctypes.data
    result = torch.ones(2)
    assert Download(result).wait() is result


def test_read_only_and_strided_pictures_arrive_whole() -> None:
    whole = np.random.default_rng(0).integers(0, 255, (6, 8, 3), np.uint8)
    whole.flags.writeable = False
    with UploadRing(CPU).upload([whole, whole[:, 1:5], whole[::-1]]) as uploaded:
        for got, wanted in zip(uploaded, (whole, whole[:, 1:5], whole[::-1]), strict=True):
            assert np.array_equal(got.numpy(), wanted)


@pytest.mark.usefixtures("log")
def test_several_pictures_of_any_size_arrive_in_one_copy() -> None:
    ring = UploadRing(CPU, asynchronous=True)
    pictures = [_picture(1, 5, 7, 3), _picture(2, 1, 1, 3), _picture(3, 400, 900, 3)]
    for _ in range(4):
        with ring.upload(pictures) as uploaded:
            for got, wanted in zip(uploaded, pictures, strict=True):
                assert np.array_equal(got.numpy(), wanted)


def test_a_buffer_is_used_again_only_after_its_events(log: list[str]) -> None:
    ring = UploadRing(CPU, slots=2, asynchronous=True)
    for _ in range(2):
        with ring.upload([_picture(1, 4, 4, 3)]):
            log.append("compute launches")
    del log[:]
    with ring.upload([_picture(2, 4, 4, 3)]):  # the first slot is used again
        log.append("compute launches")
    host, copies, copied, compute, launched, read = log
    assert host == "host waits for copies 3"  # its pinned buffer is free once its copy is done
    assert copies == "copies waits for compute 6"  # its device buffer is free once earlier work has read it
    assert copied.startswith("copies ")
    assert compute == f"compute waits for {copied}"
    assert launched == "compute launches"
    assert read.startswith("compute ")


def test_the_host_does_not_wait_for_what_was_copied_long_ago(log: list[str]) -> None:
    ring = UploadRing(CPU, slots=1, asynchronous=True)
    for _ in range(2):
        with ring.upload([_picture(1, 4, 4, 3)]):
            cast("Event", ring._slots[0].host_copied).is_over = True
    assert [line for line in log if line.startswith("host")] == ["host waits for nothing"]


def test_a_buffer_that_grows_waits_for_what_was_launched_before(log: list[str]) -> None:
    ring = UploadRing(CPU, slots=1, asynchronous=True)
    with ring.upload([_picture(1, 4, 4, 3)]):
        pass
    del log[:]
    with ring.upload([_picture(1, 900, 900, 3)]) as (uploaded,):
        assert uploaded.shape == (900, 900, 3)
    assert log[1].startswith("compute ")
    assert log[2] == f"copies waits for {log[1]}"


@pytest.mark.usefixtures("log")
def test_a_buffer_that_could_not_grow_grows_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    ring = UploadRing(CPU, slots=1, asynchronous=True)
    empty = torch.empty

    def only_on_the_host(*sizes: int, **how: Any) -> torch.Tensor:
        if "device" in how:
            raise torch.OutOfMemoryError("out of memory")
        return empty(*sizes, **how)

    with monkeypatch.context() as scarce:
        scarce.setattr(torch, "empty", only_on_the_host)
        with pytest.raises(torch.OutOfMemoryError), ring.upload([_picture(1, 900, 900, 3)]):
            pass
    with ring.upload([_picture(7, 900, 900, 3)]) as (uploaded,):
        assert bool((uploaded == 7).all())


class FakeCudaTensor(torch.Tensor):
    """A CPU tensor whose `is_cuda` is true."""

    @property
    def is_cuda(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        return True


def test_a_tensor_on_the_device_is_copied_after_its_writer(log: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = torch.full((4, 6), 5, dtype=torch.uint8).as_subclass(FakeCudaTensor)
    monkeypatch.setattr(torch.cuda, "default_stream", lambda _: "the decoder")
    ring = UploadRing(CPU, slots=1, asynchronous=True)
    with ring.upload([_picture(1, 2, 3), decoded, _picture(2, 4, 4)]) as uploaded:
        assert [int(one.float().mean()) for one in uploaded] == [1, 5, 2]
        assert [tuple(one.shape) for one in uploaded] == [(2, 3), (4, 6), (4, 4)]
    waits = [line for line in log if line.startswith("copies waits")]
    assert waits == ["copies waits for compute 1", "copies waits for the decoder"]
    assert ring._slots[0].sources == [decoded]  # kept alive while the copy may read it
    with ring.upload([_picture(3, 2, 3)]):
        assert ring._slots[0].sources == []


def test_arrays_of_other_libraries_are_read_in_place() -> None:
    tensor = torch.from_numpy(_picture(7, 3, 4))[:, :3]
    with UploadRing(CPU).upload([tensor]) as (uploaded,):
        assert uploaded is tensor


@pytest.mark.usefixtures("log")
def test_tensors_with_padded_rows_are_packed() -> None:
    given = torch.arange(24, dtype=torch.uint8).view(4, 6)[:3, 1:5]
    with UploadRing(CPU, slots=1, asynchronous=True).upload([given, _picture(1, 2, 2)]) as (uploaded, _):
        assert torch.equal(uploaded, given)
        assert uploaded.is_contiguous()


def test_a_failure_within_frees_the_buffer(log: list[str]) -> None:
    ring = UploadRing(CPU, slots=1, asynchronous=True)
    with pytest.raises(MemoryError), ring.upload([_picture(1, 4, 4, 3)]):
        raise MemoryError
    assert log[-1].startswith("compute ")


def test_a_download_is_there_after_its_event(log: list[str]) -> None:
    result = torch.ones(3)
    download = Download(result, asynchronous=True)
    result.fill_(2.0)  # a later launch
    assert download.wait().tolist() == [1.0, 1.0, 1.0]
    assert log == ["compute 0", "host waits for compute 0"]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_returns_what_was_uploaded() -> None:
    device = torch.device("cuda")
    ring = UploadRing(device, slots=2)
    downloads: list[Download] = []
    for value in range(20):
        with ring.upload([_picture(value, 100 + value, 640, 3)]) as (uploaded,):
            downloads.append(Download(uploaded.float().mean()))
    assert [download.wait().item() for download in downloads] == list(range(20))
