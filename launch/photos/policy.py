"""Content policy: which phrases a picture must not show, and what is done with one that does.

rules:
  - name: privacy
    phrases: [face, licence plate]
    action: blur
    threshold: 0.35
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from ...model.prompt import Phrase, Prompt, PromptError
from ..exits import InputError
from ..settings.yaml_file import YamlError, read_yaml
from ..survey.entry import FoundBox, FrameEntry

ACTIONS = ("allow", "flag", "blur", "move")  # each counts more than those before
_KEYS = {"name", "phrases", "action", "threshold", "min_share"}


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """One rule.

    Args:
        name: for the report.
        phrases: any of them breaks the rule.
        action: 'flag', 'blur' or 'move'.
        threshold: the minimum score.
        min_share: smaller boxes, as a share of the picture's area, do not count.
    """

    name: str
    phrases: tuple[str, ...]
    action: str
    threshold: float = 0.3
    min_share: float = 0.0


@dataclass(frozen=True, slots=True)
class PolicyBreach:
    """A box that breaks a rule."""

    rule: PolicyRule
    box: FoundBox


def read_policy(path: Path) -> tuple[PolicyRule, ...]:
    """The rules of a file.

    Raises:
        InputError: it cannot be read, or a rule does not fit; the sentence names the rule.
    """
    try:
        values, _ = read_yaml(path)
    except (OSError, YamlError) as error:
        raise InputError(f"policy {path} cannot be read: {error}") from error
    listed = cast("Mapping[str, object]", values).get("rules") if isinstance(values, Mapping) else None
    if not isinstance(listed, list) or not listed:
        raise InputError(f"policy {path} has no rules: list them under 'rules:'")
    rules = tuple(_rule(f"policy {path}, rule {row}", one) for row, one in enumerate(cast("list[object]", listed), 1))
    if len({rule.name for rule in rules}) != len(rules):
        raise InputError(f"policy {path}: two rules have one name: each needs its own")
    return rules


def prompt_of(rules: Sequence[PolicyRule]) -> Prompt:
    """All phrases of all rules as one prompt, each with the lowest threshold that a rule has for it."""
    lowest: dict[str, float] = {}
    for rule in rules:
        for phrase in rule.phrases:
            lowest[phrase] = min(rule.threshold, lowest.get(phrase, 1.0))
    try:
        return Prompt.of([Phrase(phrase, (), threshold) for phrase, threshold in lowest.items()])
    except PromptError as error:
        raise InputError(f"the policy's phrases cannot be asked for: {error}") from error


def breaches_in(frame: FrameEntry, rules: Sequence[PolicyRule]) -> list[PolicyBreach]:
    """The boxes of a picture that break rules; one may break several."""
    area = max(1, frame.width * frame.height)

    def is_breach(box: FoundBox, rule: PolicyRule) -> bool:
        x1, y1, x2, y2 = box.box_xyxy
        is_large = (x2 - x1) * (y2 - y1) >= rule.min_share * area
        return box.label in rule.phrases and box.score >= rule.threshold and is_large

    return [PolicyBreach(rule, box) for box in frame.boxes for rule in rules if is_breach(box, rule)]


def strictest(breaches: Sequence[PolicyBreach]) -> str:
    """The action of a picture with these breaches."""
    return max((one.rule.action for one in breaches), key=ACTIONS.index, default="allow")


def _rule(where: str, one: object) -> PolicyRule:
    if not isinstance(one, Mapping):
        raise InputError(f"{where} must be a map of {', '.join(sorted(_KEYS))}")
    values = cast("Mapping[str, object]", one)
    if unknown := set(values) - _KEYS:
        raise InputError(f"{where}: {min(unknown)!r} is unknown: write {', '.join(sorted(_KEYS))}")
    name, action = values.get("name"), values.get("action")
    given = values.get("phrases")
    phrases = [given] if isinstance(given, str) else cast("list[object]", given) if isinstance(given, list) else []
    if not isinstance(name, str) or not name.strip():
        raise InputError(f"{where} has no name")
    if not phrases or not all(isinstance(phrase, str) and phrase.strip() for phrase in phrases):
        raise InputError(f"{where} ({name}): phrases must be a list of texts")
    if action not in ACTIONS[1:]:
        raise InputError(f"{where} ({name}): action must be one of {', '.join(ACTIONS[1:])}")
    threshold, min_share = (
        _share(where, values, key, usual) for key, usual in (("threshold", 0.3), ("min_share", 0.0))
    )
    return PolicyRule(name, tuple(map(str, phrases)), str(action), threshold, min_share)


def _share(where: str, values: Mapping[str, object], key: str, usual: float) -> float:
    value = values.get(key, usual)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise InputError(f"{where}: {key} must lie in 0..1")
    return float(value)
