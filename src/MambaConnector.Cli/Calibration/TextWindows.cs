namespace MambaConnector.Cli.Calibration;

/// <summary>Pieces of a text that do not overlap, spread evenly over it.</summary>
internal static class TextWindows
{
    /// <summary>As many pieces as the text has room for, and no more than are wanted.</summary>
    /// <param name="tokens">The text.</param>
    /// <param name="length">Tokens of a piece.</param>
    /// <param name="wanted">How many.</param>
    /// <exception cref="InvalidDataException">There is not room for one.</exception>
    public static ReadOnlyMemory<int>[] Choose(ReadOnlyMemory<int> tokens, long length, int wanted)
    {
        int count = (int)Math.Min(wanted, tokens.Length / length);
        if (count == 0)
        {
            throw new InvalidDataException($"The text has {tokens.Length:N0} tokens, and {length:N0} are needed: give a longer text.");
        }

        long rest = tokens.Length - (count * length);
        return [.. Enumerable.Range(0, count).Select(index => tokens.Slice((int)((index * length) + (rest * index / count)), (int)length))];
    }
}
