import http.client
import io
import json
import socket
import threading
import unittest
from contextlib import redirect_stdout
from http.server import BaseHTTPRequestHandler, HTTPServer

from ai.api import Api
from ai.metrics import Metrics
from ai.server import BODY_BYTES_MAX, Server

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class FakeAnalytics(BaseHTTPRequestHandler):
    told: list = []

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.told.append((self.path, body["type"], self.headers["traceparent"], self.headers["x-request-id"]))
        self.send_response(202)
        self.end_headers()

    def log_message(self, *_):
        pass


class World(unittest.TestCase):
    def setUp(self):
        self.output = io.StringIO()
        self.enterContext(redirect_stdout(self.output))
        FakeAnalytics.told = []
        self.analytics = HTTPServer(("127.0.0.1", 0), FakeAnalytics)
        threading.Thread(target=self.analytics.serve_forever, args=(0.01,), daemon=True).start()
        metrics = Metrics()
        api = Api(metrics, f"http://127.0.0.1:{self.analytics.server_port}")
        self.server = Server(("127.0.0.1", 0), api, metrics)
        self.server.start()
        self.stopped = False

    def tearDown(self):
        if not self.stopped:
            self.assertEqual(self.server.stop(), 0)
        self.analytics.shutdown()
        self.analytics.server_close()

    def ask(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection(*self.server.server_address, timeout=5)
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, answer.headers, text

    def raw(self, text: bytes) -> bytes:
        with socket.create_connection(self.server.server_address, timeout=5) as connection:
            connection.sendall(text)
            connection.shutdown(socket.SHUT_WR)
            return connection.makefile("rb").read()


class Answers(World):
    def test_both_kinds_of_answer_and_what_analytics_is_told(self):
        body = json.dumps({"text": "A good lamp. It is not bad."})
        status, headers, text = self.ask("POST", "/sentiment", body, traceparent=TRACE, x_request_id="r1")
        self.assertEqual((status, json.loads(text)["label"], headers["x-request-id"]), (200, "positive", "r1"))
        status, _, text = self.ask("POST", "/summary", body, traceparent=TRACE, x_request_id="r1")
        self.assertEqual((status, json.loads(text)["words_in"]), (200, 7))
        told = [("/events", kind, TRACE, "r1") for kind in ("ai.sentiment", "ai.summary")]
        self.assertEqual(FakeAnalytics.told, told)
        line = json.loads(self.output.getvalue().splitlines()[0])
        self.assertEqual((line["trace_id"], line["correlation_id"], line["route"]), (TRACE[3:35], "r1", "/sentiment"))

    def test_what_is_wrong_is_named(self):
        for method, path, body, status in (
            ("POST", "/sentiment", "nonsense", 400),
            ("POST", "/sentiment", "[" * 60000, 400),
            ("POST", "/sentiment", "[]", 400),
            ("POST", "/sentiment", "{}", 400),
            ("POST", "/sentiment", '{"text":" "}', 400),
            ("POST", "/sentiment", json.dumps({"text": "a" * 20001}), 413),
            ("POST", "/sentiment", "a" * (BODY_BYTES_MAX + 1), 413),
            ("POST", "/summary", '{"text":"a","sentences":0}', 400),
            ("POST", "/summary", '{"text":"a","sentences":true}', 400),
            ("GET", "/summary", None, 405),
            ("BREW", "/summary", None, 405),
            ("GET", "/nowhere", None, 404),
        ):
            with self.subTest(method=method, path=path, body=(body or "")[:40]):
                got, headers, text = self.ask(method, path, body)
                self.assertEqual((got, headers["content-type"]), (status, "application/problem+json"))
                self.assertEqual(json.loads(text)["status"], status)
                self.assertEqual(status == 405, "allow" in headers)
        self.assertEqual(FakeAnalytics.told, [])

    def test_a_failing_analytics_does_no_harm_and_is_counted(self):
        self.analytics.server_close()
        self.assertEqual(self.ask("POST", "/sentiment", '{"text":"good"}')[0], 200)
        numbers = self.ask("GET", "/metrics")[2]
        self.assertIn('analytics_events_failed_total{type="ai.sentiment"} 1\n', numbers)
        self.assertIn('http_requests_total{method="POST",route="/sentiment",status="200"} 1\n', numbers)

    def test_chunks_are_understood_and_contradictions_refused(self):
        head = b"POST /sentiment HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        chunked = head + b"Transfer-Encoding: chunked\r\n\r\n8\r\n{\"text\":\r\n7\r\n\"good\"}\r\n0\r\n\r\n"
        self.assertIn(b'"positive"', self.raw(chunked))
        for bad in (b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc", b"Content-Length: +3\r\n\r\nabc",
                    b"Transfer-Encoding: chunked\r\n\r\nxx\r\n"):
            self.assertTrue(self.raw(head + bad).startswith(b"HTTP/1.1 400 "), bad)


class Stopping(World):
    def test_a_request_in_the_middle_is_answered_and_told_to_close(self):
        connection = socket.create_connection(self.server.server_address, timeout=5)
        connection.sendall(b"POST /sentiment HTTP/1.1\r\nHost: a\r\nContent-Length: 15\r\nExpect: 100-continue\r\n\r\n")
        # The service is in the middle of this request once it has said so.
        self.assertTrue(connection.recv(1000).startswith(b"HTTP/1.1 100 "))
        idle = socket.create_connection(self.server.server_address, timeout=5)
        left = []
        stopper = threading.Thread(target=lambda: left.append(self.server.stop()))
        stopper.start()
        self.assertEqual(idle.recv(10), b"")
        connection.sendall(b'{"text":"good"}')
        answer = connection.makefile("rb").read()
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 ") and b"connection: close" in answer, answer)
        stopper.join()
        self.stopped = True
        self.assertEqual(left, [0])
        with self.assertRaises(OSError):
            socket.create_connection(self.server.server_address, timeout=5)
        connection.close()
        idle.close()
