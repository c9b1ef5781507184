"""The soak's judgement of floods: it must see a camera that loses its rate, and a node that does not recover."""

from __future__ import annotations

from .soak_bursts import Burst, burst_faults, honest_share

LENGTH_S = 8.0


def twice_a_second(lost_every: int = 0) -> tuple[list[float], list[Burst]]:
    """Ten minutes of messages, of which so many are lost within bursts, and the bursts."""
    bursts = [Burst("control", at_s, at_s + LENGTH_S, 0.5, 0.6) for at_s in range(20, 580, 40)]
    arrived_s = [number / 2 for number in range(1200)]
    inside = [at_s for at_s in arrived_s if any(burst.began_s <= at_s < burst.ended_s for burst in bursts)]
    lost = set(inside[::lost_every]) if lost_every else set[float]()
    return [at_s for at_s in arrived_s if at_s not in lost], bursts


def test_a_camera_that_keeps_its_rate_in_floods_is_let_pass() -> None:
    arrived_s, bursts = twice_a_second()
    assert honest_share(arrived_s, bursts) == 1.0
    assert burst_faults(arrived_s, bursts) == []


def test_a_camera_that_loses_a_fifth_of_its_rate_is_caught() -> None:
    arrived_s, bursts = twice_a_second(lost_every=5)
    assert burst_faults(arrived_s, bursts) == ["the honest camera kept 80% of its rate in floods"]


def test_a_camera_that_is_never_heard_is_caught() -> None:
    _, bursts = twice_a_second()
    assert burst_faults([], bursts) == ["the honest camera kept 0% of its rate in floods"]


def test_a_node_that_does_not_recover_is_caught() -> None:
    arrived_s, _ = twice_a_second()
    late = [Burst("health", 50.0, 58.0, 0.5, 2.4), Burst("health", 90.0, 98.0, 0.5, 2.6)]
    never = Burst("publisher", 200.0, 208.0, 0.5, None)
    assert burst_faults(arrived_s, [*late, never]) == [
        "the node was back to normal after 2.6 s when the flood of its health port ended",
        "the node was back to normal later than was waited for when the flood of its publisher port ended",
    ]


def test_a_burst_at_the_edge_of_the_run_does_not_count() -> None:
    arrived_s, _ = twice_a_second()
    assert honest_share(arrived_s, [Burst("control", 2.0, 10.0, 0.5, 0.6)]) is None
