using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Text.Json;
using MambaConnector.Telemetry;
using MambaConnector.Tests.Support;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;
using Moq;

namespace MambaConnector.Tests.Telemetry;

public sealed class ChatTelemetryTests : IDisposable
{
    private const string Secret = "my password is swordfish";

    private readonly string _model = $"model-{Guid.NewGuid():N}";
    private readonly ManualTime _time = new();
    private readonly RecordedLog _log = new();

    [Fact]
    public void ASpanDescribesTheRequestAndItsResponse()
    {
        using RecordedTelemetry recorded = new(_model);
        Run(new ChatOptions
        {
            Temperature = 0.5f,
            TopP = 0.25f,
            TopK = 7,
            MaxOutputTokens = 100,
            Seed = 42,
            StopSequences = ["###", "END"],
            FrequencyPenalty = 1.5f,
            PresencePenalty = -0.5f,
            ConversationId = "earlier",
            ResponseFormat = ChatResponseFormat.Json,
        });

        Activity span = Assert.Single(recorded.Spans);
        Assert.Equal($"chat {_model}", span.DisplayName);
        Assert.Equal(ActivityKind.Internal, span.Kind);
        Assert.Equal(ActivityStatusCode.Unset, span.Status);
        Dictionary<string, object?> expected = new()
        {
            ["gen_ai.operation.name"] = "chat",
            ["gen_ai.provider.name"] = "mamba",
            ["gen_ai.request.model"] = _model,
            ["gen_ai.request.temperature"] = 0.5,
            ["gen_ai.request.top_p"] = 0.25,
            ["gen_ai.request.top_k"] = 7,
            ["gen_ai.request.max_tokens"] = 100,
            ["gen_ai.request.seed"] = 42L,
            ["gen_ai.request.stop_sequences"] = new[] { "###", "END" },
            ["gen_ai.request.frequency_penalty"] = 1.5,
            ["gen_ai.request.presence_penalty"] = -0.5,
            ["gen_ai.conversation.id"] = "earlier",
            ["gen_ai.output.type"] = "json",
            ["gen_ai.response.id"] = "r1",
            ["gen_ai.response.model"] = _model,
            ["gen_ai.response.finish_reasons"] = new[] { "length" },
            ["gen_ai.response.time_to_first_chunk"] = 2.0,
            ["gen_ai.usage.input_tokens"] = 30L,
            ["gen_ai.usage.output_tokens"] = 5L,
            ["gen_ai.usage.cache_read.input_tokens"] = 20L,
        };
        Assert.Equal(expected.OrderBy(tag => tag.Key), span.TagObjects.ToDictionary().OrderBy(tag => tag.Key));
    }

    [Theory]
    [InlineData(null, "next", "next")]
    [InlineData("new", "next", "next")]
    [InlineData("earlier", "next", "earlier")]
    [InlineData(null, null, null)]
    public void ASpanNamesTheConversationThatGoesOnOrElseTheOneThatBegins(string? requested, string? begun, string? expected)
    {
        using RecordedTelemetry recorded = new(_model);
        Run(new ChatOptions { ConversationId = requested }, conversationId: begun);
        Assert.Equal(expected, Assert.Single(recorded.Spans).GetTagItem("gen_ai.conversation.id"));
    }

    [Fact]
    public void MetricsFollowTheClockAndTheUsage()
    {
        using RecordedTelemetry recorded = new(_model);
        Run(null);

        Assert.Equal([30], recorded.Values("gen_ai.client.token.usage", "gen_ai.token.type", "input"));
        Assert.Equal([5], recorded.Values("gen_ai.client.token.usage", "gen_ai.token.type", "output"));
        Assert.Equal([4], recorded.Values("gen_ai.client.operation.duration"));
        Assert.Equal([2], recorded.Values("gen_ai.server.time_to_first_token"));
        Assert.Equal([0.25], recorded.Values("gen_ai.server.time_per_output_token"));
        Assert.All(recorded.Measurements, measured =>
        {
            Assert.Equal("chat", measured.Tags["gen_ai.operation.name"]);
            Assert.Equal("mamba", measured.Tags["gen_ai.provider.name"]);
            Assert.Equal(_model, measured.Tags["gen_ai.response.model"]);
        });
    }

