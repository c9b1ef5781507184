"""A command's options as dataclasses, expanded into the keyword parameters that typer reads."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, TypeVar, get_type_hints

Result = TypeVar("Result")
MAX_SEED = 1_000_000  # with steps and processes it must stay within 64 bits


def spread_options(command: Callable[..., Result]) -> Callable[..., Result]:
    """Turn a command that takes dataclasses of options into one that takes each field as a keyword.

        @dataclass(frozen=True, slots=True)
        class CopyOptions:
            fast: Annotated[bool, typer.Option(help="Do not check what was written.")] = False

        @spread_options
        def copy(source: Path, options: CopyOptions) -> None: ...

    is read by typer as `def copy(source: Path, *, fast: Annotated[...] = False) -> None`. For another
    default or option, a command takes a subclass that states only these.

    Args:
        command: one or more of its parameters are dataclasses, whose fields are annotated as typer's parameters are.
            Its types and those of the fields must be there when the command is made, so no `if TYPE_CHECKING` around
            them.

    Raises:
        TypeError: none of the parameters is a dataclass.
        ValueError: a field is named as another one, or as another parameter of the command.
    """
    hints = get_type_hints(command, include_extras=True)
    own = inspect.signature(command).parameters
    kinds: dict[str, type[Any]] = {name: hints[name] for name in own if is_dataclass(hints.get(name))}
    if not kinds:
        raise TypeError(f"{command.__qualname__} must take a dataclass of options")
    options_of = {name: _parameters(kind) for name, kind in kinds.items()}

    def spread_out(*arguments: Any, **values: Any) -> Result:
        made: dict[str, Any] = {}
        for name, kind in kinds.items():
            made[name] = kind(**{one.name: values.pop(one.name) for one in options_of[name] if one.name in values})
        return command(*arguments, **values, **made)

    kept = [one.replace(annotation=hints.get(name, one.annotation)) for name, one in own.items() if name not in kinds]
    options = [one for several in options_of.values() for one in several]
    signature = inspect.Signature([*kept, *options], return_annotation=hints.get("return", inspect.Signature.empty))
    for attribute in ("__module__", "__name__", "__qualname__", "__doc__"):
        setattr(spread_out, attribute, getattr(command, attribute))
    # typer reads both. `functools.wraps` would lead it on to the command's own parameters.
    spread_out.__annotations__ = {one.name: one.annotation for one in signature.parameters.values()}
    setattr(spread_out, "__signature__", signature)  # noqa: B010 - functions are not known to have one
    return spread_out


def _parameters(options: type[Any]) -> list[inspect.Parameter]:
    """A keyword for each field, in the fields' order."""
    hints = get_type_hints(options, include_extras=True)
    return [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=_default(field), annotation=hints[field.name]
        )
        for field in fields(options)
        if field.init
    ]


def _default(field: Field[Any]) -> object:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return inspect.Parameter.empty if field.default is MISSING else field.default
