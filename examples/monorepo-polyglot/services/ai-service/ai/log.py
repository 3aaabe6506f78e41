"""One JSON object per line on standard output, with the ids by which a request is found again."""

import json
import re
import secrets
import sys
import threading
from datetime import datetime, timezone

SERVICE = "ai-service"

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_REQUEST_ID = re.compile(r"[!-~]{1,128}")
_lock = threading.Lock()


def event(level: str, message: str, **fields) -> None:
    """Writes a line; fields that are None are left out."""
    time = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    line = {"time": time, "level": level, "msg": message, "service": SERVICE}
    line.update((name, value) for name, value in fields.items() if value is not None)
    text = json.dumps(line) + "\n"
    with _lock:
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except OSError:
            pass  # Nobody reads us any more: not a reason to stop serving.


def trace_id(traceparent: str | None) -> str | None:
    """The trace id of a traceparent (W3C Trace Context, section 3.2), if it is well formed and not all zero."""
    found = _TRACEPARENT.match(traceparent or "")
    return found[1] if found and found[1].strip("0") else None


def request_id(given: str | None) -> str:
    """The caller's request id if it can be printed and is short, and a new one otherwise."""
    if given and _REQUEST_ID.fullmatch(given):
        return given
    return "req_" + secrets.token_hex(12)
