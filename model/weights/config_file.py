"""A model configuration as a file holds it: every key is known, of its type and within its limits before it is used.

A weight file may come from a stranger. What is written beside it becomes arguments of other libraries, which open
files and fetch URLs when they are told to: nothing is passed on but what is listed here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any, TypeGuard, cast

from ..config import ConfigError, ModelConfig, TextConfig

MAX_NAME = 200  # characters
_MAX_WIDTH, _MAX_LAYERS, _MAX_HEADS, _MAX_STAGES = 8192, 64, 256, 8
_CHANNELS_OF_A_NORM = 32  # groups of every group norm: widths are multiples of it

# Every network that the Edge body may stand on, and every size of Swin.
BACKBONES = (
    "swin_tiny_patch4_window7_224", "swin_small_patch4_window7_224", "swin_base_patch4_window7_224",
    "swin_base_patch4_window12_384", "swin_large_patch4_window7_224", "swin_large_patch4_window12_384",
    "efficientvit_b0", "efficientvit_b1", "efficientvit_b2", "efficientvit_b3",
    "fasternet_t0", "fasternet_t1", "fasternet_t2", "fasternet_s", "fasternet_m", "fasternet_l",
)  # fmt: skip

Check = Callable[[Any], str | None]  # what a value should be, if it is not that


def _whole(least: int, most: int) -> Check:
    def check(value: Any) -> str | None:
        return None if _is_whole(value) and least <= value <= most else f"a whole number in {least}..{most}"

    return check


def _number(least: float, most: float) -> Check:
    def check(value: Any) -> str | None:
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        return None if is_number and least <= value <= most else f"a number in {least:g}..{most:g}"

    return check


def _one_of(*choices: str) -> Check:
    def check(value: Any) -> str | None:
        return None if isinstance(value, str) and value in choices else f"one of {', '.join(choices)}"

    return check


def _wholes(least: int, most: int, count: int) -> Check:
    def check(value: Any) -> str | None:
        numbers = cast("Sequence[Any]", value) if isinstance(value, list | tuple) else ()
        right = 0 < len(numbers) <= count and all(_is_whole(one) and least <= one <= most for one in numbers)
        return None if right else f"a list of at most {count} whole numbers in {least}..{most}"

    return check


def _text(value: Any) -> str | None:
    right = isinstance(value, str) and 0 < len(value) <= MAX_NAME and value.isprintable()
    return None if right else f"a text of at most {MAX_NAME} characters"


def _truth(value: Any) -> str | None:
    return None if isinstance(value, bool) else "true or false"


def _map(value: Any) -> str | None:
    return None if isinstance(value, Mapping) else "a map"


_TEXT: dict[str, Check] = {
    "vocabulary": _whole(1, 1 << 20),
    "width": _whole(1, _MAX_WIDTH),
    "layers": _whole(1, _MAX_LAYERS),
    "heads": _whole(1, _MAX_HEADS),
    "feed_forward": _whole(1, 8 * _MAX_WIDTH),
}
_SWIN: dict[str, Check] = {
    "embed_dim": _whole(1, 1024),
    "depths": _wholes(1, _MAX_LAYERS, _MAX_STAGES),
    "num_heads": _wholes(1, _MAX_HEADS, _MAX_STAGES),
    "window_size": _whole(1, 64),
    "drop_path_rate": _number(0, 0.9),
}
_MODEL: dict[str, Check] = {
    "name": _text,
    "text": _map,
    "body": _one_of("full", "edge"),
    "backbone": _one_of(*BACKBONES),
    "backbone_options": _map,
    "levels": _wholes(0, _MAX_STAGES - 1, _MAX_STAGES),
    "extra_levels": _whole(0, _MAX_STAGES),
    "width": _whole(1, _MAX_WIDTH),
    "heads": _whole(1, _MAX_HEADS),
    "points": _whole(1, 64),
    "enhancer_layers": _whole(1, _MAX_LAYERS),
    "decoder_layers": _whole(1, _MAX_LAYERS),
    "feed_forward": _whole(1, 8 * _MAX_WIDTH),
    "fusion_width": _whole(1, _MAX_WIDTH),
    "fusion_scale": _number(-1000, 1000),
    "queries": _whole(1, 100_000),
    "proposals": _one_of("ranked", "peaks"),
    "head": _one_of("dot", "scaled"),
    "share_heads": _truth,
    "refine_eps": _number(1e-9, 0.1),
    "answer_eps": _number(1e-9, 0.1),
    "input_pixels": _whole(32 * 32, 1 << 26),
    "input_short": _whole(32, 8192),
}


def read_config(values: object) -> ModelConfig:
    """The configuration that a JSON file holds, or that was told from the shapes of tensors.

    Raises:
        ConfigError: an unknown key, a missing one, or a value that is not what the key needs.
    """
    known = _checked(values, _MODEL, "")
    known["text"] = text = TextConfig(**_checked(known["text"], _TEXT, "text."))
    is_swin = known.get("backbone", "").startswith("swin")
    options = _checked(known.get("backbone_options", {}), _SWIN if is_swin else {}, "backbone_options.")
    known["backbone_options"] = options
    if "levels" in known:
        known["levels"] = tuple(known["levels"])
    config = ModelConfig(**known)
    if list(config.levels) != sorted(set(config.levels)):
        raise ConfigError("'levels' of the model configuration must rise")
    for part, width, heads in (("", config.width, config.heads), ("text.", text.width, text.heads)):
        if width % heads:
            raise ConfigError(f"'{part}width' of the model configuration must be a multiple of '{part}heads' ({heads})")
    if config.width % _CHANNELS_OF_A_NORM:
        raise ConfigError(f"'width' of the model configuration must be a multiple of {_CHANNELS_OF_A_NORM}")
    return config


def is_texts(value: Any) -> TypeGuard[list[str]]:
    """True for a list of texts."""
    return isinstance(value, list) and all(isinstance(one, str) for one in cast("list[object]", value))


def _checked(values: object, checks: Mapping[str, Check], where: str) -> dict[str, Any]:
    """The same values, of which each is known and right; those that have no default are there."""
    if not isinstance(values, Mapping):
        raise ConfigError(f"the model configuration is no map but {type(values).__name__}")
    known = dict(cast("Mapping[str, Any]", values))
    for key, value in known.items():
        named = repr(f"{where}{key}"[:MAX_NAME])
        if key not in checks:
            raise ConfigError(f"unknown key {named} in the model configuration: it may come from a newer version")
        if wanted := checks[key](value):
            raise ConfigError(f"{named} of the model configuration is {repr(value)[:60]}: it must be {wanted}")
    for key in _REQUIRED.get(where, ()):
        if key not in known:
            raise ConfigError(f"the model configuration is incomplete: '{where}{key}' is missing")
    return known


def _required(kind: type[ModelConfig] | type[TextConfig]) -> tuple[str, ...]:
    return tuple(one.name for one in fields(kind) if one.default is MISSING and one.default_factory is MISSING)


def _is_whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


_REQUIRED = {"": _required(ModelConfig), "text.": _required(TextConfig)}
