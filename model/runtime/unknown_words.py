"""Unknown words: the error text for a phrase that a model with a fixed vocabulary was not taught."""

from __future__ import annotations

from collections.abc import Sequence

from ..dino.tokenizer import Tokenizer
from ..weights.embedded import embedded_with

_MAX_LISTED = 40
_MAX_SUGGESTED = 3
_MAX_ALSO = 20


def describe_unknown(
    model: str, wording: str, known: Sequence[str], tokenizer: Tokenizer, asked: Sequence[str] = ()
) -> str:
    """One sentence: which words are unknown, or which known phrases contain the words.

    Args:
        model: its name.
        wording: a wording that is not in `known`.
        known: every wording that the model was taught.
        tokenizer: the model's tokenizer.
        asked: all wordings of the prompt: the other unknown ones are listed, and an embedded model that knows all.
    """
    text = f"{model} was not taught {wording!r}"
    if also := [one for one in asked if one not in known and one != wording]:
        more = f" and {len(also) - _MAX_ALSO} more" if len(also) > _MAX_ALSO else ""
        text += f", nor {', '.join(map(repr, also[:_MAX_ALSO]))}{more}"
    parts = [" ".join(part.split()) for part in wording.split(".")]
    if len(parts) > 1 and set(parts) <= set(known):
        return f"{text}: part phrases with ' . ', did you mean {' . '.join(parts)!r}?"
    words = tokenizer.split(wording)
    unknown = [word for word in words if word not in tokenizer.vocabulary]
    if unknown:
        learnt = [token for token in tokenizer.vocabulary if token.isalpha()]
        named = ", ".join(learnt[:_MAX_LISTED])
        named += f" and {len(learnt) - _MAX_LISTED} more" if len(learnt) > _MAX_LISTED else ""
        but_not = f", but not {_listed(unknown)}" if len(words) > 1 else ""
        text += f": it knows {named}{but_not}; ask as in {_listed(_kinds(known))}"
    else:
        text += f", though it knows each word: ask for {_listed(_near(words, known) or known[:_MAX_LISTED])}"
    if (other := embedded_with([wording, *asked])) is not None:
        return f"{text}, or take the embedded model that knows the words, with --model {other}"
    return f"{text}, or load a model that reads any words, with --model"


def _near(words: Sequence[str], known: Sequence[str]) -> list[str]:
    """Known wordings that contain all of the words, then those made of some of them."""
    wanted = set(words)
    fuller = [one for one in known if wanted <= set(one.split())]
    shorter = sorted((one for one in known if set(one.split()) < wanted), key=lambda one: -len(one.split()))
    return [*fuller, *shorter][:_MAX_SUGGESTED]


def _kinds(known: Sequence[str]) -> list[str]:
    """Examples of known wordings: the first, the shortest and the last."""
    return list(dict.fromkeys([known[0], min(known, key=lambda one: len(one.split())), known[-1]]))


def _listed(texts: Sequence[str]) -> str:
    quoted = [repr(text) for text in texts]
    return " or ".join(filter(None, (", ".join(quoted[:-1]), quoted[-1])))
