"""`groundcast check`: what a settings file would do, and what of it the model would refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from .commands import in_process

NODE = """\
prompt: red mug
sources:
  - {name: wall, url: 'rtsp://192.0.2.1/wall'}
  - name: gate
    url: rtsp://192.0.2.2/gate
    prompt: [blue cube, can]
    target_hz: 5
    roi_xyxy: [320, 180, 1600, 1080]
    size_px: 480
    threshold: 0.4
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "node.yaml"
    path.write_text(text)
    return path


def test_each_sources_own_prompt_rate_and_area_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = in_process(capsys, "check", write(tmp_path, NODE))

    assert ended.code == 0
    assert "  sources   wall: rtsp://192.0.2.1/wall\n" in ended.out
    assert (
        "gate: rtsp://192.0.2.2/gate, looks for blue cube . can, threshold 0.4, 5 pictures a second at most, "
        "320 180 1600 1080 px of its picture only, at 480 px\n"
    ) in ended.out
    assert "the model knows all words of the prompts" in ended.out


@pytest.mark.parametrize(("known", "asked", "line"), [("red mug", "red wheelbarrow", 1), ("can]", "forklift]", 6)])
def test_a_prompt_that_the_model_would_refuse_is_refused(
    known: str, asked: str, line: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = in_process(capsys, "check", write(tmp_path, NODE.replace(known, asked)))

    assert ended.code == 2
    assert f"node.yaml, line {line}: tabletop was not taught '{asked.strip(']')}'" in ended.sentence


def test_words_of_a_model_that_reads_any_are_not_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = in_process(
        capsys, "check", write(tmp_path, f"model: IDEA-Research/grounding-dino-tiny\n{NODE}".replace("red mug", "van"))
    )

    assert ended.code == 0
    assert "not checked" in ended.out


def test_weights_that_are_not_there_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = in_process(capsys, "check", write(tmp_path, f"model: ./gone.safetensors\n{NODE}"))

    assert ended.code == 2
    assert f"no weights at {tmp_path}/gone.safetensors" in ended.sentence
