using System.Diagnostics;
using Microsoft.Extensions.AI;

namespace MambaConnector.Telemetry;

/// <summary>One request, from its start to its end: <see cref="Completed"/>, <see cref="Failed"/>, or disposal alone, which says that the
/// caller stopped reading. Not thread-safe.</summary>
internal sealed class RequestTelemetry : IDisposable
{
    private readonly ChatTelemetry _client;
    private readonly Activity? _activity;
    private readonly string _responseId;
    private readonly long _start;
    private long? _firstToken;
    private bool _hasEnded;

    internal RequestTelemetry(
        ChatTelemetry client, Activity? activity, IEnumerable<ChatMessage> messages, ChatOptions? options, string responseId)
    {
        _client = client;
        _activity = activity;
        _responseId = responseId;
        _start = client.Time.GetTimestamp();
        DescribeRequest(messages, options);
        ChatLog.Started(client.Logger, responseId, client.ModelId);
        if (client.IsSensitive)
        {
            ChatLog.Reads(client.Logger, responseId, new MessageText(messages, null));
        }
    }

    /// <summary>The request has additional properties that mean nothing here.</summary>
    public void Ignored(IEnumerable<string> names)
    {
        foreach (string name in names)
        {
            ChatLog.Ignored(_client.Logger, _responseId, name);
        }
    }

    /// <summary>Makes the span the current one again: an iterator goes on in the context of whoever asks it for more.</summary>
    public void Resume()
    {
        if (_activity is not null)
        {
            Activity.Current = _activity;
        }
    }

    /// <summary>The first token of the reply is there.</summary>
    public void FirstToken() => _firstToken ??= _client.Time.GetTimestamp();

    /// <summary>The reply is whole.</summary>
    /// <param name="usage">Tokens read, reused and written.</param>
    /// <param name="reason">Why it ended.</param>
    /// <param name="reply">The reply.</param>
    /// <param name="conversationId">The id that the conversation goes on with; null when it is not stored.</param>
    /// <param name="decode">From the first token to the last, however slowly the caller took them.</param>
    public void Completed(UsageDetails usage, ChatFinishReason reason, ChatMessage reply, string? conversationId, TimeSpan decode)
    {
        _hasEnded = true;
        double seconds = Seconds(_client.Time.GetTimestamp());
        double? firstToken = _firstToken is long timestamp ? Seconds(timestamp) : null;
        long output = usage.OutputTokenCount ?? 0;
        RecordCompleted(usage, seconds, firstToken, decode);
        if (_activity is { IsAllDataRequested: true })
        {
            _activity
                .SetTag(GenAi.ResponseId, _responseId)
                .SetTag(GenAi.ResponseModel, _client.ModelId)
                .SetTag(GenAi.ResponseFinishReasons, new[] { reason.Value })
                .SetTag(GenAi.ResponseTimeToFirstChunk, firstToken)
                .SetTag(GenAi.UsageInputTokens, usage.InputTokenCount)
                .SetTag(GenAi.UsageOutputTokens, usage.OutputTokenCount)
                .SetTag(GenAi.UsageCacheReadInputTokens, usage.CachedInputTokenCount);
            if (_activity.GetTagItem(GenAi.ConversationId) is null)
            {
                _activity.SetTag(GenAi.ConversationId, conversationId);
            }

            if (_client.IsSensitive)
            {
                _activity.SetTag(GenAi.OutputMessages, new MessageText([reply], reason).ToString());
            }
        }

        ChatLog.Completed(
            _client.Logger, _responseId, reason.Value, usage.InputTokenCount ?? 0, usage.CachedInputTokenCount ?? 0, output, seconds,
            firstToken ?? seconds);
        if (_client.IsSensitive)
        {
            ChatLog.Writes(_client.Logger, _responseId, new MessageText([reply], reason));
        }
    }

