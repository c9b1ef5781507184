"""CPU graphs: bit-equal results, from many threads, and no memory left after they are freed."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false

from __future__ import annotations

import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor

from groundcast.cuda.cpu_graph import CpuCapture, TracedProgram
from groundcast.cuda.graph import GraphCache

CPU = torch.device("cpu")
WEIGHT = torch.randn(16, 8, generator=torch.Generator().manual_seed(1))


def layer(x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    """Arithmetic and a top-k selection, as in the network."""
    hidden = torch.softmax(x @ WEIGHT, -1)
    best = hidden.max(-1).values.topk(2, dim=0).indices
    return hidden.index_select(0, best) + y, best


def inputs(seed: int) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(5, 16, generator=draw), torch.randn(8, generator=draw)


@torch.inference_mode()
def same_bits(program: TracedProgram, seed: int) -> bool:
    got, wanted = program.run(inputs(seed)), layer(*inputs(seed))
    return all(torch.equal(one, other) for one, other in zip(got, wanted, strict=True))


@torch.inference_mode()
def traced() -> TracedProgram:
    return CpuCapture([])(layer, inputs(0))


def test_other_inputs_of_the_shapes_give_what_the_function_gives() -> None:
    program = traced()
    assert all(same_bits(program, seed) for seed in range(8))


def test_any_number_of_threads_run_it_at_once() -> None:
    program = traced()
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(lambda seed: same_bits(program, seed), range(200)))


def test_weights_in_onednns_layout_are_read_in_place() -> None:
    opaque = torch.ones(3, 3).to_mkldnn()

    def read(x: Tensor) -> tuple[Tensor]:
        return (x + opaque.to_dense(),)

    with torch.inference_mode():
        program = CpuCapture([opaque])(read, (torch.zeros(3, 3),))
        assert torch.equal(program.run((torch.full((3, 3), 2.0),))[0], torch.full((3, 3), 3.0))
        with pytest.raises(RuntimeError):
            CpuCapture([])(read, (torch.zeros(3, 3),))


def test_a_freed_program_leaves_nothing_behind() -> None:
    """torch.jit.trace would keep every traced function until the process ends."""
    before = len(torch.jit._state._python_cu.get_functions())  # pyright: ignore[reportAttributeAccessIssue]
    held = [torch.zeros(1000)]
    gone = weakref.ref(held[0])
    with torch.inference_mode():
        program = CpuCapture([])(lambda x: (x + held[0],), (torch.ones(1000),))
        program.run((torch.ones(1000),))
    del program
    held.clear()
    gc.collect()
    assert gone() is None
    assert len(torch.jit._state._python_cu.get_functions()) == before  # pyright: ignore[reportAttributeAccessIssue]


def test_while_one_thread_traces_the_others_get_results() -> None:
    begun, may_go_on = threading.Event(), threading.Event()

    class Slow(CpuCapture):
        def __call__(self, *arguments: object) -> TracedProgram:
            begun.set()
            assert may_go_on.wait(10.0)
            return super().__call__(*arguments)  # pyright: ignore[reportArgumentType]

    graphs = GraphCache(CPU, calls_before=0, capture=Slow([]))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(graphs.run, "key", layer, inputs(1))
        assert begun.wait(10.0)
        meanwhile = graphs.run("key", layer, inputs(2))
        assert not first.done()
        may_go_on.set()
        assert torch.equal(first.result()[0], layer(*inputs(1))[0])
    assert torch.equal(meanwhile[0], layer(*inputs(2))[0])
    assert graphs.captured == 1
