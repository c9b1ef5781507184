"""Text from elsewhere, made safe to print: it cannot move a terminal's cursor, or pass for a second line."""

from __future__ import annotations


def printable(text: str, keep: str = "") -> str:
    """`text` with a blank for each letter that cannot be seen: control characters, line ends, marks of direction.

    Args:
        keep: letters that stay all the same, such as line ends.
    """
    return "".join(letter if letter.isprintable() or letter in keep else " " for letter in text)
