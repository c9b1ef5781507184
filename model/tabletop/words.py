"""tabletop's words: colours, kinds of object, and the pairs held out of training."""

from __future__ import annotations

COLOURS: tuple[str, ...] = (
    "red",
    "orange",
    "yellow",
    "green",
    "blue",
    "purple",
    "pink",
    "brown",
    "white",
    "black",
)
KINDS: tuple[str, ...] = ("cube", "ball", "can", "bottle", "mug", "ring", "cone", "bowl")

# One pair of each kind and no colour twice, so that every word of a held-out pair stays frequent in training.
HELD_OUT: frozenset[tuple[str, str]] = frozenset(
    {
        ("purple", "cube"),
        ("yellow", "ball"),
        ("pink", "can"),
        ("orange", "bottle"),
        ("green", "mug"),
        ("white", "ring"),
        ("blue", "cone"),
        ("brown", "bowl"),
    }
)

PAIRS: tuple[tuple[str, str], ...] = tuple((colour, kind) for colour in COLOURS for kind in KINDS)
TRAINING_PAIRS: tuple[tuple[str, str], ...] = tuple(pair for pair in PAIRS if pair not in HELD_OUT)


def phrase(colour: str, kind: str) -> str:
    """The phrase of a pair: 'red mug'."""
    return f"{colour} {kind}"


def pair_of(text: str) -> tuple[str, str]:
    """The colour and the kind in 'red mug'.

    Raises:
        ValueError: the text is not a colour and a kind of this vocabulary.
    """
    colour, _, kind = text.partition(" ")
    if colour not in COLOURS or kind not in KINDS:
        raise ValueError(f"{text!r} is not a colour and a kind: write one of {COLOURS} and one of {KINDS}")
    return colour, kind
