// One trace by the OpenTelemetry SDK for Go: client EXPORTER HOST:PORT [SAMPLING].
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"go.opentelemetry.io/contrib/samplers/jaegerremote"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/exporters/zipkin"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

func exporter(ctx context.Context, name, target string) (sdk.SpanExporter, error) {
	switch name {
	case "grpc":
		return otlptracegrpc.New(ctx, otlptracegrpc.WithEndpoint(target), otlptracegrpc.WithInsecure())
	case "grpc-gzip":
		return otlptracegrpc.New(ctx, otlptracegrpc.WithEndpoint(target), otlptracegrpc.WithInsecure(),
			otlptracegrpc.WithCompressor("gzip"))
	case "http":
		return otlptracehttp.New(ctx, otlptracehttp.WithEndpoint(target), otlptracehttp.WithInsecure(),
			otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
	case "zipkin":
		return zipkin.New("http://" + target + "/api/v2/spans")
	}
	return nil, fmt.Errorf("no exporter %s", name)
}

func sampler(endpoint string) sdk.Sampler {
	// Until it was told otherwise it samples nothing: that spans arrive shows that it was told.
	remote := jaegerremote.New("client-go",
		jaegerremote.WithSamplingServerURL(endpoint+"/sampling"),
		jaegerremote.WithSamplingRefreshInterval(100*time.Millisecond),
		jaegerremote.WithInitialSampler(sdk.NeverSample()))
	time.Sleep(2 * time.Second)
	return remote
}

func run(arguments []string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if arguments[0] == "jaeger" {
		return postSpans(ctx, arguments[1])
	}
	out, err := exporter(ctx, arguments[0], arguments[1])
	if err != nil {
		return err
	}
	options := []sdk.TracerProviderOption{
		sdk.WithBatcher(out),
		sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", "client-go"))),
	}
	if len(arguments) > 2 {
		options = append(options, sdk.WithSampler(sampler(arguments[2])))
	}
	provider := sdk.NewTracerProvider(options...)
	tracer := provider.Tracer("shop", trace.WithInstrumentationVersion("1.2.3"))
	other := trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{14: 0x0a, 15: 0xbc},
		SpanID:  trace.SpanID{6: 0x0d, 7: 0xef},
		Remote:  true,
	})
	within, checkout := tracer.Start(ctx, "checkout", trace.WithSpanKind(trace.SpanKindServer))
	checkout.SetAttributes(attribute.String("text", "ü"), attribute.Int("whole", 42),
		attribute.Float64("share", 0.5), attribute.Bool("yes", true))
	link := trace.Link{SpanContext: other, Attributes: []attribute.KeyValue{attribute.String("why", "retry")}}
	_, charge := tracer.Start(within, "charge", trace.WithSpanKind(trace.SpanKindClient), trace.WithLinks(link))
	charge.AddEvent("declined", trace.WithAttributes(attribute.Int("attempt", 2)))
	charge.SetStatus(codes.Error, "no money")
	charge.End()
	checkout.End()
	if err := provider.ForceFlush(ctx); err != nil {
		return err
	}
	return provider.Shutdown(ctx)
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
