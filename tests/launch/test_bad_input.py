"""What bad input gets: one sentence (what, where, what to do) and exit code 2, or 1 when it happens while running."""

# PyAV leaves some of its types open.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

import av
import pytest
from PIL import Image

from ..model.tiny import write_tiny
from .commands import Ended, as_a_user, in_process
from .conftest import CLIP_FRAMES, red_square

ANY_PORT = "tcp://127.0.0.1:*"
Bad = tuple[str, str]  # what is given as --source, and what must be said of it


@pytest.fixture(scope="module")
def quick_start_clip(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The clip with its index in front, so that its beginning can be read without its end."""
    target = tmp_path_factory.mktemp("quick") / "quick.mp4"
    with av.open(str(clip)) as reading, av.open(str(target), "w", options={"movflags": "faststart"}) as writing:
        stream = writing.add_stream_from_template(reading.streams.video[0])
        for packet in reading.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                writing.mux(packet)
    return target.read_bytes()


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A small model that knows tabletop's words and nothing else."""
    return write_tiny(tmp_path)


def bad_sources(folder: Path, clip: Path) -> dict[str, Bad]:
    """Every kind of source that can be known to be wrong at start-up."""
    empty, text, cut = folder / "empty.mp4", folder / "text.mp4", folder / "cut.mp4"
    empty.touch()
    text.write_text("this is not a video\n" * 50)
    cut.write_bytes(clip.read_bytes()[:1500])  # the index, which stands at the end, is gone
    (folder / "pictures").mkdir()
    return {
        "missing": (str(folder / "nowhere.mp4"), "nowhere.mp4 does not exist: check the path"),
        "camera number": ("0", "0 does not exist: did you mean /dev/video0?"),
        "empty": (str(empty), "empty.mp4 is empty"),
        "text": (str(text), "text.mp4"),
        "cut": (str(cut), "cut.mp4"),
        "no pictures": (str(folder / "pictures"), "pictures"),
        "scheme": ("gopher://host/1", "gopher"),
    }


@pytest.mark.parametrize("kind", ["missing", "camera number", "empty", "text", "cut", "no pictures", "scheme"])
@pytest.mark.usefixtures("blobs")
def test_a_source_that_cannot_be_right_is_named(
    kind: str, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, said = bad_sources(tmp_path, clip)[kind]

    ended = in_process(capsys, "run", "--source", source, "--prompt", "red blob", "--address", ANY_PORT)

    assert ended.code == 2
    assert said in ended.sentence
    assert _no_thread_stays()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--prompt", ""], "the prompt asks for nothing"),
        (["--prompt", " . ;; . "], "the prompt asks for nothing"),
        (["--prompt", "red blob, blue blob"], "with ' . ', not with ','"),
        (["--prompt", "purple blob"], "'purple blob' names none of the colours"),
        (["--threshold", "nan"], "`model.threshold` must be a number in 0..1, which nan is not"),
        (["--threshold", "7"], "`model.threshold` must be less than or equal to 1"),
        (["--address", "127.0.0.1:5570"], "`publish.address` must be a ZeroMQ address"),
        (["--address", "tcp://0.0.0.0:5570"], "0.0.0.0"),
        (["--node", "the node"], "`node` must be letters"),
        (["--device", "gpu"], "`model.device` must be auto, cpu, cuda or cuda:1"),
    ],
)
@pytest.mark.usefixtures("blobs")
def test_a_flag_that_cannot_be_meant_is_named(
    flags: list[str], said: str, clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"--prompt": "red blob", "--address": ANY_PORT, flags[0]: flags[1]}

    ended = in_process(capsys, "run", "--source", clip, *(part for pair in given.items() for part in pair))

    assert ended.code == 2
    assert said in ended.sentence
    assert _no_thread_stays()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("listen --timeout-s 0", "--timeout-s 0 is not a time to wait"),
        ("listen --status --timeout-s nan", "--timeout-s nan is not a time to wait"),
        ("probe push:tcp://127.0.0.1:5599", "push: sources cannot be probed"),
        ("detect a.png --refer ball --nms 0.5", "--refer finds one box"),
        ("detect a.png --refer ball --threshold 0.5", "--refer finds one box: leave --threshold"),
        ("detect a.png --prompt ball --nms 0.5 --text-threshold 0.2", "leave one of them away"),
        ("detect a.png --prompt ball --text-threshold -0.1", "--text-threshold -0.1 is not a score"),
        ("detect a.png --prompt ball --text-threshold nan", "--text-threshold nan is not a score"),
        ("listen --keys lost", "--keys lost does not exist"),
        ("ctl status --address tcp://127.0.0.1:5599 --keys lost", "--keys lost does not exist"),
        ("record --keys lost", "--keys lost does not exist"),
        ("keys list --folder lost", "there is no folder lost"),
        ("eval coco a.json photos --size 100000", "less than or equal to 4096"),
        ("eval odinw sets --split /", "--split '/' is no folder's name"),
        ("eval odinw sets --split ../other", "--split '../other' is no folder's name"),
        ("train detector a.json photos --size 100000", "less than or equal to 4096"),
        ("train detector a.json photos --noised 100000", "less than or equal to 1000"),
        ("train detector a.json photos --label-map labels.json", "--label-map is for lines of ODVG"),
        ("train detector a.json photos --validate-pictures photos", "name their annotations with --validate"),
        ("bench parity --sizes 64x64", "at least 208x208"),
        ("bench parity --seed 99999999999", "less than or equal to 1000000"),
    ],
)
def test_options_that_would_do_nothing_or_break_are_refused(
    command: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = in_process(capsys, *command.split())

    assert ended.code == 2
    assert said in ended.sentence


@pytest.mark.usefixtures("blobs")
def test_a_truncated_clip_gives_its_frames_and_then_says_how_it_ended(
    quick_start_clip: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(quick_start_clip[: len(quick_start_clip) * 3 // 4])

    ended = in_process(capsys, "run", "--source", cut, "--prompt", "red blob", "--address", ANY_PORT, "--json")

    figures = json.loads(ended.out.splitlines()[-1])
    assert ended.code == 1
    assert 0 < figures["messages"] < CLIP_FRAMES
    assert figures["messages"] == figures["frames"]
    assert "cut" in ended.sentence


@pytest.mark.parametrize(
    ("prompt", "said"),
    [("red wheelbarrow", "mug, ring, cone, bowl, but not 'wheelbarrow';"), ("object", "ask for 'red object', ")],
)
def test_words_a_model_was_not_taught_are_refused_with_those_it_was(
    prompt: str, said: str, clip: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = _run_with(capsys, clip, weights, prompt=prompt)

    assert ended.code == 2
    assert f"was not taught '{prompt}'" in ended.sentence
    assert said in ended.sentence


@pytest.mark.parametrize(
    "command",
    [
        "detect",
        "detect --format csv --out found",
        "label --folder set",
        "search --index seen",
        "count --folder counts",
        "crop --folder crops",
        "edit --boxes-json boxes.json",
    ],
)
def test_a_wrong_model_and_unknown_words_are_wrong_input(
    command: str, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(red_square(20)).save("a.png")
    name, *options = command.split()

    def run(prompt: str, model: str | Path) -> Ended:
        return in_process(capsys, name, "a.png", "--prompt", prompt, "--model", model, *options)

    lost, strange = run("red mug", "nowhere.safetensors"), run("red wheelbarrow", weights)

    assert (lost.code, strange.code) == (2, 2)
    assert "no weights at nowhere.safetensors" in lost.sentence
    assert "was not taught 'red wheelbarrow'" in strange.sentence


def test_weights_that_cannot_be_read_are_named(clip: Path, weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights.write_bytes(weights.read_bytes()[:1000])

    ended = _run_with(capsys, clip, weights)

    assert ended.code == 2
    assert str(weights) in ended.sentence


def test_weights_of_another_shape_are_named(clip: Path, weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card = weights.with_suffix(".json")
    card.write_text(card.read_text().replace('"width": 32', '"width": 64'))

    ended = _run_with(capsys, clip, weights)

    assert ended.code == 2
    assert str(weights) in ended.sentence
    assert "of another shape" in ended.sentence


def test_weights_that_are_missing_are_named(clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = _run_with(capsys, clip, tmp_path / "nowhere.safetensors")

    assert ended.code == 2
    assert "nowhere.safetensors" in ended.sentence


def test_a_busy_port_is_named_in_a_process_of_its_own(clip: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        ended = as_a_user("run", "--source", clip, "--prompt", "red mug", "--address", address)

    assert ended.code == 2
    assert address in ended.sentence


def test_an_unknown_key_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "node.yaml"
    file.write_text("prompt: red mug\nsources:\n  - {name: a, url: a.mp4, transprot: tcp}\n")

    ended = as_a_user("run", file)

    assert ended.code == 2
    assert ended.sentence == f"{file}, line 3: unknown key `transprot` in `sources.0`: did you mean `transport`?"


def _run_with(capsys: pytest.CaptureFixture[str], clip: Path, weights: Path, prompt: str = "red mug") -> Ended:
    flags = ("--prompt", prompt, "--address", ANY_PORT, "--model", weights)
    return in_process(capsys, "run", "--source", clip, *flags)


def _no_thread_stays() -> bool:
    names = [thread.name for thread in threading.enumerate() if thread.is_alive()]
    return not [name for name in names if name.startswith(("reader", "publisher", "blobs"))]