    [Fact]
    public void HistogramsAdviseTheBucketsOfTheConventions()
    {
        using RecordedTelemetry recorded = new(_model);
        Run(null);

        Histogram<double> duration = Assert.IsType<Histogram<double>>(
            recorded.Measurements.First(measured => measured.Name == "gen_ai.client.operation.duration").Instrument);
        Assert.Equal("s", duration.Unit);
        Assert.Equal(
            [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92],
            duration.Advice!.HistogramBucketBoundaries!);
        Histogram<long> usage = Assert.IsType<Histogram<long>>(
            recorded.Measurements.First(measured => measured.Name == "gen_ai.client.token.usage").Instrument);
        Assert.Equal("{token}", usage.Unit);
        Assert.Equal(Enumerable.Range(0, 14).Select(power => 1L << (2 * power)), usage.Advice!.HistogramBucketBoundaries!);
    }

    [Fact]
    public void AReplyWithoutTokensHasNoTimeToItsFirst()
    {
        using RecordedTelemetry recorded = new(_model);
        using ChatTelemetry telemetry = Create();
        using (RequestTelemetry request = telemetry.Start([], null, "r1"))
        {
            request.Completed(new UsageDetails { InputTokenCount = 3, OutputTokenCount = 0 }, ChatFinishReason.Stop, new(), null, TimeSpan.Zero);
        }

        Assert.Empty(recorded.Values("gen_ai.server.time_to_first_token"));
        Assert.Empty(recorded.Values("gen_ai.server.time_per_output_token"));
        Assert.Equal([3], recorded.Values("gen_ai.client.token.usage", "gen_ai.token.type", "input"));
    }

    [Fact]
    public void AFailureIsAnErrorWithItsTypeAndAWarning()
    {
        using RecordedTelemetry recorded = new(_model);
        using ChatTelemetry telemetry = Create();
        ConversationNotFoundException failure = new("gone");
        using (RequestTelemetry request = telemetry.Start([], null, "r1"))
        {
            _time.Advance(TimeSpan.FromSeconds(3));
            request.Failed(failure);
        }

        Activity span = Assert.Single(recorded.Spans);
        Assert.Equal(ActivityStatusCode.Error, span.Status);
        Assert.Equal(failure.Message, span.StatusDescription);
        Assert.Equal("MambaConnector.ConversationNotFoundException", span.GetTagItem("error.type"));
        Assert.Equal(
            [3], recorded.Values("gen_ai.client.operation.duration", "error.type", typeof(ConversationNotFoundException).FullName));
        Assert.Empty(recorded.Values("gen_ai.client.token.usage"));
        var line = _log.Lines[^1];
        Assert.Equal(("MambaConnector.MambaChatClient", LogLevel.Warning, 4), (line.Category, line.Level, line.Id));
        Assert.Same(failure, line.Exception);
    }

    [Fact]
    public void ARequestThatNobodyReadsToItsEndCountsAsCancelledAndIsNoWarning()
    {
        using RecordedTelemetry recorded = new(_model);
        using ChatTelemetry telemetry = Create();
        telemetry.Start([], null, "r1").Dispose();

        Assert.Equal("System.OperationCanceledException", Assert.Single(recorded.Spans).GetTagItem("error.type"));
        Assert.Single(recorded.Values("gen_ai.client.operation.duration", "error.type", "System.OperationCanceledException"));
        Assert.All(_log.Lines, line => Assert.True(line.Level <= LogLevel.Debug));
    }

    [Fact]
    public void NothingHoldsTheTextOfMessagesUnlessAskedFor()
    {
        using RecordedTelemetry recorded = new(_model);
        Run(new ChatOptions { Instructions = Secret });

        string spans = string.Concat(recorded.Spans.SelectMany(span => span.TagObjects).Select(tag => $"{tag.Key}={tag.Value} "));
        Assert.DoesNotContain("swordfish", spans, StringComparison.Ordinal);
        Assert.Equal([1, 2], _log.Lines.Select(line => line.Id));
        Assert.All(_log.Lines, line => Assert.DoesNotContain("swordfish", line.Text, StringComparison.Ordinal));
    }

