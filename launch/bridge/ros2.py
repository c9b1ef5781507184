"""`groundcast bridge ros2`: a node's detections, pictures and state as ROS 2 topics."""

from __future__ import annotations

import json
import os
from contextlib import closing
from dataclasses import asdict
from typing import Annotated, Literal

import typer

from ...stream.bridges.ros_bridge import RosBridge
from ...stream.bridges.ros_topics import RosNode, RosTopics
from ...stream.track import TrackState
from ..exits import InputError
from ..settings.command_options import spread_options
from .node_options import BridgedDetections, ControlOption, bridging, prompt_requests

_INSECURE = "Let other machines see the topics and, with --control, change the prompt: DDS has no keys here."


@spread_options
def ros2(
    connection: BridgedDetections,
    name: Annotated[
        str, typer.Option(help="The bridge's name as a ROS node; its topics begin with it.")
    ] = "groundcast",
    namespace: Annotated[str, typer.Option(help="The ROS namespace, such as /arm_1.")] = "",
    tentative: Annotated[
        bool, typer.Option("--tentative", help="Also pass on tracks that were seen too seldom.")
    ] = False,
    coasting: Annotated[
        bool, typer.Option("--coasting", help="Also pass on tracks that are not seen now: their box is a prediction.")
    ] = False,
    reliable: Annotated[
        bool, typer.Option("--reliable", help="Send detections again that a subscriber misses.")
    ] = False,
    control: ControlOption = None,
    through: Annotated[
        Literal["auto", "dds", "rclpy"],
        typer.Option(help="rclpy: the ROS that is sourced; dds: no ROS needed; auto: rclpy where it is sourced."),
    ] = "auto",
    domain: Annotated[
        int | None, typer.Option(help="ROS domain. Default: ROS_DOMAIN_ID, or 0.", show_default=False)
    ] = None,
    insecure: Annotated[bool, typer.Option("--insecure", help=_INSECURE)] = False,
) -> None:
    """Publish a node's detections, pictures and state as ROS 2 topics, until Ctrl-C."""
    topics = RosTopics(name, namespace, reliable=reliable)
    chosen = _chosen(through)
    others: dict[TrackState, bool] = {"tentative": tentative, "coasting": coasting}
    states: list[TrackState] = ["matched", *(state for state, is_chosen in others.items() if is_chosen)]
    with closing(_ros_node(chosen, topics, _domain(domain), insecure=insecure)) as node:
        requests = prompt_requests(control, connection.keys)
        bridge = RosBridge(connection.feed(), node, topics, states, requests)
        if not connection.as_json:
            typer.echo(f"{connection.address} -> ROS topics /{name}/... over {chosen} (Ctrl-C ends)")
        with bridging() as stop:
            bridge.run(stop)
    figures = asdict(bridge.figures)
    typer.echo(json.dumps(figures) if connection.as_json else f"{bridge.figures.received} messages passed on")


def _chosen(through: str) -> str:
    """The way to ROS; `auto` takes the ROS that is sourced."""
    if through != "auto":
        return through
    return "rclpy" if os.environ.get("ROS_DISTRO") else "dds"


def _ros_node(through: str, topics: RosTopics, domain: int, *, insecure: bool) -> RosNode:
    if through == "rclpy":
        from ...stream.bridges.rclpy_node import RclpyNode

        return RclpyNode(topics.node, topics.namespace)
    from ...stream.bridges.dds_node import DdsNode

    return DdsNode(domain, loopback=not insecure)


def _domain(given: int | None) -> int:
    text = os.environ.get("ROS_DOMAIN_ID") or "0"
    if given is not None:
        return given
    if not text.isdecimal() or len(text) > 9:
        raise InputError(f"ROS_DOMAIN_ID is {text[:100]!r}, which is no number: set it to 0 to 232, or give --domain")
    return int(text)
