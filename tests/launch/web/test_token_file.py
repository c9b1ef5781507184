"""The token file is made once, read again, and refused where others can read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from groundcast.launch.web.token_file import TokenError, read_token

from ...stream.key_folder import make_foreign


def test_a_missing_file_is_made_for_its_owner_alone_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "token"

    token = read_token(path)

    assert len(token) >= 40
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_token(path) == token


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "token"
    read_token(path)
    path.chmod(0o640)

    with pytest.raises(TokenError, match=r"mode 640.*chmod 600"):
        read_token(path)


def test_a_file_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "token"
    read_token(path)
    make_foreign(path, monkeypatch)

    with pytest.raises(TokenError, match="belongs to another user"):
        read_token(path)


@pytest.mark.parametrize("text", ["", "short", "with blanks in the middle of it", "b\xe9" * 20, "x" * 20 + "\n" + "y"])
def test_a_file_without_a_usable_token_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "token"
    path.write_text(text)
    path.chmod(0o600)

    with pytest.raises(TokenError, match="one line of 16 or more"):
        read_token(path)


def test_a_folder_and_a_missing_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(TokenError, match="cannot be read"):
        read_token(tmp_path)
    with pytest.raises(TokenError, match="cannot be made"):
        read_token(tmp_path / "gone" / "token")
