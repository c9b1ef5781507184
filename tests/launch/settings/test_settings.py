"""Settings: what is right is taken, what is wrong is named with its line."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from groundcast.launch.settings.settings import NodeSettings, PublishSettings, TrackerSettings
from groundcast.launch.settings.settings_file import SettingsError, _model_in, read_settings
from groundcast.model.prompt import Phrase
from groundcast.stream.control.source_settings import SourceSettings
from groundcast.stream.options import NodeOptions, PublisherOptions, SourceOptions, TrackerOptions
from groundcast.stream.source_url import full_url

CONFIGS = Path(__file__).parents[3] / "configs"
GOOD = """\
node: shop
prompt:
  - red mug
  - {name: bolt, ask: [hex bolt, screw], threshold: 0.4}
model: tabletop
defaults: {transport: udp, read_timeout_s: 2}
sources:
  - name: door
    url: rtsp://viewer:${PASSWORD}@camera/1
  - {name: shelf, url: clip.mp4, transport: tcp}
"""


def read(tmp_path: Path, text: str, **environment: str) -> NodeSettings:
    path = tmp_path / "node.yaml"
    path.write_text(text)
    return read_settings(path, environment)


def complaint(tmp_path: Path, text: str) -> str:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, text, PASSWORD="s3cret")
    return str(caught.value).removeprefix(f"{tmp_path}/")


def test_a_file_becomes_the_options_of_a_node(tmp_path: Path) -> None:
    settings = read(tmp_path, GOOD, PASSWORD="s3cret")

    options = settings.to_options()
    assert options.sources[0] == SourceOptions(
        "door", "rtsp://viewer:s3cret@camera/1", transport="udp", read_timeout_s=2
    )
    assert options.sources[1].transport == "tcp"
    assert settings.to_prompt().phrases == (Phrase("red mug"), Phrase("bolt", ("hex bolt", "screw"), 0.4))
    assert settings.model.name == "tabletop"


def test_what_is_not_set_is_as_the_floors_below_have_it(tmp_path: Path) -> None:
    options = read(tmp_path, "prompt: red mug\nsources: [{name: a, url: b}]").to_options()

    assert options == NodeOptions("groundcast", (SourceOptions("a", str(tmp_path / "b")),))


@pytest.mark.parametrize(
    ("settings", "options"),
    [(SourceSettings, SourceOptions), (TrackerSettings, TrackerOptions), (PublishSettings, PublisherOptions)],
)
def test_every_option_can_be_set(settings: type[BaseModel], options: Any) -> None:
    of_the_node = {"keys"} if options is SourceOptions else set[str]()
    assert set(settings.model_fields) == {field.name for field in fields(options)} - of_the_node


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.name)
def test_the_examples_can_be_read(path: Path) -> None:
    read_settings(path, {"CAMERA_PASSWORD": "x"}).to_options()

    lines = path.read_text().splitlines()
    assert len(lines) < 40


def test_every_setting_stands_in_an_example() -> None:
    text = "\n".join(path.read_text() for path in CONFIGS.glob("*.yaml"))
    written = set(re.findall(r"(\w+):", text))

    assert _keys(NodeSettings) - written == set()


def _keys(section: type[BaseModel]) -> set[str]:
    """Of a section of the settings, and of those within it."""
    keys = set(section.model_fields)
    for field in section.model_fields.values():
        if (inner := _model_in(field.annotation)) is not None:
            keys |= _keys(inner)
    return keys


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("node:", "nodes:", "node.yaml, line 1: unknown key `nodes`: did you mean `node`?"),
        (
            "node:",
            "threshold: 0.4\nnode:",
            "line 1: unknown key `threshold`: did you mean `model.threshold` or `defaults.threshold`?",
        ),
        ("node:", "device: cpu\nnode:", "line 1: unknown key `device`: did you mean `model.device`?"),
        (
            "node:",
            "address: x\nnode:",
            "did you mean `publish.address`, `control.address`, `health.address` or `page.address`?",
        ),
        (
            "transport: udp",
            "transprot: udp",
            "line 6: unknown key `transprot` in `defaults`: did you mean `transport`?",
        ),
        (
            "transport: tcp",
            "tranport: tcp",
            "line 10: unknown key `tranport` in `sources.1`: did you mean `transport`?",
        ),
        ("threshold: 0.4", "thresold: 0.4", "line 4: unknown key `thresold` in `prompt.1`: did you mean `threshold`?"),
        (
            "threshold: 0.4",
            "threshold: .nan",
            "line 4: `prompt.1.threshold` must be a number in 0..1, which nan is not",
        ),
        ("threshold: 0.4", "threshold: 4", "line 4: `prompt.1.threshold` must be less than or equal to 1"),
        ("model: tabletop", "model: {threshold: .nan}", "line 5: `model.threshold` must be a number in 0..1"),
        ("model: tabletop", "model: {device: gpu}", "line 5: `model.device` must be auto, cpu, cuda or cuda:1"),
        (
            "model: tabletop",
            "zzz: 1",
            "line 5: unknown key `zzz`: known ones are batch_wait_ms, check_name, clips, control",
        ),
        (
            "model: tabletop",
            "tracker: {least_iou: 0.2}",
            "line 5: unknown key `least_iou` in `tracker`: it is called `min_iou` now",
        ),
        (
            "model: tabletop",
            "model: {lanes: 2}",
            "line 5: unknown key `lanes` in `model`: it is called `cpu_workers` now",
        ),
        ("model: tabletop", "publish: 5570", "line 5: `publish` must hold settings, one on a line, such as"),
        ("model: tabletop", "publish: {address: '5570'}", "line 5: `publish.address` must be a ZeroMQ address such as"),
        ("model: tabletop", "heartbeat_s: .inf", "line 5: `heartbeat_s` must be a finite number"),
        ("read_timeout_s: 2", "read_timeout_s: 1e12", "read_timeout_s` must be less than or equal to 300"),
        ("read_timeout_s: 2", "frame_id: " + "x" * 101, "frame_id` must"),  # more than a message carries
        ("read_timeout_s: 2", "camera_latency_ms: 2e12", "camera_latency_ms` must be less than or equal to 60000"),
        ("name: door", "name: shelf", "two sources are called 'shelf': give each its own name"),
        ("name: door", "name: the door", "line 8: `sources.0.name` must be letters, digits"),
        ("{PASSWORD}", "{PASWORD}", "line 9: ${PASWORD} is not in the environment: set it"),
        ("  - red mug", "  - .", "line 2: phrase '.' has no words"),
        ("model: tabletop", "node: again", "line 5: `node` was already set on line 1: keep one"),
        ("model: tabletop", "model: [", "not YAML"),
        ("sources:", "source:", "line 7: unknown key `source`: did you mean `sources`?"),
        (GOOD, "", "node.yaml contains no settings: write at least `prompt:` and `sources:`"),
        (GOOD, "prompt: a", "`sources` is missing: add it"),
        (GOOD, "prompt: a\nsources: []\ncontrol: {enabled: false}", "no source, and control is disabled"),
        (GOOD, "prompt: ''\nsources: [{name: a, url: b}]", "line 1: the prompt asks for nothing"),
        (GOOD, "prompt: ' . ; . '\nsources: [{name: a, url: b}]", "line 1: the prompt asks for nothing"),
        (GOOD, "\0", "is not YAML"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD

    assert said in complaint(tmp_path, GOOD.replace(old, new, 1))


def test_a_secret_is_never_part_of_a_complaint(tmp_path: Path) -> None:
    said = complaint(tmp_path, GOOD.replace("name: door", "name: ${PASSWORD}!"))

    assert "s3cret" not in said


def test_a_dollar_can_be_written_twice_to_stay_one(tmp_path: Path) -> None:
    settings = read(tmp_path, GOOD.replace("${PASSWORD}", "$${PASSWORD}"))

    assert settings.sources[0].url == "rtsp://viewer:${PASSWORD}@camera/1"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.yaml does not exist"):
        read_settings(tmp_path / "nowhere.yaml", {})
    with pytest.raises(SettingsError, match="cannot be read as a text file"):
        read_settings(tmp_path, {})


def test_more_sources_than_a_node_takes_are_refused(tmp_path: Path) -> None:
    listed = "".join(f"\n  - {{name: s{number}, url: b}}" for number in range(257))

    assert "`sources` must have at most 256 items" in complaint(tmp_path, f"prompt: a\nsources:{listed}")


def test_a_relative_path_is_taken_from_the_files_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "settings"
    for one in (elsewhere, folder / "weights"):
        one.mkdir(parents=True)
    monkeypatch.chdir(elsewhere)
    text = (
        "prompt: red mug\nmodel: weights\npublish: {keys: keys}\nsources:\n"
        "  - {name: a, url: clips/a.mp4}\n  - {name: b, url: /abs/b.mp4}\n  - {name: c, url: ~/c.mp4}\n"
        "  - {name: d, url: 'rtsp://192.0.2.1/d'}\n  - {name: e, url: 'lavfi:testsrc'}\n"
        "  - {name: f, url: /dev/video0}\n"
    )
    settings = read(folder, text)
    clip, *others = [full_url(source.url) for source in settings.sources]

    assert clip == f"{folder}/clips/a.mp4"
    assert others == ["/abs/b.mp4", "~/c.mp4", "rtsp://192.0.2.1/d", "lavfi:testsrc", "/dev/video0"]
    assert settings.model.name == f"{folder}/weights"
    assert settings.publish.keys == folder / "keys"


@pytest.mark.parametrize("model", ["tabletop", "IDEA-Research/grounding-dino-tiny", "/abs/x.safetensors"])
def test_what_is_no_relative_path_stays(tmp_path: Path, model: str) -> None:
    text = f"prompt: red mug\nsources: []\nmodel: {{name: {model}}}\n"
    assert read(tmp_path, text).model.name == model
    assert read(tmp_path, text.replace(f"{{name: {model}}}", model)).model.name == model


def test_what_would_be_a_wrong_setting_is_still_said_to_be_one(tmp_path: Path) -> None:
    assert "`sources` must" in complaint(tmp_path, "prompt: red mug\nsources: clip.mp4\n")
    assert "sources.0" in complaint(tmp_path, "prompt: red mug\nsources: [clip.mp4]\n")
    assert "`model.name` must" in complaint(tmp_path, "prompt: red mug\nmodel: {name: 7}\nsources: []\n")
