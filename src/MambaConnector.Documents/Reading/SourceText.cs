namespace MambaConnector.Documents.Reading;

/// <summary>Characters, and where in the source the bytes of each are. Grows as far as its user lets it.</summary>
internal sealed class SourceText
{
    private char[] _chars = new char[256];
    private long[] _starts = new long[256];
    private byte[] _lengths = new byte[256];

    public int Count { get; private set; }

    public ReadOnlySpan<char> Chars => _chars.AsSpan(0, Count);

    public char this[int index] => _chars[index];

    /// <summary>The offset of a character's first byte.</summary>
    public long StartOf(int index) => _starts[index];

    /// <summary>The offset behind a character's last byte.</summary>
    public long EndOf(int index) => _starts[index] + _lengths[index];

    /// <param name="value">A UTF-16 unit; both of a pair have the place of the whole character.</param>
    /// <param name="start">The offset of its first byte.</param>
    /// <param name="length">How many bytes it has in the source; 0: none, it stands behind the one before.</param>
    public void Add(char value, long start, int length)
    {
        if (Count == _chars.Length)
        {
            Array.Resize(ref _chars, Count * 2);
            Array.Resize(ref _starts, Count * 2);
            Array.Resize(ref _lengths, Count * 2);
        }

        (_chars[Count], _starts[Count], _lengths[Count]) = (value, start, (byte)Math.Min(length, byte.MaxValue));
        Count++;
    }

    /// <summary>Adds a character that is not in the source, at the end of what is.</summary>
    public void AddJoint(char value) => Add(value, Count == 0 ? 0 : EndOf(Count - 1), 0);

    public void Add(SourceText other, int from, int count)
    {
        for (int index = from; index < from + count; index++)
        {
            Add(other._chars[index], other._starts[index], other._lengths[index]);
        }
    }

    public void Add(SourceText other) => Add(other, 0, other.Count);

    /// <summary>Whether a character is in the source.</summary>
    public bool IsReal(int index) => _lengths[index] > 0;

    public void Replace(int index, char value) => _chars[index] = value;

    public void RemoveFirst(int count)
    {
        Count -= count;
        Array.Copy(_chars, count, _chars, 0, Count);
        Array.Copy(_starts, count, _starts, 0, Count);
        Array.Copy(_lengths, count, _lengths, 0, Count);
    }

    public void RemoveLast(int count) => Count -= count;

    public void Clear() => Count = 0;

    public override string ToString() => Chars.ToString();
}
