"""HTTP/1.1 on a bounded number of threads, one per connection, with limits of size and time.

Stopping has three steps: accept no more; let each client that asks again within a moment be answered and told to close;
then close what is idle and wait for the rest. So no request that was begun fails.
"""

import io
import json
import socket
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer

from ai import log
from ai.api import Api, Reply, Request
from ai.problem import Problem

CONNECTIONS_MAX = 64
# Above this many, none is kept alive, so that those who wait get their turn.
CONNECTIONS_KEPT_MAX = CONNECTIONS_MAX // 2
STACK_BYTES = 512 * 1024
BODY_BYTES_MAX = 64 * 1024
REQUEST_SECONDS_MAX = 10.0
IDLE_SECONDS_MAX = 75.0
FAREWELL_SECONDS = 0.15
DRAIN_SECONDS_MAX = 5.0
# How long, and how much, we listen to a client that we have told to go, so that it reads our answer first.
LINGER_SECONDS_MAX = 0.5
LINGER_BYTES_MAX = 1024 * 1024


class Server(HTTPServer):
    request_queue_size = 128

    def __init__(self, address, api: Api, metrics) -> None:
        super().__init__(address, Handler)
        self.api, self.metrics = api, metrics
        self.stopping = False
        self.swept = False
        self._room = threading.BoundedSemaphore(CONNECTIONS_MAX)
        self._changed = threading.Condition()
        self._open: dict[socket.socket, bool] = {}  # Whether each is idle.
        threading.stack_size(STACK_BYTES)

    def server_bind(self) -> None:
        # HTTPServer would ask the resolver for our own name, which may take seconds.
        self.server_name, self.server_port = self.server_address[:2]
        super(HTTPServer, self).server_bind()

    def start(self) -> None:
        self._acceptor = threading.Thread(target=self._accept, name="accept")
        self._acceptor.start()

    def stop(self) -> int:
        """Stops, and tells how many connections could not be finished in time."""
        self.stopping = True
        # Wakes the acceptor, which then sees that it is to stop.
        with suppress(OSError):
            socket.create_connection(self.server_address, timeout=1).close()
        self._acceptor.join()
        time.sleep(FAREWELL_SECONDS)
        with self._changed:
            self.swept = True
            for connection, idle in self._open.items():
                if idle:
                    _shut(connection, socket.SHUT_RD)  # What has arrived already can still be read and is answered.
            self._changed.wait_for(lambda: not self._open, DRAIN_SECONDS_MAX)
            return len(self._open)

    def keeps_alive(self) -> bool:
        return not self.stopping and len(self._open) <= CONNECTIONS_KEPT_MAX

    def set_idle(self, connection: socket.socket, idle: bool) -> bool:
        """False: it is too late to become idle."""
        with self._changed:
            self._open[connection] = idle
            return not (idle and self.swept)

    def _accept(self) -> None:
        last_call = None
        while last_call is None or time.monotonic() < last_call:
            self._room.acquire()
            try:
                if self.stopping and last_call is None:
                    # Who is in the queue has come in time. Clients that never stop coming do not keep us, though.
                    last_call = time.monotonic() + FAREWELL_SECONDS
                    self.socket.listen(0)
                    self.socket.setblocking(False)
                connection, address = self.socket.accept()
            except BlockingIOError:
                break
            except OSError:
                self._room.release()
                time.sleep(0.01)  # A client that left already, or no file descriptor free: both pass.
                continue
            with self._changed:
                self._open[connection] = False
            threading.Thread(target=self._serve, args=(connection, address), daemon=True).start()
        self.server_close()

    def _serve(self, connection: socket.socket, address) -> None:
        try:
            with suppress(OSError):  # The client has gone: there is nobody left to tell.
                Handler(connection, address, self)
        finally:
            with self._changed:
                self._open.pop(connection, None)
                self._changed.notify_all()
            connection.close()
            self._room.release()


