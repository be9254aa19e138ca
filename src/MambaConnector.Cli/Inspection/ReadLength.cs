using System.CommandLine;

namespace MambaConnector.Cli.Inspection;

/// <summary><c>--length N</c>: how much of a text is read.</summary>
internal static class ReadLength
{
    /// <summary>The tokens to read: the first ones of the text, or all.</summary>
    /// <param name="tokens">The text.</param>
    /// <param name="length">How many are asked for; 0: all.</param>
    /// <exception cref="InvalidDataException">There are fewer.</exception>
    public static ReadOnlyMemory<int> Take(int[] tokens, long length) =>
        tokens.Length == 0 ? throw new InvalidDataException("The text is empty: there is nothing to read.")
        : length > tokens.Length ? throw new InvalidDataException(
            $"The text has {tokens.Length:N0} tokens and --length asks for {length:N0}: give a longer text, or a shorter length.")
        : length > 0 ? tokens.AsMemory(0, (int)length)
        : tokens;
}
