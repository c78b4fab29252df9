"""The figures of one app in Prometheus' text format: requests as they are answered, the parts' own figures when they are asked for."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from typing import cast

from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from basics.errors import StorageError
from basics.figures import Figure
from web.access.who_may import is_websocket
from web.parts import Parts

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
EXTENSION = "proctor_metrics"
BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)  # s; most calls take 2 to 5 ms


class Metrics:
    """A registry of its own for each app: two apps in one process don't add up."""

    def __init__(self, parts: Parts) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter("proctor_http_requests", "Requests answered.", ["endpoint", "method", "status"], registry=self.registry)
        self._seconds = Histogram("proctor_http_request_seconds", "Time to answer a request.", ["endpoint"], buckets=BUCKETS, registry=self.registry)
        ProcessCollector(registry=self.registry)
        self._parts = parts
        self.registry.register(_PartsCollector(parts))

    def text(self) -> bytes:
        """All figures, in the text format 0.0.4."""
        instance = self._parts.instance
        return generate_latest(cast(CollectorRegistry, _Named(self.registry, instance)) if instance else self.registry)

    def count(self, endpoint: str, method: str, status: int, seconds: float | None) -> None:
        """Count one answered request, and its time where that says something."""
        self._requests.labels(endpoint, method, str(status)).inc()
        if seconds is not None:
            self._seconds.labels(endpoint).observe(seconds)


class _Named(Collector):
    """Another's figures, each with the name of its server as the label `instance`."""

    def __init__(self, of: Collector, instance: str) -> None:
        self._of = of
        self._instance = instance

    def collect(self) -> Iterator[Metric]:
        for metric in self._of.collect():
            named = Metric(metric.name, metric.documentation, metric.type, metric.unit)
            named.samples = [sample._replace(labels={"instance": self._instance, **sample.labels}) for sample in metric.samples]
            yield named


class _PartsCollector(Collector):
    """Reads the parts' figures at the moment Prometheus asks."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def describe(self) -> Iterable[Metric]:
        return ()  # else the registry would collect at start, before the parts run

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("proctor_uptime_seconds", "Seconds since the start.", time.monotonic() - self._parts.started)
        for name, value in self._parts.monitor.metrics().items():
            yield _family(name, value)
        yield from _families(figure for figures in (self._parts.monitor.figures, *self._parts.figures) for figure in figures())
        health = self._parts.database.health()
        yield GaugeMetricFamily("proctor_database_up", "1 while the database answers.", float(health["state"] in ("ok", "degraded")))
        yield GaugeMetricFamily("proctor_database_writes_queued", "Writes waiting in memory.", float(health["queued"]))
        yield GaugeMetricFamily("proctor_database_writes_spooled", "Writes waiting in the spool on disk.", float(health["spooled"]))
        yield GaugeMetricFamily("proctor_database_spooled_seconds", "For how long some have waited in the spool.", float(health["spooled_s"]))
        yield CounterMetricFamily("proctor_database_writes_rejected", "Writes that were refused for good.", value=float(health["rejected"]))
        if (uploads := self._parts.uploads) is not None:
            sending = uploads.health()
            yield GaugeMetricFamily("proctor_clip_store_up", "1 while the store of clips takes what it is sent.", float(sending["state"] == "ok"))
            yield GaugeMetricFamily("proctor_clip_store_waiting", "Files on this disk that wait for the store.", float(sending["waiting"]))
            yield GaugeMetricFamily("proctor_clip_store_waiting_seconds", "For how long some have waited.", float(sending["waiting_s"]))
        fenced = float(health["fenced"])
        yield CounterMetricFamily(
            "proctor_database_writes_fenced", "Writes of sessions that another server has taken since, or that were deleted.", value=fenced
        )
        in_part = float(health["stored_in_part"])
        yield CounterMetricFamily("proctor_database_writes_in_part", "Writes of which only a part could be stored.", value=in_part)
        try:
            stats = self._parts.database.stats(self._parts.settings.high_risk_flags)
        except StorageError:  # away: the figure before this one says so
            return
        yield GaugeMetricFamily("proctor_sessions_stored", "Sessions in the database.", float(stats["total_sessions"]))
        yield GaugeMetricFamily("proctor_flagged_intervals_stored", "Flagged intervals in the database.", float(stats["flagged_intervals"]))


def _families(figures: Iterable[Figure]) -> Iterator[Metric]:
    """Figures by their name: those of one are told together."""
    by_name: dict[str, list[Figure]] = {}
    for figure in figures:
        by_name.setdefault(figure.name, []).append(figure)
    for name, some in by_name.items():
        labels = list(some[0].labels)
        made = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
        family = made(f"proctor_{name.removesuffix('_total')}", some[0].about, labels=labels)
        for figure in some:
            family.add_metric([figure.labels[label] for label in labels], float(figure.value))
        yield family


def register_metrics(app: Flask, parts: Parts) -> None:
    """Count every request to `app`."""
    metrics = Metrics(parts)
    app.extensions[EXTENSION] = metrics

    @app.before_request
    def begin() -> None:
        g.request_began = time.perf_counter()

    @app.after_request
    def count(response: Response) -> Response:
        # By endpoint, not by path, and only methods that exist: a stranger's guesses must not grow the list.
        method = request.method if request.method in ("GET", "HEAD", "POST", "OPTIONS") else "other"
        began = g.get("request_began", time.perf_counter())
        # A student's link is one request that lasts as long as the exam: its time says nothing.
        seconds = None if is_websocket(request.environ) else time.perf_counter() - began
        metrics.count(request.endpoint or "none", method, response.status_code, seconds)
        return response


def metrics_of(app: Flask) -> Metrics:
    """The figures of `app`."""
    return cast(Metrics, app.extensions[EXTENSION])


def _family(name: str, value: float) -> Metric:
    """A part's figure: one whose name ends in `_total` only grows."""
    plain = "proctor_" + re.sub(r"[^a-z0-9_]", "_", name.lower().removeprefix("proctor_"))
    words = plain.removeprefix("proctor_").removesuffix("_total").replace("_", " ").capitalize() + "."
    if plain.endswith("_total"):
        return CounterMetricFamily(plain.removesuffix("_total"), words, value)
    return GaugeMetricFamily(plain, words, value)
