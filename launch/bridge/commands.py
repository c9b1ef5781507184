"""The commands `groundcast bridge ...`. Each is loaded, with its libraries, when the command line names it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .foxglove import foxglove
from .mqtt import mqtt
from .ros2 import ros2
from .webhook import webhook

COMMANDS: Mapping[str, Callable[..., Any]] = {"ros2": ros2, "foxglove": foxglove, "mqtt": mqtt, "webhook": webhook}
