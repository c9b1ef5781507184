"""API metrics: requests, pictures and waiting of a server, as a page for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder
from prometheus_client.process_collector import ProcessCollector

from .model_pool import ModelPool

_SECONDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


class ApiMetrics:
    """The page of metrics of one server."""

    def __init__(self, pool: ModelPool) -> None:
        self._pool = pool
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "groundcast_http_requests", "Requests by route and status.", ["route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "groundcast_http_seconds",
            "Seconds from the request's header to its answer.",
            ["route"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._waiting = Gauge(
            "groundcast_waiting_pictures", "Pictures that wait for a model.", ["model"], registry=self._registry
        )
        self._loaded = Gauge(
            "groundcast_model_loaded", "1 while a model is loaded.", ["model"], registry=self._registry
        )
        ProcessCollector(registry=self._registry)

    def count(self, route: str, status: int, took_s: float) -> None:
        """Count one answer.

        Args:
            route: the route's own path, not the request's, so that the number of series stays bounded.
        """
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(took_s)

    def page(self, accept: str) -> tuple[str, bytes]:
        """The content type that an `Accept` header asks for, and the current metrics in it."""
        waiting = {model.name: model.dispatcher.waiting for model in self._pool.loaded}
        for name in self._pool.names:
            self._waiting.labels(name).set(waiting.get(name, 0))
            self._loaded.labels(name).set(name in waiting)
        try:
            encode, content_type = choose_encoder(accept)
        except (TypeError, ValueError):  # the library breaks on a version that is no number
            encode, content_type = choose_encoder("")
        return content_type, encode(self._registry)
