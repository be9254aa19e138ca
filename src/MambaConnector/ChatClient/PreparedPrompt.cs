using MambaConnector.Backend;

namespace MambaConnector.ChatClient;

/// <summary>A prompt, and the state that already holds a part of it.</summary>
internal sealed record PreparedPrompt
{
    /// <summary>The state to begin from; null: an empty one.</summary>
    public required IBackendSession? State { get; init; }

    /// <summary>The long-context policy of an empty state to begin from.</summary>
    public required LongContextPolicy Policy { get; init; }

    /// <summary>Tokens that the state holds.</summary>
    public required long CachedCount { get; init; }

    /// <summary>All tokens of the prompt as far as they are known: those of a stored conversation's past are not.</summary>
    public required int[] Known { get; init; }

    /// <summary>How many of <see cref="Known"/> the state holds.</summary>
    public required int Covered { get; init; }

    /// <summary>Counts of <see cref="Known"/> after which a copy of the state is worth keeping, beyond <see cref="Covered"/>; ascending.</summary>
    public required int[] Borders { get; init; }

    /// <summary>Whether <see cref="Known"/> is all that the state will have seen, so that the state may be found by it.</summary>
    public required bool IsWhole { get; init; }

    /// <summary>What a conversation that is kept after this prompt says of itself.</summary>
    public required ConversationHeader Conversation { get; init; }

    public ReadOnlyMemory<int> Unread => Known.AsMemory(Covered);

    public long InputCount => CachedCount + Known.Length - Covered;
}
