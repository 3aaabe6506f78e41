package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jaegertracing/jaeger-idl/model/v1"
	"github.com/jaegertracing/jaeger-idl/proto-gen/api_v2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// postSpans sends the trace by Jaeger's own gRPC, after it asked at the same port how much to sample.
func postSpans(ctx context.Context, target string) error {
	connection, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	strategy, err := api_v2.NewSamplingManagerClient(connection).GetSamplingStrategy(ctx,
		&api_v2.SamplingStrategyParameters{ServiceName: "client-go"})
	if err != nil {
		return err
	}
	if rate := strategy.GetProbabilisticSampling().GetSamplingRate(); rate != 1 {
		return fmt.Errorf("the rate is %v", rate)
	}
	id, start := model.NewTraceID(1, 2), time.Now()
	checkout := &model.Span{
		TraceID: id, SpanID: model.NewSpanID(3), OperationName: "checkout", Flags: 1,
		StartTime: start, Duration: 9 * time.Millisecond,
		Tags: model.KeyValues{model.String("span.kind", "server"), model.String("text", "ü"),
			model.Int64("whole", 42), model.Float64("share", 0.5), model.Bool("yes", true)},
	}
	charge := &model.Span{
		TraceID: id, SpanID: model.NewSpanID(4), OperationName: "charge", Flags: 1,
		References: []model.SpanRef{model.NewChildOfRef(id, checkout.SpanID)},
		StartTime:  start.Add(time.Millisecond), Duration: time.Millisecond,
		Tags: model.KeyValues{model.String("span.kind", "client"), model.Bool("error", true)},
		Logs: []model.Log{{Timestamp: start,
			Fields: model.KeyValues{model.String("event", "declined"), model.Int64("attempt", 2)}}},
	}
	batch := model.Batch{Process: model.NewProcess("client-go", nil), Spans: []*model.Span{checkout, charge}}
	_, err = api_v2.NewCollectorServiceClient(connection).PostSpans(ctx, &api_v2.PostSpansRequest{Batch: batch})
	return err
}
