"""What this service has done, in the text format of Prometheus.

Bounded: every label has few values, and a route is a pattern, never a path.
"""

import threading
import time
from bisect import bisect_left
from collections import defaultdict

BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
FAMILIES = {
    "http_requests_total": "Requests answered.",
    "ai_texts_total": "Texts read, by what was wanted.",
    "ai_characters_total": "Characters read.",
    "ai_sentiments_total": "Sentiments told, by label.",
    "analytics_events_failed_total": "Events that analytics-service was not told of.",
}


class Metrics:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._started = time.time()
        self._counters: dict[str, dict[str, float]] = {name: defaultdict(int) for name in FAMILIES}
        self._durations = defaultdict(lambda: [[0] * (len(BUCKETS) + 1), 0.0])

    def add(self, name: str, amount: float = 1, **labels: object) -> None:
        shown = ",".join(f'{label}="{value}"' for label, value in labels.items())
        with self._lock:
            self._counters[name][shown] += amount

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        self.add("http_requests_total", method=method if method in METHODS else "OTHER", route=route, status=status)
        with self._lock:
            seen = self._durations[route]
            seen[0][bisect_left(BUCKETS, seconds)] += 1
            seen[1] += seconds

    def render(self) -> str:
        with self._lock:
            return "\n".join(self._lines()) + "\n"

    def _lines(self):
        for name, text in FAMILIES.items():
            yield from _about(name, "counter", text)
            for labels, count in sorted(self._counters[name].items()):
                yield f"{name}{{{labels}}} {count}" if labels else f"{name} {count}"
        name = "http_request_duration_seconds"
        yield from _about(name, "histogram", "Time from request to answer.")
        for route, (counts, total_seconds) in sorted(self._durations.items()):
            total = 0
            for bound, count in zip((*BUCKETS, "+Inf"), counts):
                total += count
                yield f'{name}_bucket{{route="{route}",le="{bound}"}} {total}'
            yield f'{name}_sum{{route="{route}"}} {total_seconds}'
            yield f'{name}_count{{route="{route}"}} {total}'
        yield from _about("process_start_time_seconds", "gauge", "Start time of the process, in Unix seconds.")
        yield f"process_start_time_seconds {self._started:.3f}"


def _about(name: str, kind: str, text: str):
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"
