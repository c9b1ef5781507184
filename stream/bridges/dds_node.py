"""DDS node: publishes and receives ROS 2 messages without an installation of ROS."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeArgument=false, reportUnknownParameterType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cyclonedds.core import DDSException, Policy, Qos
from cyclonedds.domain import Domain, DomainParticipant
from cyclonedds.pub import DataWriter
from cyclonedds.sub import DataReader
from cyclonedds.topic import Topic
from cyclonedds.util import duration

from .dds_types import dds_sample, dds_type
from .ros_definitions import type_hash
from .ros_messages import RosMessage
from .ros_topics import ReceivedText, RosTopic

MAX_DOMAIN = 232
_MAX_TAKEN = 100
_BLOCKS_AT_MOST_S = 0.1

LOOPBACK = """<CycloneDDS><Domain><General>
<Interfaces><NetworkInterface address='127.0.0.1' multicast='false'/></Interfaces><AllowMulticast>false</AllowMulticast>
</General><Discovery><ParticipantIndex>auto</ParticipantIndex><MaxAutoParticipantIndex>32</MaxAutoParticipantIndex>
<Peers><Peer Address='127.0.0.1'/></Peers></Discovery></Domain></CycloneDDS>"""
"""Discovery and data on the loopback interface alone, as with ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST."""


class DdsError(ConnectionError):
    """DDS cannot be used; one sentence."""


class DdsNode:
    """A participant in a DDS domain with ROS's topic names, type names and type hashes.

    Args:
        domain: ROS_DOMAIN_ID, 0..232.
        loopback: only programs of this machine see it. DDS has no keys here: without this every machine of the network
            can read the detections and change the prompt.

    Raises:
        DdsError: not a domain, or no network to use.
    """

    def __init__(self, domain: int = 0, *, loopback: bool = True) -> None:
        if not 0 <= domain <= MAX_DOMAIN:
            raise DdsError(f"ROS domain {domain} does not exist: give 0 to {MAX_DOMAIN}")
        try:
            self._domain = Domain(domain, LOOPBACK) if loopback else None
            self._participant = DomainParticipant(domain, Qos(Policy.Userdata(b"enclave=/;")))
        except DDSException as error:
            raise DdsError(f"DDS domain {domain} cannot be joined ({error}): is its network interface up?") from error
        self._writers: dict[str, DataWriter[Any]] = {}
        self._readers: dict[str, DataReader[Any]] = {}

    def publish(self, topic: RosTopic, message: RosMessage) -> None:
        self._writer(topic).write(dds_sample(message))

    def advertise(self, topic: RosTopic) -> None:
        self._writer(topic)

    def is_wanted(self, topic: RosTopic) -> bool:
        return bool(self._writer(topic).get_matched_subscriptions())

    def listen(self, topic: RosTopic) -> None:
        if topic.name not in self._readers:
            self._readers[topic.name] = DataReader(self._participant, self._topic(topic), _qos(topic))

    def take(self, topic: RosTopic) -> Sequence[ReceivedText]:
        samples: list[Any] = self._readers[topic.name].take(_MAX_TAKEN)
        valid = [sample for sample in samples if sample.sample_info.valid_data]
        return [ReceivedText(one.data, _handle(one.sample_info.publication_handle)) for one in valid]

    def publishers(self, topic: RosTopic) -> frozenset[str]:
        return frozenset(map(_handle, self._readers[topic.name].get_matched_publications()))

    def close(self) -> None:
        self._writers.clear()
        self._readers.clear()
        del self._participant
        self._domain = None

    def _writer(self, topic: RosTopic) -> DataWriter[Any]:
        writer = self._writers.get(topic.name)
        if writer is None:
            writer = self._writers[topic.name] = DataWriter(self._participant, self._topic(topic), _qos(topic))
        return writer

    def _topic(self, topic: RosTopic) -> Topic[Any]:
        return Topic(self._participant, f"rt{topic.name}", dds_type(topic.ros_type))


def _handle(number: int) -> str:
    """A writer's handle as text: samples give its 64 bits as an unsigned number, lists of writers as a signed one."""
    return f"{number % 2**64:016x}"


def _qos(topic: RosTopic) -> Qos:
    reliability = (
        Policy.Reliability.Reliable(duration(seconds=_BLOCKS_AT_MOST_S))
        if topic.reliable
        else Policy.Reliability.BestEffort
    )
    return Qos(
        reliability,
        Policy.History.KeepLast(topic.depth),
        Policy.DataRepresentation(use_cdrv0_representation=True),  # the only one that every ROS understands
        Policy.Userdata(f"typehash={type_hash(topic.ros_type)};".encode()),
    )
