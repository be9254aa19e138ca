using Microsoft.Extensions.Logging;

namespace MambaConnector.Telemetry;

/// <summary>What is logged of watched states.</summary>
internal static partial class CollapseLog
{
    [LoggerMessage(1, LogLevel.Warning, "The state of {Subject} at token {Position} is {Level} ({Rule}): {Message}")]
    public static partial void Rose(ILogger logger, string subject, long position, CollapseLevel level, CollapseRule rule, string message);

    [LoggerMessage(2, LogLevel.Information, "The state of {Subject} at token {Position} is {Level} again, after {Previous}.")]
    public static partial void Fell(ILogger logger, string subject, long position, CollapseLevel level, CollapseLevel previous);

    [LoggerMessage(3, LogLevel.Information, "The state of {Subject}: {Message}")]
    public static partial void PastTrainingLength(ILogger logger, string subject, string message);

    [LoggerMessage(4, LogLevel.Warning, "The state of {Subject} at token {Position} gets the long-context policy {Policy}.")]
    public static partial void SwitchedPolicy(ILogger logger, string subject, long position, LongContextPolicy policy);

    [LoggerMessage(5, LogLevel.Warning, "The state of {Subject} at token {Position} is empty again and reads a text of {Length} characters.")]
    public static partial void Reset(ILogger logger, string subject, long position, int length);
}