class Incoming(io.RawIOBase):
    """A socket that is read within a time, however few bytes come at once."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.deadline = 0.0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the request took too long to arrive")
        self._connection.settimeout(left)
        return self._connection.recv_into(buffer)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self._incoming = Incoming(self.connection)
        self.rfile = io.BufferedReader(self._incoming)

    def handle(self) -> None:
        self.close_connection = False
        while not self.close_connection and self._wait():
            self.handle_one_request()
        self._linger()

    def _wait(self) -> bool:
        """Waits until a request begins. False: the client is gone, or has thought for too long."""
        self._incoming.deadline = time.monotonic() + IDLE_SECONDS_MAX
        if not self.server.set_idle(self.connection, True):
            return False
        try:
            began = bool(self.rfile.peek(1))
        except OSError:
            return False
        self.server.set_idle(self.connection, False)
        self._incoming.deadline = time.monotonic() + REQUEST_SECONDS_MAX
        return began

    def _answer(self) -> None:
        begun = time.monotonic()
        headers = {name.lower(): value for name, value in self.headers.items()}
        headers["x-request-id"] = log.request_id(headers.get("x-request-id"))
        path = self.path.partition("?")[0]
        try:
            route, reply = self.server.api.answer(Request(self.command, path, headers, self._body(headers)))
        except Problem as problem:
            self.close_connection = True  # What follows cannot be understood.
            route, reply = "unread", Reply(problem.status, problem.body, {"content-type": "application/problem+json"})
        # Analytics is told first: whoever has our answer may look at the numbers at once.
        self.server.api.tell(reply, headers)
        seconds = time.monotonic() - begun
        self.server.metrics.answered(self.command, route, reply.status, seconds)
        if route not in ("/health", "/metrics"):
            log.event(
                "error" if reply.status >= 500 else "info", "request", correlation_id=headers["x-request-id"],
                trace_id=log.trace_id(headers.get("traceparent")), method=self.command, route=route,
                status=reply.status, duration_ms=round(seconds * 1000, 3),
            )
        self._send(reply, headers["x-request-id"])

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _answer

    def _body(self, headers: dict[str, str]) -> bytes:
        encoding, length = headers.get("transfer-encoding"), headers.get("content-length", "0")
        try:
            if encoding is not None:
                if encoding.lower() != "chunked" or "content-length" in headers:
                    raise Problem(400, "how the body ends is not clear")
                return self._chunks()
            if not (length.isascii() and length.isdigit()) or len(self.headers.get_all("content-length", [])) > 1:
                raise Problem(400, "content-length is not a number")
            return self._take(int(length), 0)
        except TimeoutError as error:
            raise Problem(408, str(error)) from None

    def _chunks(self) -> bytes:
        body = b""
        while True:
            size = self.rfile.readline(128).partition(b";")[0].strip()
            if not size or size.strip(b"0123456789abcdefABCDEF"):
                raise Problem(400, "the chunks are not well formed")
            if int(size, 16) == 0:
                break
            body += self._take(int(size, 16), len(body))
            if self.rfile.readline(3) != b"\r\n":
                raise Problem(400, "the chunks are not well formed")
        # Trailers are read and not used.
        trailers = 0
        while (line := self.rfile.readline(8192)) not in (b"\r\n", b""):
            trailers += len(line)
            if trailers > 8192:
                raise Problem(431, "the trailers are too large")
        return body

    def _take(self, length: int, already: int) -> bytes:
        if length + already > BODY_BYTES_MAX:
            raise Problem(413, f"the body has more than {BODY_BYTES_MAX} bytes")
        taken = self.rfile.read(length)
        if len(taken) < length:
            raise ConnectionError("the client left in the middle of a body")
        return taken

    def _send(self, reply: Reply, request_id: str) -> None:
        body = (reply.body if isinstance(reply.body, str) else json.dumps(reply.body)).encode()
        if not self.server.keeps_alive():
            self.close_connection = True
        self.send_response(reply.status)
        headers = {"content-type": "application/json", "x-request-id": request_id} | reply.headers
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        if self.close_connection:
            self.send_header("connection", "close")
        self.connection.settimeout(REQUEST_SECONDS_MAX)
        # Head and body in one piece: one packet, not two.
        self._headers_buffer.append(b"\r\n")
        if self.command != "HEAD":
            self._headers_buffer.append(body)
        self.flush_headers()

    def send_error(self, code, message=None, explain=None) -> None:
        """What the standard library could not read as a request is refused as everything else is."""
        self.close_connection = True
        self.command = self.command or "OTHER"
        known = Problem(code, explain or message or "this is not a request that can be answered")
        if code == 501:
            known = Problem(405, "this path does not take that method", allow="GET, HEAD, POST")
        self.server.metrics.answered(self.command, "unread", known.status, 0.0)
        self.request_version = self.protocol_version
        headers = {"content-type": "application/problem+json"} | known.headers
        self._send(Reply(known.status, known.body, headers), log.request_id(None))

    def version_string(self) -> str:
        return log.SERVICE

    def log_message(self, *_) -> None:
        """Our own log has a line for each request already."""

    def _linger(self) -> None:
        """Hears the client out: closing at once would destroy an answer that is still on its way."""
        _shut(self.connection, socket.SHUT_WR)
        self._incoming.deadline = time.monotonic() + LINGER_SECONDS_MAX
        heard = 0
        with suppress(OSError):
            while heard < LINGER_BYTES_MAX and (piece := self.rfile.read1(65536)):
                heard += len(piece)


def _shut(connection: socket.socket, how: int) -> None:
    with suppress(OSError):  # It is closed already.
        connection.shutdown(how)
