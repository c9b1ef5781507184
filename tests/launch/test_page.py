"""`groundcast page`: what it refuses before it listens."""

from __future__ import annotations

from pathlib import Path

import pytest

from .commands import in_process


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--listen", "8080"], "web address '8080' must look like 127.0.0.1:8080"),
        (["--listen", "0.0.0.0:8080"], "can be reached by others: add --token FILE"),
        (["--tls-key", "key.pem"], "name both files"),
        (["--watch-only", "--control", "tcp://127.0.0.1:5571"], "leave --control away"),
        (["--control", "nowhere"], "must look like tcp://"),
        (["nowhere"], "must look like tcp://"),
    ],
)
def test_what_cannot_be_used_is_named(capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str) -> None:
    ended = in_process(capsys, "page", *arguments)

    assert ended.code == 2
    assert sentence in ended.sentence


def test_a_token_file_that_others_can_read_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("0123456789abcdef0123")
    token.chmod(0o644)

    assert "chmod 600" in in_process(capsys, "page", "--token", token).sentence
