"""Model configuration files: every key must be known, and every value of its type and within its limits.

A weight file may come from an untrusted source. Values of its configuration become arguments of other libraries, which
can open files and fetch URLs: only the keys and values listed here are passed on.
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

# Every backbone of the Edge body, and every size of Swin.
BACKBONES = (
    "swin_tiny_patch4_window7_224", "swin_small_patch4_window7_224", "swin_base_patch4_window7_224",
    "swin_base_patch4_window12_384", "swin_large_patch4_window7_224", "swin_large_patch4_window12_384",
    "efficientvit_b0", "efficientvit_b1", "efficientvit_b2", "efficientvit_b3",
    "fasternet_t0", "fasternet_t1", "fasternet_t2", "fasternet_s", "fasternet_m", "fasternet_l",
)  # fmt: skip

Check = Callable[[Any], str | None]  # returns the expected kind of value, or None if the value is valid


def _integer(minimum: int, maximum: int) -> Check:
    def check(value: Any) -> str | None:
        return None if _is_integer(value) and minimum <= value <= maximum else f"a whole number in {minimum}..{maximum}"

    return check


def _number(minimum: float, maximum: float) -> Check:
    def check(value: Any) -> str | None:
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        return None if is_number and minimum <= value <= maximum else f"a number in {minimum:g}..{maximum:g}"

    return check


def _one_of(*choices: str) -> Check:
    def check(value: Any) -> str | None:
        return None if isinstance(value, str) and value in choices else f"one of {', '.join(choices)}"

    return check


def _integers(minimum: int, maximum: int, count: int) -> Check:
    def check(value: Any) -> str | None:
        numbers = cast("Sequence[Any]", value) if isinstance(value, list | tuple) else ()
        right = 0 < len(numbers) <= count and all(_is_integer(one) and minimum <= one <= maximum for one in numbers)
        return None if right else f"a list of at most {count} whole numbers in {minimum}..{maximum}"

    return check


def _text(value: Any) -> str | None:
    right = isinstance(value, str) and 0 < len(value) <= MAX_NAME and value.isprintable()
    return None if right else f"a text of at most {MAX_NAME} characters"


def _boolean(value: Any) -> str | None:
    return None if isinstance(value, bool) else "true or false"


def _mapping(value: Any) -> str | None:
    return None if isinstance(value, Mapping) else "a map"


_TEXT: dict[str, Check] = {
    "vocabulary": _integer(1, 1 << 20),
    "width": _integer(1, _MAX_WIDTH),
    "layers": _integer(1, _MAX_LAYERS),
    "heads": _integer(1, _MAX_HEADS),
    "feed_forward": _integer(1, 8 * _MAX_WIDTH),
}
_SWIN: dict[str, Check] = {
    "embed_dim": _integer(1, 1024),
    "depths": _integers(1, _MAX_LAYERS, _MAX_STAGES),
    "num_heads": _integers(1, _MAX_HEADS, _MAX_STAGES),
    "window_size": _integer(1, 64),
    "drop_path_rate": _number(0, 0.9),
}
_MODEL: dict[str, Check] = {
    "name": _text,
    "text": _mapping,
    "body": _one_of("full", "edge"),
    "backbone": _one_of(*BACKBONES),
    "backbone_options": _mapping,
    "levels": _integers(0, _MAX_STAGES - 1, _MAX_STAGES),
    "extra_levels": _integer(0, _MAX_STAGES),
    "width": _integer(1, _MAX_WIDTH),
    "heads": _integer(1, _MAX_HEADS),
    "points": _integer(1, 64),
    "enhancer_layers": _integer(1, _MAX_LAYERS),
    "decoder_layers": _integer(1, _MAX_LAYERS),
    "feed_forward": _integer(1, 8 * _MAX_WIDTH),
    "fusion_width": _integer(1, _MAX_WIDTH),
    "fusion_scale": _number(-1000, 1000),
    "queries": _integer(1, 100_000),
    "proposals": _one_of("ranked", "peaks"),
    "head": _one_of("dot", "scaled"),
    "share_heads": _boolean,
    "refine_eps": _number(1e-9, 0.1),
    "answer_eps": _number(1e-9, 0.1),
    "input_pixels": _integer(32 * 32, 1 << 26),
    "input_short": _integer(32, 8192),
}


def read_config(values: object) -> ModelConfig:
    """The configuration in a JSON file, or one derived from the shapes of tensors.

    Raises:
        ConfigError: an unknown key, a missing one, or an invalid value.
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
    """The same values, checked: every key is known, every value is valid, and none without a default is missing."""
    if not isinstance(values, Mapping):
        raise ConfigError(f"the model configuration is no map but {type(values).__name__}")
    known = dict(cast("Mapping[str, Any]", values))
    for key, value in known.items():
        named = repr(f"{where}{key}"[:MAX_NAME])
        if key not in checks:
            raise ConfigError(f"unknown key {named} in the model configuration: it may come from a newer version")
        if expected := checks[key](value):
            raise ConfigError(f"{named} of the model configuration is {repr(value)[:60]}: it must be {expected}")
    for key in _REQUIRED.get(where, ()):
        if key not in known:
            raise ConfigError(f"the model configuration is incomplete: '{where}{key}' is missing")
    return known


def _required(kind: type[ModelConfig] | type[TextConfig]) -> tuple[str, ...]:
    return tuple(one.name for one in fields(kind) if one.default is MISSING and one.default_factory is MISSING)


def _is_integer(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


_REQUIRED = {"": _required(ModelConfig), "text.": _required(TextConfig)}
