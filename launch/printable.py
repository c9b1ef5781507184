"""Sanitizes text for a terminal: control characters and line ends become blanks."""

from __future__ import annotations


def printable(text: str, keep: str = "") -> str:
    """`text` with a blank for each unprintable character: control characters, line ends, direction marks.

    Args:
        keep: characters that stay, such as line ends.
    """
    return "".join(letter if letter.isprintable() or letter in keep else " " for letter in text)
