package client;

import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.TraceFlags;
import io.opentelemetry.api.trace.TraceState;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Context;
import io.opentelemetry.exporter.otlp.http.trace.OtlpHttpSpanExporter;
import io.opentelemetry.exporter.otlp.trace.OtlpGrpcSpanExporter;
import io.opentelemetry.exporter.zipkin.ZipkinSpanExporter;
import io.opentelemetry.sdk.extension.trace.jaeger.sampler.JaegerRemoteSampler;
import io.opentelemetry.sdk.resources.Resource;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.export.BatchSpanProcessor;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import io.opentelemetry.sdk.trace.samplers.Sampler;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/** One trace by the OpenTelemetry SDK for Java: Client EXPORTER ENDPOINT [SAMPLING]. */
public final class Client {
  private Client() {}

  private static SpanExporter exporter(String name, String endpoint) {
    return switch (name) {
      case "grpc" -> OtlpGrpcSpanExporter.builder().setEndpoint(endpoint).build();
      case "grpc-gzip" -> OtlpGrpcSpanExporter.builder().setEndpoint(endpoint).setCompression("gzip").build();
      case "http" -> OtlpHttpSpanExporter.builder().setEndpoint(endpoint + "/v1/traces").setCompression("gzip").build();
      case "zipkin" -> ZipkinSpanExporter.builder().setEndpoint(endpoint + "/api/v2/spans").build();
      default -> throw new IllegalArgumentException("no exporter " + name);
    };
  }

  /** Until it was told otherwise it samples nothing: that spans arrive shows that it was told. */
  private static Sampler sampler(String endpoint) throws InterruptedException {
    Sampler remote = JaegerRemoteSampler.builder()
        .setEndpoint(endpoint)
        .setServiceName("client-java")
        .setPollingInterval(Duration.ofMillis(200))
        .setInitialSampler(Sampler.alwaysOff())
        .build();
    Thread.sleep(3_000);
    return remote;
  }

  public static void main(String[] arguments) throws Exception {
    var service = Resource.create(Attributes.of(AttributeKey.stringKey("service.name"), "client-java"));
    var builder = SdkTracerProvider.builder()
        .setResource(service)
        .addSpanProcessor(BatchSpanProcessor.builder(exporter(arguments[0], arguments[1])).build());
    if (arguments.length > 2) {
      builder.setSampler(sampler(arguments[2]));
    }
    try (SdkTracerProvider provider = builder.build()) {
      Tracer tracer = provider.get("shop", "1.2.3");
      Span checkout = tracer.spanBuilder("checkout").setSpanKind(SpanKind.SERVER).startSpan();
      checkout.setAttribute("text", "ü").setAttribute("whole", 42).setAttribute("share", 0.5).setAttribute("yes", true);
      SpanContext other = SpanContext.createFromRemoteParent(
          "00000000000000000000000000000abc", "0000000000000def", TraceFlags.getSampled(), TraceState.getDefault());
      Span charge = tracer.spanBuilder("charge")
          .setSpanKind(SpanKind.CLIENT)
          .setParent(Context.root().with(checkout))
          .addLink(other, Attributes.of(AttributeKey.stringKey("why"), "retry"))
          .startSpan();
      charge.addEvent("declined", Attributes.of(AttributeKey.longKey("attempt"), 2L));
      charge.setStatus(StatusCode.ERROR, "no money");
      charge.end();
      checkout.end();
      if (!provider.forceFlush().join(20, TimeUnit.SECONDS).isSuccess()) {
        throw new IllegalStateException("the spans were not sent");
      }
    }
    System.exit(0);
  }
}
