namespace MambaConnector;

/// <summary>Why a generation ended. One that is cancelled or fails has no reason: it throws, and the session is as before.</summary>
public enum FinishReason
{
    /// <summary>The model produced an end token, or the text reached a stop sequence.</summary>
    Stop,

    /// <summary><see cref="GenerationOptions.MaxTokens"/> tokens were generated.</summary>
    Length,
}
