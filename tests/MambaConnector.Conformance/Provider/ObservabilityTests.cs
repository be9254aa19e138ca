using System.Diagnostics;
using System.Diagnostics.Metrics;
using MambaConnector.Conformance.Support;
using Microsoft.Extensions.AI;

namespace MambaConnector.Conformance.Provider;

/// <summary>Logs, spans and metrics: the client's own, without middleware.</summary>
public sealed class ObservabilityTests(ModelFixture fixture) : ProviderTests(fixture)
{
    private const string Question = "How do you find the weather?";

    [Fact]
    public Task Logging_LogsCalls_NonStreaming() => LogsCallsAsync(streams: false);

    [Fact]
    public Task Logging_LogsCalls_Streaming() => LogsCallsAsync(streams: true);

    [Fact]
    public Task Logging_LogsFunctionCalls_NonStreaming() => LogsFunctionCallsAsync(streams: false);

    [Fact]
    public Task Logging_LogsFunctionCalls_Streaming() => LogsFunctionCallsAsync(streams: true);

    [Fact]
    public async Task OpenTelemetry_CanEmitTracesAndMetrics()
    {
        List<Activity> spans = [];
        using ActivityListener listener = new()
        {
            ShouldListenTo = source => source.Name == MambaTelemetry.SourceName,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = spans.Add,
        };
        ActivitySource.AddActivityListener(listener);
        List<(string Instrument, string Type, long Tokens)> usage = [];
        using MeterListener meters = new()
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Meter.Name == MambaTelemetry.MeterName)
                {
                    self.EnableMeasurementEvents(instrument);
                }
            },
        };
        meters.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            foreach (KeyValuePair<string, object?> tag in tags)
            {
                if (tag.Key == "gen_ai.token.type")
                {
                    usage.Add((instrument.Name, (string)tag.Value!, value));
                }
            }
        });
        meters.Start();
        using IChatClient client = Fixture.CreateChatClient();
        ChatResponse response = await client.GetResponseAsync(Question, Brief());

        Activity span = Assert.Single(spans);
        Assert.Equal($"chat {response.ModelId}", span.DisplayName);
        Assert.False(string.IsNullOrEmpty(span.Id));
        Assert.True(span.Duration > TimeSpan.Zero);
        Assert.Equal(response.ResponseId, span.GetTagItem("gen_ai.response.id"));
        Assert.Equal(response.Usage!.InputTokenCount, span.GetTagItem("gen_ai.usage.input_tokens"));
        Assert.Equal(response.Usage.OutputTokenCount, span.GetTagItem("gen_ai.usage.output_tokens"));

        // A model in the process has no server, and what was said is nobody's business.
        Assert.Null(span.GetTagItem("server.address"));
        Assert.DoesNotContain(span.TagObjects, tag => tag.Value is string text && text.Contains(Question, StringComparison.Ordinal));
        Assert.Equal(
            [
                ("gen_ai.client.token.usage", "input", response.Usage.InputTokenCount!.Value),
                ("gen_ai.client.token.usage", "output", response.Usage.OutputTokenCount!.Value),
            ],
            usage);
    }

    private static async Task<ChatResponse> AskAsync(IChatClient client, string text, ChatOptions options, bool streams) => streams
        ? await client.GetStreamingResponseAsync(text, options).ToChatResponseAsync()
        : await client.GetResponseAsync(text, options);

    private async Task LogsCallsAsync(bool streams)
    {
        using RecordedLogs logs = new();
        using IChatClient client = Fixture.CreateChatClient(new MambaChatClientOptions { EnableSensitiveData = true }, logs);
        string reply = (await AskAsync(client, Question, Brief(), streams)).Text;

        Assert.Contains(logs.Messages, message => message.Contains(Question, StringComparison.Ordinal));
        Assert.Contains(logs.Messages, message => message.Contains(reply.Split('"', '\\', '\n')[0], StringComparison.Ordinal));

        // Unless that is asked for, no log holds any of it.
        using RecordedLogs discreet = new();
        using IChatClient silent = Fixture.CreateChatClient(loggerFactory: discreet);
        await AskAsync(silent, Question, Brief(), streams);
        Assert.NotEmpty(discreet.Messages);
        Assert.DoesNotContain(discreet.Messages, message => message.Contains(Question, StringComparison.Ordinal));
    }

    private async Task LogsFunctionCallsAsync(bool streams)
    {
        using RecordedLogs logs = new();
        using IChatClient client = Fixture.CreateChatClient(new MambaChatClientOptions { EnableSensitiveData = true }, logs);
        ChatOptions options = Brief(48);
        options.Tools = [AIFunctionFactory.Create(() => 424242, "GetSecretNumber")];
        options.ToolMode = ChatToolMode.RequireAny;
        await new FunctionLoop(client).GetResponseAsync("What is the secret number?", options, streams);

        Assert.Contains(logs.Messages, message => message.Contains("What is the secret number?", StringComparison.Ordinal));
        Assert.Contains(logs.Messages, message => message.Contains("\"name\":\"GetSecretNumber\"", StringComparison.Ordinal));
        Assert.Contains(logs.Messages, message => message.Contains("424242", StringComparison.Ordinal));
    }
}
