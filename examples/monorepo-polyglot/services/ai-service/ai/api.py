"""The JSON API: which request does what, as a method from plain values to plain values."""

import json
from typing import NamedTuple

from ai import log
from ai.analytics import Analytics
from ai.problem import Problem
from ai.sentiment import sentiment
from ai.summary import summarise

TEXT_MAX = 20_000
SENTENCES_MAX = 10
SENTENCES_DEFAULT = 3


class Request(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]  # Names in small letters.
    body: bytes = b""


class Reply(NamedTuple):
    status: int
    body: object  # A str is sent as it is, anything else as JSON.
    headers: dict[str, str] = {}
    kind: str | None = None  # What analytics-service is told once the reply is sent.


class Api:
    def __init__(self, metrics, analytics_url: str) -> None:
        self._metrics = metrics
        self._analytics = Analytics(analytics_url, metrics)
        self._routes = {
            "/health": {"GET": self._health},
            "/metrics": {"GET": lambda _: Reply(200, metrics.render(), {"content-type": "text/plain; version=0.0.4"})},
            "/sentiment": {"POST": self._sentiment},
            "/summary": {"POST": self._summary},
        }

    def answer(self, request: Request) -> tuple[str, Reply]:
        """The route's pattern and the reply; never raises."""
        methods = self._routes.get(request.path)
        route = request.path if methods else "unmatched"
        try:
            return route, self._dispatch(methods, request)
        except Problem as problem:
            return route, Reply(problem.status, problem.body, {"content-type": "application/problem+json"} | problem.headers)
        except Exception as error:  # A mistake of ours is the caller's 500, and our log's line.
            log.event("error", "a request failed", error=repr(error), correlation_id=request.headers.get("x-request-id"))
            problem = Problem(500, "something went wrong here")
            return route, Reply(500, problem.body, {"content-type": "application/problem+json"})

    def tell(self, reply: Reply, headers: dict[str, str]) -> None:
        if reply.kind:
            self._analytics.tell(reply.kind, headers)

    def _dispatch(self, methods, request: Request) -> Reply:
        if methods is None:
            raise Problem(404, "there is nothing at this path")
        handler = methods.get("GET" if request.method == "HEAD" else request.method)
        if handler is None:
            allowed = [*methods, "HEAD"] if "GET" in methods else methods
            raise Problem(405, "this path does not take that method", allow=", ".join(allowed))
        return handler(request)

    def _health(self, _) -> Reply:
        return Reply(200, {"status": "ok", "service": log.SERVICE})

    def _sentiment(self, request: Request) -> Reply:
        text = self._text(_object(request.body), "sentiment")
        answer = sentiment(text)
        self._metrics.add("ai_sentiments_total", label=answer["label"])
        return Reply(200, answer, kind="ai.sentiment")

    def _summary(self, request: Request) -> Reply:
        body = _object(request.body)
        count = body.get("sentences", SENTENCES_DEFAULT)
        if type(count) is not int or not 1 <= count <= SENTENCES_MAX:
            raise Problem(400, f"sentences must be a whole number from 1 to {SENTENCES_MAX}")
        return Reply(200, summarise(self._text(body, "summary"), count), kind="ai.summary")

    def _text(self, body: dict, wanted: str) -> str:
        text = body.get("text")
        if not isinstance(text, str) or not text.strip():
            raise Problem(400, "text must have at least one character that is not a space")
        if len(text) > TEXT_MAX:
            raise Problem(413, f"text has more than {TEXT_MAX} characters")
        self._metrics.add("ai_texts_total", wanted=wanted)
        self._metrics.add("ai_characters_total", len(text))
        return text


def _object(body: bytes) -> dict:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise Problem(400, "the body is not JSON") from None
    if not isinstance(value, dict):
        raise Problem(400, "the body is not an object")
    return value
