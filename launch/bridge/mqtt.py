"""`groundcast bridge mqtt`: a node's events, counts and state to an MQTT broker."""

from __future__ import annotations

import json
import os
import socket
import ssl
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import typer

from ...stream.bridges.disk_queue import DiskQueue
from ...stream.bridges.event_bridge import EventBridge
from ...stream.bridges.mqtt_topics import MqttTopics, slug
from ..exits import InputError
from ..settings.command_options import spread_options
from .event_options import BridgedEvents, check_encrypted, secret
from .node_options import bridging

PASSWORD = "GROUNDCAST_MQTT_PASSWORD"


@dataclass(frozen=True, slots=True)
class MqttBridgeOptions(BridgedEvents):
    """The node, the events, and how to reach the broker."""

    user: Annotated[str | None, typer.Option(help=f"The broker's user; the password is in {PASSWORD}.")] = None
    password_file: Annotated[
        Path | None, typer.Option(help=f"The file with the broker's password, instead of {PASSWORD}.")
    ] = None
    client_cert: Annotated[Path | None, typer.Option(help="This client's certificate, for mqtts, as PEM.")] = None
    client_key: Annotated[Path | None, typer.Option(help="The key of --client-cert, as PEM.")] = None
    topic: Annotated[str, typer.Option(help="What all topics begin with.")] = "groundcast"
    name: Annotated[str | None, typer.Option(help="This bridge's name on the broker. Default: the host's.")] = None
    home_assistant: Annotated[
        bool, typer.Option("--home-assistant", help="Announce the sources to Home Assistant.")
    ] = False
    discovery_topic: Annotated[str, typer.Option(help="Home Assistant's discovery topic.")] = "homeassistant"
    version: Annotated[Literal["5", "3.1.1"], typer.Option(help="MQTT's version.")] = "5"


@spread_options
def mqtt(
    broker: Annotated[str, typer.Argument(help="mqtts://HOST or mqtt://HOST, with :PORT.", show_default=False)],
    options: MqttBridgeOptions,
) -> None:
    """Publish a node's events, counts and state to an MQTT broker, until Ctrl-C."""
    from ...stream.bridges.mqtt_sender import MqttOptions, MqttSender

    host, port, is_encrypted = _broker(broker)
    check_encrypted(host, is_encrypted=is_encrypted, insecure=options.insecure, instead=f"mqtts://{host}")
    name = options.name or slug(socket.gethostname())
    discovery = options.discovery_topic if options.home_assistant else None
    topics = MqttTopics(options.topic, name, discovery, snapshots=True)
    password = secret(PASSWORD, options.password_file, os.environ)
    if password is not None and options.user is None:
        raise InputError("a password for the broker was given without a user: add --user")
    tls = _tls(options) if is_encrypted else None
    reached = MqttOptions(host, port, f"groundcast-{name}", options.user, password, tls, options.version)
    with closing(DiskQueue(options.queue_path("mqtt", f"{host}:{port}/{name}"), options.bounds())) as queue:
        sender = MqttSender(reached, queue, topics)
        bridge = EventBridge(options.feed(), queue, sender, options.kinds())
        if not options.as_json:
            typer.echo(f"{options.address} -> {sender.place}, topics {options.topic}/... (Ctrl-C ends)")
        with bridging() as stop:
            bridge.run(stop)
        waiting = len(queue)
    say_figures(bridge, waiting, as_json=options.as_json)


def say_figures(bridge: EventBridge, waiting: int, *, as_json: bool) -> None:
    """What a bridge of events has done."""
    figures = {**asdict(bridge.figures), "waiting": waiting}
    sent = bridge.figures.sent
    lines = f"{bridge.figures.received} events received, {sent.get('delivered', 0)} delivered, {waiting} wait"
    lost = f", {sent['dropped']} dropped" if sent.get("dropped") else ""
    typer.echo(json.dumps(figures) if as_json else lines + lost)


def _broker(url: str) -> tuple[str, int, bool]:
    """Host, port, and whether the connection is encrypted."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise InputError("the broker's host or port cannot be: write mqtts://HOST:PORT") from None
    if parts.scheme not in ("mqtt", "mqtts") or not host:
        raise InputError(
            "the broker must be written mqtts://HOST or mqtt://HOST, with :PORT where it is not the usual one"
        )
    if parts.password is not None or parts.username is not None:
        raise InputError(f"the broker's URL must hold no user and no password: give --user and {PASSWORD}")
    is_encrypted = parts.scheme == "mqtts"
    return host, port or (8883 if is_encrypted else 1883), is_encrypted


def _tls(options: MqttBridgeOptions) -> ssl.SSLContext:
    context = options.tls()
    if (options.client_cert is None) != (options.client_key is None):
        raise InputError("--client-cert and --client-key belong together: give both")
    if options.client_cert is not None and options.client_key is not None:
        try:
            context.load_cert_chain(options.client_cert, options.client_key)
        except (OSError, ssl.SSLError) as error:
            raise InputError(
                f"--client-cert {options.client_cert} with --client-key {options.client_key} cannot be used: "
                "give a certificate and its key as PEM files"
            ) from error
    return context
