namespace MambaConnector.Cli.Evaluation;

/// <summary>A text of any length: given tokens, again and again.</summary>
/// <param name="Tokens">Read from the first again after the last; not empty.</param>
internal sealed record TokenText(int[] Tokens)
{
    /// <summary>The token at a position.</summary>
    public int this[long position] => Tokens[position % Tokens.Length];

    /// <summary>Copies the tokens from a position on.</summary>
    public void CopyTo(long position, Span<int> target)
    {
        while (!target.IsEmpty)
        {
            ReadOnlySpan<int> source = Tokens.AsSpan((int)(position % Tokens.Length));
            int count = Math.Min(source.Length, target.Length);
            source[..count].CopyTo(target);
            target = target[count..];
            position += count;
        }
    }
}
