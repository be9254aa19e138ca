namespace MambaConnector.Tokenization;

/// <summary>When a <see cref="MetaspaceSplit"/> puts its sign in front of a piece.</summary>
internal enum PrependScheme
{
    Never,
    First,
    Always,
}

/// <summary><c>Metaspace</c>: spaces become a visible sign ("▁"), which begins each word.</summary>
internal sealed class MetaspaceSplit(char replacement, PrependScheme scheme, bool split) : PreTokenizer
{
    /// <summary>The sign.</summary>
    public char Replacement => replacement;

    public override string Signature => $"Metaspace({replacement}, {scheme}, split {split})";

    public override void Split(ReadOnlySpan<char> text, bool atStart, PieceSink sink)
    {
        var prepends = (scheme == PrependScheme.Always || (scheme == PrependScheme.First && atStart)) && text[0] != ' '
            && text[0] != replacement;
        var offset = prepends ? 1 : 0;
        var buffer = new char[text.Length + offset];
        buffer[0] = replacement;
        text.Replace(buffer.AsSpan(offset), ' ', replacement);
        if (!split)
        {
            sink.Emit(buffer, atStart);
            return;
        }

        for (var start = 0; start < buffer.Length;)
        {
            var length = buffer.AsSpan(start + 1).IndexOf(replacement);
            var end = length < 0 ? buffer.Length : start + 1 + length;
            sink.Emit(buffer.AsSpan(start..end), atStart && start == 0);
            start = end;
        }
    }
}
