"""One limit for each kind of name, in settings, requests, messages and schemas."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from groundcast.stream.control.source_settings import SourceSettings
from groundcast.stream.wire import topics
from groundcast.stream.wire.topics import MAX_FRAME_ID_LENGTH, MAX_NAME_LENGTH, MessageError, check_name

from ..published_schemas import definitions, is_valid

LONGEST, TOO_LONG = "n" * MAX_NAME_LENGTH, "n" * (MAX_NAME_LENGTH + 1)


def test_the_longest_name_is_one_everywhere() -> None:
    assert check_name(LONGEST) == LONGEST
    assert SourceSettings(name=LONGEST, url="a.mp4").name == LONGEST
    assert is_valid("name", LONGEST)
    with pytest.raises(MessageError):
        check_name(TOO_LONG)
    with pytest.raises(ValidationError):
        SourceSettings(name=TOO_LONG, url="a.mp4")
    assert not is_valid("name", TOO_LONG)


@pytest.mark.parametrize("schema", ["message", "status"])
def test_a_message_and_a_status_have_the_same_limit(schema: str) -> None:
    text = (Path(topics.__file__).parent / f"{schema}.schema.json").read_text()
    pattern = re.compile(json.loads(text)["$defs"]["name"]["pattern"])

    assert pattern.search(LONGEST)
    assert not pattern.search(TOO_LONG)


def test_a_frame_id_is_as_long_in_requests_as_in_pushed_pictures() -> None:
    assert definitions()["source"]["properties"]["frame_id"]["maxLength"] == MAX_FRAME_ID_LENGTH
