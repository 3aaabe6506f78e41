"""A refusal, raised where something is found wrong and answered as application/problem+json (RFC 9457)."""

from http import HTTPStatus


class Problem(Exception):
    def __init__(self, status: int, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = headers
        self.body = {
            "type": "about:blank",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "detail": detail,
        }