    [Fact]
    public void SensitiveDataPutsMessagesIntoSpansAndTheTraceLog()
    {
        using RecordedTelemetry recorded = new(_model);
        Run(new ChatOptions { Instructions = "Be \"brief\"." }, isSensitive: true);

        Activity span = Assert.Single(recorded.Spans);
        const string Input = $$"""[{"role":"user","parts":[{"type":"text","content":"{{Secret}}"}]}]""";
        const string Output = $$"""[{"role":"assistant","parts":[{"type":"text","content":"{{Secret}}"}],"finish_reason":"length"}]""";
        Assert.Equal(Input, span.GetTagItem("gen_ai.input.messages"));
        Assert.Equal(Output, span.GetTagItem("gen_ai.output.messages"));
        Assert.Equal("""[{"type":"text","content":"Be \"brief\"."}]""", span.GetTagItem("gen_ai.system_instructions"));
        Assert.Equal(
            [(1, LogLevel.Debug), (5, LogLevel.Trace), (2, LogLevel.Debug), (6, LogLevel.Trace)],
            _log.Lines.Select(line => (line.Id, line.Level)));
        Assert.EndsWith(Input, _log.Lines[1].Text, StringComparison.Ordinal);
        Assert.EndsWith(Output, _log.Lines[3].Text, StringComparison.Ordinal);
    }

    [Fact]
    public void ToolCallsAndResultsHaveTheShapeOfTheConventions()
    {
        using RecordedTelemetry recorded = new(_model);
        using ChatTelemetry telemetry = Create(isSensitive: true);
        ChatMessage result = new(ChatRole.Tool, [new FunctionResultContent("c1", JsonSerializer.SerializeToElement(21.5))]);
        FunctionCallContent call = new("c2", "weather", new Dictionary<string, object?> { ["city"] = "Köln", ["days"] = 3 });
        using (RequestTelemetry request = telemetry.Start([result], null, "r1"))
        {
            request.Completed(new UsageDetails(), ChatFinishReason.ToolCalls, new ChatMessage(ChatRole.Assistant, [call]), null, TimeSpan.Zero);
        }

        Activity span = Assert.Single(recorded.Spans);
        Assert.Equal(
            """[{"role":"tool","parts":[{"type":"tool_call_response","id":"c1","response":21.5}]}]""",
            span.GetTagItem("gen_ai.input.messages"));
        using JsonDocument output = JsonDocument.Parse((string)span.GetTagItem("gen_ai.output.messages")!);
        Assert.Equal("tool_call", output.RootElement[0].GetProperty("finish_reason").GetString());
        JsonElement part = output.RootElement[0].GetProperty("parts")[0];
        Assert.Equal(("tool_call", "c2", "weather"), (Text(part, "type"), Text(part, "id"), Text(part, "name")));
        Assert.Equal("Köln", part.GetProperty("arguments").GetProperty("city").GetString());
        Assert.Equal(3, part.GetProperty("arguments").GetProperty("days").GetInt32());
        Assert.Equal(["tool_calls"], (string[])span.GetTagItem("gen_ai.response.finish_reasons")!);
    }

    [Fact]
    public void AToolResultThatHasNoJsonDoesNotEndTheRequest()
    {
        using RecordedTelemetry recorded = new(_model);
        using ChatTelemetry telemetry = Create(isSensitive: true);
        ChatMessage result = new(ChatRole.Tool, [new FunctionResultContent("c1", (Func<int>)(() => 1))]);
        telemetry.Start([result], null, "r1").Dispose();

        Assert.Equal(
            """[{"role":"tool","parts":[{"type":"tool_call_response","id":"c1","response":"System.Func`1[System.Int32]"}]}]""",
            Assert.Single(recorded.Spans).GetTagItem("gen_ai.input.messages"));
    }

