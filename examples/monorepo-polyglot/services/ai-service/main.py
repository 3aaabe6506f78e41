"""Ai-service: tells the sentiment of English text and sums it up, by arithmetic that can be read and followed.

A plain HTTP service with no knowledge of what stands in front of it: it reads PORT and ANALYTICS_SERVICE_URL, answers
/health and /metrics, logs one JSON line per request with the trace id it was given, passes trace headers on to
analytics-service, and on SIGTERM finishes what it has begun.
"""

import os
import signal
import sys
import threading

from ai import log
from ai.api import Api
from ai.metrics import Metrics
from ai.server import Server


def main() -> int:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())

    metrics = Metrics()
    api = Api(metrics, os.environ.get("ANALYTICS_SERVICE_URL") or "http://127.0.0.1:8081")
    address = (os.environ.get("HOST") or "127.0.0.1", int(os.environ.get("PORT") or 8082))
    server = Server(address, api, metrics)
    log.event("info", "listening", address=f"{address[0]}:{server.server_address[1]}")
    server.start()
    stop.wait()

    log.event("info", "stopping")
    unfinished = server.stop()
    if unfinished:
        log.event("error", "stopped with requests unanswered", connections=unfinished)
    else:
        log.event("info", "stopped")
    # Not sys.exit: it would wait for the threads of clients that do not come to an end.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
