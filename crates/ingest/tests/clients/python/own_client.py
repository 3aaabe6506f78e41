"""One trace by Jaeger's own client for Python: own_client.py HOST UDP_PORT SAMPLING_PORT."""

import sys
import time

from jaeger_client import Config
from opentracing.ext import tags


def main(host, port, sampling_port):
    config = Config(
        config={
            # Without a type, the sampler asks the agent.
            "local_agent": {
                "reporting_host": host,
                "reporting_port": int(port),
                "sampling_port": int(sampling_port),
            },
            "sampling_refresh_interval": 1,
            "reporter_flush_interval": 0.1,
            "trace_id_header": "uber-trace-id",
            "generate_128bit_trace_id": True,
        },
        service_name="client-jaeger",
        validate=False,
    )
    tracer = config.initialize_tracer()
    with tracer.start_span("checkout") as span:
        # A span that is not sampled drops its tags, and the sampler may not have asked yet.
        span.set_tag(tags.SAMPLING_PRIORITY, 1)
        span.set_tag(tags.SPAN_KIND, tags.SPAN_KIND_RPC_SERVER)
        span.set_tag("text", "ü")
        span.set_tag("whole", 42)
        span.set_tag("share", 0.5)
        span.set_tag("yes", True)
        with tracer.start_span("charge", child_of=span) as child:
            child.set_tag(tags.SPAN_KIND, tags.SPAN_KIND_RPC_CLIENT)
            child.set_tag("error", True)
            child.log_kv({"event": "declined", "attempt": 2})
    # The sampler asks once it is due, and the reporter flushes on its own.
    time.sleep(2.5)
    tracer.close()
    time.sleep(1)


main(*sys.argv[1:])
