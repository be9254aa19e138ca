using MambaConnector;

namespace WebApi;

/// <summary>What one request may ask for.</summary>
internal sealed class RequestLimits
{
    /// <summary>Bytes of a request's body.</summary>
    public long BodyBytes { get; set; } = 65536;

    /// <summary>Tokens of a message.</summary>
    public int MessageTokens { get; set; } = 1024;

    /// <summary>Tokens of a reply; also what a reply may have when its request does not say.</summary>
    public int ReplyTokens { get; set; } = 512;

    /// <summary>Why a request is refused, or null.</summary>
    public string? Refuse(ChatBody body, MambaTokenizer tokenizer)
    {
        if (string.IsNullOrWhiteSpace(body.Message))
        {
            return "message is empty; say something.";
        }

        if (body.MaxTokens is int tokens && (tokens < 1 || tokens > ReplyTokens))
        {
            return $"maxTokens is {tokens}; use 1 to {ReplyTokens}.";
        }

        int length = tokenizer.CountTokens(body.Message);
        return length > MessageTokens ? $"message has {length} tokens; {MessageTokens} are allowed." : null;
    }
}
