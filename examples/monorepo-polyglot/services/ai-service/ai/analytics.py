"""Tells analytics-service what was done. Best effort: at most 300 ms are given to it, and a failure does no harm."""

import http.client
import json
import time
from urllib.parse import urlsplit

from ai import log

TIME_MAX_SECONDS = 0.3
PASSED_ON = ("x-request-id", "traceparent", "tracestate")


class Analytics:
    def __init__(self, url: str, metrics) -> None:
        address = urlsplit(url)
        self._secure = address.scheme == "https"
        self._host = address.netloc
        self._path = address.path.rstrip("/") + "/events"
        self._metrics = metrics

    def tell(self, kind: str, headers: dict[str, str]) -> None:
        """headers are those of the request that this is about; its ids are passed on."""
        try:
            self._send(kind, {name: headers[name] for name in PASSED_ON if name in headers})
        except (OSError, http.client.HTTPException) as error:
            self._metrics.add("analytics_events_failed_total", type=kind)
            log.event(
                "warn", "analytics-service was not told", type=kind, error=str(error) or type(error).__name__,
                correlation_id=headers.get("x-request-id"), trace_id=log.trace_id(headers.get("traceparent")),
            )

    def _send(self, kind: str, headers: dict[str, str]) -> None:
        connect = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = connect(self._host, timeout=TIME_MAX_SECONDS)
        try:
            begun = time.monotonic()
            connection.connect()
            connection.sock.settimeout(max(0.01, begun + TIME_MAX_SECONDS - time.monotonic()))
            headers = headers | {"content-type": "application/json", "connection": "close"}
            connection.request("POST", self._path, json.dumps({"type": kind}), headers)
            answer = connection.getresponse()
            if answer.status >= 300:
                raise OSError(f"it answered {answer.status}")
        finally:
            connection.close()