    [Fact]
    public void TheStateCacheCountsRequestsAndTokensAndCanBeObserved()
    {
        using RecordedTelemetry recorded = new(_model);
        using ChatTelemetry telemetry = Create();
        int count = 2;
        telemetry.CacheSize(() => 100L * count, () => count);
        telemetry.CacheLookup(reusedTokens: 0, promptTokens: 40);
        telemetry.CacheLookup(reusedTokens: 64, promptTokens: 70);

        Assert.Equal([1], recorded.Values("mamba.state_cache.lookups", "mamba.state_cache.result", "miss"));
        Assert.Equal([1], recorded.Values("mamba.state_cache.lookups", "mamba.state_cache.result", "hit"));
        Assert.Equal(64, recorded.Values("mamba.state_cache.tokens", "mamba.state_cache.result", "hit").Sum());
        Assert.Equal(46, recorded.Values("mamba.state_cache.tokens", "mamba.state_cache.result", "miss").Sum());
        recorded.Observe();
        count = 3;
        recorded.Observe();
        Assert.Equal([200, 300], recorded.Values("mamba.state_cache.bytes"));
        Assert.Equal([2, 3], recorded.Values("mamba.state_cache.count"));
    }

    [Fact]
    public void TheSchedulerReportsBatchesAndItsQueue()
    {
        using RecordedTelemetry recorded = new(_model);
        using ChatTelemetry telemetry = Create();
        telemetry.Queue(() => 5, () => 32);
        telemetry.Batch(decoding: 0, prefilling: 1, tokens: 128);
        telemetry.Batch(decoding: 31, prefilling: 1, tokens: 159);
        recorded.Observe();

        Assert.Equal([31], recorded.Values("mamba.batch.size"));
        Assert.Equal([1, 1], recorded.Values("mamba.batch.prefills"));
        Assert.Equal([128, 159], recorded.Values("mamba.batch.tokens"));
        Assert.Equal([5], recorded.Values("mamba.queue.length"));
        Assert.Equal([32], recorded.Values("mamba.requests.running"));
    }

    [Fact]
    public void AMeterOfAFactoryOutlivesTheClientAndReportsNothingMoreForIt()
    {
        using RecordedTelemetry recorded = new(_model);
        using Meter meter = new(MambaTelemetry.MeterName);
        Mock<IMeterFactory> factory = new();
        factory.Setup(made => made.Create(It.Is<MeterOptions>(options => options.Name == MambaTelemetry.MeterName))).Returns(meter);
        ChatTelemetry telemetry = new(_model, false, null, factory.Object);
        telemetry.Queue(() => 1, () => 1);
        telemetry.Dispose();
        recorded.Observe();

        Assert.Empty(recorded.Values("mamba.queue.length"));
        using ChatTelemetry next = new(_model, false, null, factory.Object);
        next.Batch(1, 0, 1);
        Assert.Equal([1], recorded.Values("mamba.batch.size"));
    }

    [Fact]
    public void ARequestDoesNotReadItsMessagesUnlessAskedFor()
    {
        using ChatTelemetry telemetry = new(_model, sensitive: false, null, null);
        Mock<IEnumerable<ChatMessage>> messages = new(MockBehavior.Strict);
        using RequestTelemetry request = telemetry.Start(messages.Object, null, "r1");
        request.FirstToken();
        request.Completed(new UsageDetails(), ChatFinishReason.Stop, new ChatMessage(), null, TimeSpan.Zero);
        messages.VerifyNoOtherCalls();
    }

    public void Dispose() => _log.Dispose();

    private static string? Text(JsonElement element, string name) => element.GetProperty(name).GetString();

    private ChatTelemetry Create(bool isSensitive = false) => new(_model, isSensitive, _log, null, _time);

    /// <summary>A request that reads 30 tokens, 20 of them kept, and writes 5: the first after 2 s, the others in 1 s more,
    /// of which the caller learns after 2.</summary>
    private void Run(ChatOptions? options, string? conversationId = null, bool isSensitive = false)
    {
        using ChatTelemetry telemetry = Create(isSensitive);
        using RequestTelemetry request = telemetry.Start([new ChatMessage(ChatRole.User, Secret)], options, "r1");
        _time.Advance(TimeSpan.FromSeconds(2));
        request.FirstToken();
        _time.Advance(TimeSpan.FromSeconds(2));
        request.FirstToken();
        request.Completed(
            new UsageDetails { InputTokenCount = 30, OutputTokenCount = 5, CachedInputTokenCount = 20 }, ChatFinishReason.Length,
            new ChatMessage(ChatRole.Assistant, Secret), conversationId, TimeSpan.FromSeconds(1));
    }
}
