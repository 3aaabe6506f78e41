// One trace by Jaeger's own client for Node.js: own_client.js udp HOST PORT, or http ENDPOINT.
'use strict';
const { initTracer } = require('jaeger-client');

function reporter(way, where, port) {
  if (way === 'udp') return { agentHost: where, agentPort: Number(port) };
  return { collectorEndpoint: `${where}/api/traces` };
}

function main(...way) {
  const config = {
    serviceName: 'client-jaeger',
    sampler: { type: 'const', param: 1 },
    reporter: { flushIntervalMs: 100, ...reporter(...way) },
    traceId128bit: true,
  };
  const failed = (message) => {
    console.error(message);
    process.exit(1);
  };
  const tracer = initTracer(config, { logger: { info() {}, error: failed } });
  const checkout = tracer.startSpan('checkout');
  checkout.addTags({ 'span.kind': 'server', text: 'ü', whole: 42, share: 0.5, yes: true });
  const charge = tracer.startSpan('charge', { childOf: checkout });
  charge.addTags({ 'span.kind': 'client', error: true });
  charge.log({ event: 'declined', attempt: 2 });
  charge.finish();
  checkout.finish();
  // Datagrams leave after the call that closes says so.
  tracer.close(() => setTimeout(() => process.exit(0), 500));
}

main(...process.argv.slice(2));
