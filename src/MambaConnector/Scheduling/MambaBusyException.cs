namespace MambaConnector;

/// <summary>A chat client runs as many requests as it may and lets as many wait as it may. The request was not begun; try again later.</summary>
public sealed class MambaBusyException : InvalidOperationException
{
    /// <param name="maxConcurrency">Requests that advance together at most.</param>
    /// <param name="maxQueueLength">Requests that wait at most.</param>
    public MambaBusyException(int maxConcurrency, int maxQueueLength)
        : base(
            $"The chat client is busy: {maxConcurrency} requests run (MaxConcurrency) and {maxQueueLength} wait (MaxQueueLength). Try again later, or " +
            "raise these limits of MambaChatClientOptions.") => (MaxConcurrency, MaxQueueLength) = (maxConcurrency, maxQueueLength);

    /// <summary>Requests that advance together at most.</summary>
    public int MaxConcurrency { get; }

    /// <summary>Requests that wait at most.</summary>
    public int MaxQueueLength { get; }
}
