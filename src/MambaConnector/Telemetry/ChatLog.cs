using Microsoft.Extensions.Logging;

namespace MambaConnector.Telemetry;

/// <summary>What is logged. The text of messages appears in <see cref="Reads"/> and <see cref="Writes"/> alone, which are called only where
/// sensitive data was asked for.</summary>
internal static partial class ChatLog
{
    [LoggerMessage(1, LogLevel.Debug, "Request {ResponseId} to {Model} began.")]
    public static partial void Started(ILogger logger, string responseId, string model);

    [LoggerMessage(2, LogLevel.Debug,
        "Request {ResponseId} ended ({FinishReason}): {InputTokens} tokens read, {CachedTokens} of them from a kept state, " +
        "{OutputTokens} written, in {Seconds} s, the first after {FirstTokenSeconds} s.")]
    public static partial void Completed(
        ILogger logger, string responseId, string finishReason, long inputTokens, long cachedTokens, long outputTokens, double seconds,
        double firstTokenSeconds);

    [LoggerMessage(3, LogLevel.Debug, "Request {ResponseId} was cancelled after {Seconds} s.")]
    public static partial void Cancelled(ILogger logger, string responseId, double seconds);

    [LoggerMessage(4, LogLevel.Warning, "Request {ResponseId} failed after {Seconds} s.")]
    public static partial void Failed(ILogger logger, string responseId, double seconds, Exception exception);

    [LoggerMessage(5, LogLevel.Trace, "Request {ResponseId} reads {Messages}")]
    public static partial void Reads(ILogger logger, string responseId, MessageText messages);

    [LoggerMessage(6, LogLevel.Trace, "Request {ResponseId} writes {Messages}")]
    public static partial void Writes(ILogger logger, string responseId, MessageText messages);

    [LoggerMessage(7, LogLevel.Warning, "Request {ResponseId} has the additional property {Name}, which means nothing here.")]
    public static partial void Ignored(ILogger logger, string responseId, string name);

    [LoggerMessage(8, LogLevel.Warning, "Model {Model}: {Warning}")]
    public static partial void TrainedTooShort(ILogger logger, string model, string warning);
}
