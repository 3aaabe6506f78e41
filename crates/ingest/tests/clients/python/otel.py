"""One trace by the OpenTelemetry SDK for Python: otel.py EXPORTER ENDPOINT."""

import sys

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanKind, Status, StatusCode


def exporter(name, endpoint):
    if name in ("grpc", "grpc-gzip"):
        from grpc import Compression
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        compression = Compression.Gzip if name == "grpc-gzip" else Compression.NoCompression
        return OTLPSpanExporter(endpoint=endpoint, insecure=True, compression=compression)
    if name in ("http", "http-gzip"):
        from opentelemetry.exporter.otlp.proto.http import Compression
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        compression = Compression.Gzip if name == "http-gzip" else Compression.NoCompression
        return OTLPSpanExporter(endpoint=endpoint + "/v1/traces", compression=compression)
    if name == "zipkin-json":
        from opentelemetry.exporter.zipkin.json import ZipkinExporter

        return ZipkinExporter(endpoint=endpoint + "/api/v2/spans")
    if name == "zipkin-proto":
        from opentelemetry.exporter.zipkin.proto.http import ZipkinExporter

        return ZipkinExporter(endpoint=endpoint + "/api/v2/spans")
    if name == "jaeger-udp":
        from opentelemetry.exporter.jaeger.thrift import JaegerExporter

        host, port = endpoint.rsplit(":", 1)
        return JaegerExporter(agent_host_name=host, agent_port=int(port))
    if name == "jaeger-http":
        from opentelemetry.exporter.jaeger.thrift import JaegerExporter

        return JaegerExporter(collector_endpoint=endpoint + "/api/traces?format=jaeger.thrift")
    raise SystemExit(f"no exporter {name}")


def main(name, endpoint):
    resource = Resource.create({"service.name": "client-python", "deployment.environment": "test"})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(exporter(name, endpoint)))
    tracer = provider.get_tracer("shop", "1.2.3")
    other = trace.SpanContext(0xABC, 0xDEF, is_remote=True)
    with tracer.start_as_current_span("checkout", kind=SpanKind.SERVER) as span:
        span.set_attribute("text", "ü")
        span.set_attribute("whole", 42)
        span.set_attribute("share", 0.5)
        span.set_attribute("yes", True)
        links = [Link(other, {"why": "retry"})]
        with tracer.start_as_current_span("charge", kind=SpanKind.CLIENT, links=links) as child:
            child.add_event("declined", {"attempt": 2})
            child.set_status(Status(StatusCode.ERROR, "no money"))
    if not provider.force_flush(20_000):
        raise SystemExit("the spans were not sent")
    provider.shutdown()


main(*sys.argv[1:])
