"""What a changed settings file asks of a running node, and that it is all done or nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from groundcast.launch.service.reload import (
    PromptChanged,
    SourceAdded,
    SourceRemoved,
    SourceUpdated,
    commands_between,
    settings_in_force,
    settings_kept,
)
from groundcast.launch.service.sighup import SettingsReloader
from groundcast.launch.settings.settings import NodeSettings
from groundcast.launch.settings.settings_file import SettingsError
from groundcast.model.prompt import Prompt
from groundcast.stream.node.commands import NodeCommands
from groundcast.stream.node.node_api import CommandError
from groundcast.stream.options import PublisherOptions, SourceOptions
from groundcast.stream.pipeline import Pipeline
from groundcast.stream.publish.publisher import Publisher

from ...stream.blob_detector import BlobDetector

CAMERA = "lavfi:testsrc=size=160x120:rate=10"


def settings(names: str = "door shelf", **values: Any) -> NodeSettings:
    sources = [{"name": name, "url": CAMERA} for name in names.split()]
    return NodeSettings.model_validate({"prompt": "red blob", "sources": sources, **values})


def asked(old: NodeSettings, new: NodeSettings, running: str = "door shelf") -> list[str]:
    return [str(command) for command in commands_between(old, new, running.split())]


def test_only_what_differs_is_asked_for() -> None:
    assert commands_between(settings(), settings(), ["door"]) == []


def test_sources_come_change_and_go_and_the_prompt_lies_in_between() -> None:
    new = settings("new door", prompt="green blob", defaults={"target_hz": 5})
    old = settings("door old", defaults={"target_hz": 6})

    assert commands_between(old, new, ["door", "old"]) == [
        SourceAdded(SourceOptions("new", CAMERA, target_hz=5)),
        SourceUpdated("door", {"target_hz": 5}),
        PromptChanged(Prompt.parse("green blob")),
        SourceRemoved("old"),
    ]


def test_sources_that_a_client_added_or_removed_meanwhile_are_respected() -> None:
    later = settings("door shelf", defaults={"target_hz": 5})

    assert asked(settings(), later, running="door") == ["source shelf added", "source door changed"]
    assert asked(settings("door"), settings("door shelf")) == ["source shelf changed"]
    assert asked(settings(), settings("door"), running="door") == []


def test_what_cannot_change_is_named_and_stays() -> None:
    old, new = settings(), settings("door", model="other", node="other", publish={"jpeg_quality": 50})

    assert settings_kept(old, new) == ["node", "model", "publish"]
    assert settings_in_force(old, new) == settings("door")


class Reread:
    """A node that does not run yet, and the settings file that it is told to read again."""

    def __init__(self, commands: NodeCommands, first: NodeSettings) -> None:
        self.commands = commands
        self.file: NodeSettings | Exception = first
        self.rereader = SettingsReloader(commands, first, self._read)

    def _read(self) -> NodeSettings:
        if isinstance(self.file, Exception):
            raise self.file
        return self.file

    def __call__(self, file: NodeSettings | Exception) -> Mapping[str, tuple[str, float | None]]:
        self.file = file
        self.rereader.reread()
        status = self.commands.status()
        return {one.name: (" . ".join(status.prompts[one.name].names), one.target_hz) for one in status.options}


@pytest.fixture
def reread() -> Iterator[Reread]:
    first = settings()
    options = first.to_options()
    with closing(BlobDetector()) as detector, Publisher(PublisherOptions("tcp://127.0.0.1:*"), "groundcast") as out:
        yield Reread(Pipeline(options, detector, first.to_prompt(), out).commands, first)


def test_a_node_becomes_what_its_file_says(reread: Reread, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "groundcast")

    became = reread(settings("door desk", prompt="green blob", defaults={"target_hz": 5}, node="other"))

    assert became == {"door": ("green blob", 5), "desk": ("green blob", 5)}
    assert "source desk added, source door changed, prompt changed to green blob, source shelf removed" in caplog.text
    assert "node cannot change while the node runs" in caplog.text


def test_a_refusal_takes_back_what_was_done_before_it(reread: Reread, caplog: pytest.LogCaptureFixture) -> None:
    before = reread(settings())

    after = reread(settings("door desk", prompt="an elephant", defaults={"target_hz": 5}))

    assert after == before == {"door": ("red blob", None), "shelf": ("red blob", None)}
    assert "nothing was changed: phrase 'an elephant' names none of the colours" in caplog.text


def test_an_unforeseen_error_takes_back_what_was_done_and_is_not_the_last_reading(
    reread: Reread, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    before = reread(settings())
    with monkeypatch.context() as failing:
        failing.setattr(NodeCommands, "set_prompt", None)
        assert reread(settings("door desk", prompt="green blob")) == before
    assert "TypeError" in caplog.text

    assert reread(settings("door desk", prompt="green blob")) == {
        "door": ("green blob", None),
        "desk": ("green blob", None),
    }


def test_a_file_that_is_wrong_changes_nothing_and_once_mended_it_counts(
    reread: Reread, caplog: pytest.LogCaptureFixture
) -> None:
    before = reread(settings())

    assert reread(SettingsError("node.yaml, line 3: not YAML")) == before
    assert "nothing was changed: node.yaml, line 3: not YAML" in caplog.text
    assert set(reread(settings("door"))) == {"door"}


def test_what_was_changed_by_others_stays_where_the_file_does_not_change(reread: Reread) -> None:
    reread.commands.set_prompt(Prompt.parse("blue blob"))

    became = reread(settings("door"))

    assert became == {"door": ("blue blob", None)}


def test_what_was_changed_of_a_source_stays_where_the_file_changes_something_else_of_it(reread: Reread) -> None:
    reread.commands.set_prompt(Prompt.parse("blue blob"), "door")

    became = reread(settings(defaults={"target_hz": 5}))

    assert became == {"door": ("blue blob", 5), "shelf": ("red blob", 5)}


def test_what_is_taken_back_leaves_what_others_changed_meanwhile(
    reread: Reread, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_prompt = NodeCommands.set_prompt

    def others_act(node: NodeCommands, _: Prompt) -> None:
        set_prompt(node, Prompt.parse("blue blob"), "door")
        node.update_source("shelf", lambda now: replace(now, target_hz=9.0))
        node.update_source("desk", lambda now: replace(now, transport="udp"))  # which begins it anew
        raise CommandError("bad_prompt", "the prompt is refused")

    with monkeypatch.context() as failing:
        failing.setattr(NodeCommands, "set_prompt", others_act)
        became = reread(settings("door shelf desk", prompt="green blob", defaults={"target_hz": 5}))

    assert became == {"door": ("blue blob", None), "shelf": ("red blob", 9.0), "desk": ("red blob", 5)}
