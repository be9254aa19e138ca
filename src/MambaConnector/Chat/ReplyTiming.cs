namespace MambaConnector.Chat;

/// <summary>Tokens and times of one reply. Only the time inside the model counts, not the reader's.</summary>
internal readonly record struct ReplyTiming(int PromptTokens, int ReplyTokens, TimeSpan First, TimeSpan Rest)
{
    public double PrefillRate => First > TimeSpan.Zero ? PromptTokens / First.TotalSeconds : 0;

    public double DecodeRate => Rest > TimeSpan.Zero ? (ReplyTokens - 1) / Rest.TotalSeconds : 0;

    public ReplyTiming Add(TimeSpan elapsed) => ReplyTokens == 0
        ? this with { ReplyTokens = 1, First = elapsed }
        : this with { ReplyTokens = ReplyTokens + 1, Rest = Rest + elapsed };
}