    /// <summary>The request ended in an exception. A cancellation is no warning: the caller wished for it.</summary>
    public void Failed(Exception exception)
    {
        _hasEnded = true;
        string type = exception.GetType().FullName!;
        double seconds = Seconds(_client.Time.GetTimestamp());
        if (_client.Instruments.OperationDuration.Enabled)
        {
            TagList tags = ChatInstruments.Tags(_client.ModelId);
            tags.Add(GenAi.ErrorType, type);
            _client.Instruments.OperationDuration.Record(seconds, tags);
        }

        _activity?.SetTag(GenAi.ErrorType, type).SetStatus(ActivityStatusCode.Error, exception.Message);
        if (exception is OperationCanceledException)
        {
            ChatLog.Cancelled(_client.Logger, _responseId, seconds);
        }
        else
        {
            ChatLog.Failed(_client.Logger, _responseId, seconds, exception);
        }
    }

    /// <summary>Ends the span.</summary>
    public void Dispose()
    {
        if (!_hasEnded)
        {
            Failed(new OperationCanceledException("The caller stopped reading the response."));
        }

        _activity?.Dispose();
    }

    private double Seconds(long timestamp) => _client.Time.GetElapsedTime(_start, timestamp).TotalSeconds;

    private void RecordCompleted(UsageDetails usage, double seconds, double? firstToken, TimeSpan decode)
    {
        ChatInstruments instruments = _client.Instruments;
        TagList tags = ChatInstruments.Tags(_client.ModelId);
        tags.Add(GenAi.ResponseModel, _client.ModelId);
        instruments.OperationDuration.Record(seconds, tags);
        long output = usage.OutputTokenCount ?? 0;
        if (firstToken is double first)
        {
            instruments.TimeToFirstToken.Record(first, tags);
            if (output > 1)
            {
                instruments.TimePerOutputToken.Record(decode.TotalSeconds / (output - 1), tags);
            }
        }

        if (instruments.TokenUsage.Enabled)
        {
            TagList input = tags;
            input.Add(GenAi.TokenType, "input");
            instruments.TokenUsage.Record(usage.InputTokenCount ?? 0, input);
            tags.Add(GenAi.TokenType, "output");
            instruments.TokenUsage.Record(output, tags);
        }
    }

    private void DescribeRequest(IEnumerable<ChatMessage> messages, ChatOptions? options)
    {
        if (_activity is not { IsAllDataRequested: true })
        {
            return;
        }

        _activity
            .SetTag(GenAi.OperationName, GenAi.Chat)
            .SetTag(GenAi.ProviderName, GenAi.Mamba)
            .SetTag(GenAi.RequestModel, options?.ModelId ?? _client.ModelId);
        if (options is not null)
        {
            // A null value adds no tag.
            _activity
                .SetTag(GenAi.ConversationId, options.ConversationId == MambaChatClient.NewConversation ? null : options.ConversationId)
                .SetTag(GenAi.RequestTemperature, (double?)options.Temperature)
                .SetTag(GenAi.RequestTopP, (double?)options.TopP)
                .SetTag(GenAi.RequestTopK, options.TopK)
                .SetTag(GenAi.RequestMaxTokens, options.MaxOutputTokens)
                .SetTag(GenAi.RequestSeed, options.Seed)
                .SetTag(GenAi.RequestFrequencyPenalty, (double?)options.FrequencyPenalty)
                .SetTag(GenAi.RequestPresencePenalty, (double?)options.PresencePenalty)
                .SetTag(GenAi.RequestStopSequences, options.StopSequences is { Count: > 0 } stops ? stops.ToArray() : null)
                .SetTag(GenAi.OutputType, options.ResponseFormat switch
                {
                    ChatResponseFormatJson => "json",
                    ChatResponseFormatText => "text",
                    _ => null,
                });
        }

        if (_client.IsSensitive)
        {
            _activity.SetTag(GenAi.InputMessages, new MessageText(messages, null).ToString());
            if (!string.IsNullOrEmpty(options?.Instructions))
            {
                _activity.SetTag(GenAi.SystemInstructions, MessageText.OfInstructions(options.Instructions));
            }
        }
    }
}
