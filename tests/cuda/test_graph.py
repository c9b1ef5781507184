"""The graph cache: when a graph is captured, kept and replayed. A stand-in replaces CUDA graphs."""

# pyright: reportUnknownMemberType=false, reportUnknownLambdaType=false

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from groundcast.cuda.graph import GraphCache

from .stand_in_graph import Recorder

CPU = torch.device("cpu")


def double(x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    return (2 * x + y,)


def test_on_a_cpu_the_function_is_called() -> None:
    graphs = GraphCache(CPU)
    assert graphs.run("key", double, (torch.ones(2), torch.zeros(2)))[0].tolist() == [2, 2]


def test_one_capture_a_key_serves_all_inputs() -> None:
    recorder = Recorder()
    graphs = GraphCache(CPU, calls_before=0, capture=recorder)
    words = torch.tensor([0.5])
    for value in (1.0, 2.0, 3.0):
        (result,) = graphs.run("a", double, (torch.tensor([value]), words))
        assert result.item() == 2 * value + 0.5
    assert graphs.run("a", double, (torch.tensor([3.0]), torch.tensor([1.0])))[0].item() == 7.0  # other words
    assert recorder.captured == 1


def test_a_rare_key_is_not_captured() -> None:
    recorder = Recorder()
    graphs = GraphCache(CPU, calls_before=2, capture=recorder)
    inputs = torch.ones(1), torch.ones(1)
    captured: list[int] = []
    for key in ("a", "b", "a", "a", "a", "b", "b"):
        assert graphs.run(key, double, inputs)[0].item() == 3.0
        captured.append(recorder.captured)
    assert captured == [0, 0, 0, 1, 1, 1, 2]


def test_the_same_input_tensor_is_not_copied_again() -> None:
    graphs = GraphCache(CPU, calls_before=0, capture=Recorder())
    picture, words = torch.tensor([1.0]), torch.tensor([0.5])
    graphs.run("a", double, (picture, words))
    words.fill_(9.0)  # against the rule, to show that it is not read again
    assert graphs.run("a", double, (torch.tensor([2.0]), words))[0].item() == 4.5


def test_the_least_used_graph_goes_first() -> None:
    recorder = Recorder()
    graphs = GraphCache(CPU, calls_before=0, max_graphs=2, capture=recorder)
    inputs = torch.ones(1), torch.ones(1)
    for key in ("a", "b", "a", "c", "a", "b"):
        graphs.run(key, double, inputs)
    assert recorder.captured == 4  # b was evicted by c, then captured again


def test_a_function_that_cannot_be_captured_is_called_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    recorder = Recorder()
    recorder.error = RuntimeError("operation not permitted when stream is capturing")
    graphs = GraphCache(CPU, calls_before=0, capture=recorder)
    for key in ("a", "a", "b"):
        assert graphs.run(key, double, (torch.ones(1), torch.ones(1)))[0].item() == 3.0
    assert caplog.text.count("no graph") == 1
    assert "not permitted" in caplog.text


def test_a_capture_out_of_memory_deletes_every_graph_and_is_not_retried() -> None:
    recorder = Recorder()
    graphs = GraphCache(CPU, calls_before=0, capture=recorder)
    inputs = torch.ones(1), torch.ones(1)
    graphs.run("a", double, inputs)
    recorder.error = RuntimeError("capture invalidated")
    recorder.error.__context__ = torch.OutOfMemoryError("out of memory")
    expected = double(*inputs)
    for _ in range(3):
        for got, right in zip(graphs.run("b", double, inputs), expected, strict=True):
            assert torch.equal(got, right)
        assert graphs.captured == 0
    recorder.error = None
    for key in ("a", "b"):
        graphs.run(key, double, inputs)
    assert graphs.captured == 1  # "a" was captured again


@torch.inference_mode()  # as the network: PyTorch keeps one state for all graphs and refuses another mode later
@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_replays_what_it_captured() -> None:
    device = torch.device("cuda")
    graphs = GraphCache(device, calls_before=0)
    for value in (1.0, 2.0):
        inputs = torch.full((3,), value, device=device), torch.ones(3, device=device)
        assert graphs.run("a", double, inputs)[0].tolist() == [2 * value + 1] * 3
