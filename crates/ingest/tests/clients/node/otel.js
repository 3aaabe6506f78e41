// One trace by the OpenTelemetry SDK for Node.js: otel.js EXPORTER ENDPOINT [SAMPLING].
'use strict';
const { SpanKind, SpanStatusCode, context, trace } = require('@opentelemetry/api');
const { resourceFromAttributes } = require('@opentelemetry/resources');
const { BatchSpanProcessor, NodeTracerProvider } = require('@opentelemetry/sdk-trace-node');

function exporter(name, endpoint) {
  switch (name) {
    case 'grpc': {
      const { OTLPTraceExporter } = require('@opentelemetry/exporter-trace-otlp-grpc');
      return new OTLPTraceExporter({ url: endpoint });
    }
    case 'proto': {
      const { OTLPTraceExporter } = require('@opentelemetry/exporter-trace-otlp-proto');
      return new OTLPTraceExporter({ url: `${endpoint}/v1/traces`, compression: 'gzip' });
    }
    case 'json': {
      const { OTLPTraceExporter } = require('@opentelemetry/exporter-trace-otlp-http');
      return new OTLPTraceExporter({ url: `${endpoint}/v1/traces` });
    }
    case 'zipkin': {
      const { ZipkinExporter } = require('@opentelemetry/exporter-zipkin');
      return new ZipkinExporter({ url: `${endpoint}/api/v2/spans` });
    }
    default:
      throw new Error(`no exporter ${name}`);
  }
}

async function sampler(endpoint) {
  const { JaegerRemoteSampler } = require('@opentelemetry/sampler-jaeger-remote');
  const { AlwaysOffSampler } = require('@opentelemetry/sdk-trace-node');
  // Until it was told otherwise it samples nothing: that spans arrive shows that it was told.
  const remote = new JaegerRemoteSampler({
    endpoint,
    serviceName: 'client-node',
    initialSampler: new AlwaysOffSampler(),
    poolingInterval: 200,
  });
  // It does not tell when it has asked.
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  return remote;
}

async function main(name, endpoint, sampling) {
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'client-node' }),
    spanProcessors: [new BatchSpanProcessor(exporter(name, endpoint))],
    ...(sampling && { sampler: await sampler(sampling) }),
  });
  const tracer = provider.getTracer('shop', '1.2.3');
  const checkout = tracer.startSpan('checkout', { kind: SpanKind.SERVER });
  checkout.setAttributes({ text: 'ü', whole: 42, share: 0.5, yes: true });
  const other = {
    traceId: '00000000000000000000000000000abc',
    spanId: '0000000000000def',
    traceFlags: 1,
  };
  const within = trace.setSpan(context.active(), checkout);
  const links = [{ context: other, attributes: { why: 'retry' } }];
  const charge = tracer.startSpan('charge', { kind: SpanKind.CLIENT, links }, within);
  charge.addEvent('declined', { attempt: 2 });
  charge.setStatus({ code: SpanStatusCode.ERROR, message: 'no money' });
  charge.end();
  checkout.end();
  await provider.forceFlush();
  await provider.shutdown();
}

main(...process.argv.slice(2)).then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
