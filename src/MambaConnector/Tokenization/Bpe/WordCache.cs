namespace MambaConnector.Tokenization;

/// <summary>
/// Remembers the tokens of words seen lately. A fixed number of slots, one word each, the newest wins: bounded memory, no lock. Entries are
/// immutable and published by one reference write, so that any thread may read while another replaces.
/// </summary>
internal sealed class WordCache
{
    /// <summary>Longer pieces are not worth remembering (UTF-16 units).</summary>
    public const int MaximumLength = 48;

    private const int SlotCount = 1 << 14;

    private readonly Entry?[] _slots = new Entry?[SlotCount];

    /// <summary>The remembered tokens of a word.</summary>
    public bool TryGet(ReadOnlySpan<char> word, int hash, out ReadOnlySpan<int> tokens)
    {
        var entry = _slots[hash & (SlotCount - 1)];
        if (entry is not null && word.SequenceEqual(entry.Word))
        {
            tokens = entry.Tokens;
            return true;
        }

        tokens = default;
        return false;
    }

    /// <summary>Remembers a word in place of whatever its slot held.</summary>
    public void Set(ReadOnlySpan<char> word, int hash, ReadOnlySpan<int> tokens) =>
        _slots[hash & (SlotCount - 1)] = new Entry(word.ToString(), tokens.ToArray());

    /// <summary>The hash of a word (randomized a process, so that no text can be made to collide).</summary>
    public static int Hash(ReadOnlySpan<char> word) => string.GetHashCode(word);

    private sealed record Entry(string Word, int[] Tokens);
}
