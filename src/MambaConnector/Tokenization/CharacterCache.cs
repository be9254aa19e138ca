namespace MambaConnector.Tokenization;

/// <summary>Remembers texts of a character or two, so that those that tokens make together are no new string each time. A fixed number of
/// slots, one text each, the newest wins: bounded memory, no lock. Strings are immutable and published by one reference write, so that any
/// thread may read while another replaces.</summary>
internal sealed class CharacterCache
{
    private const int SlotCount = 1 << 10;
    private const int LongestText = 4; // UTF-16 units

    private readonly string?[] _slots = new string?[SlotCount];

    /// <summary>The text as a string, the same as before if it is remembered.</summary>
    public string Get(ReadOnlySpan<char> text)
    {
        if (text.Length is 0 or > LongestText)
        {
            return text.ToString();
        }

        ref string? slot = ref _slots[string.GetHashCode(text) & (SlotCount - 1)];
        return slot is string known && text.SequenceEqual(known) ? known : slot = text.ToString();
    }
}
