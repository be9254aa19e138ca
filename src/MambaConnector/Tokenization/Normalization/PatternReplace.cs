using System.Text;

namespace MambaConnector.Tokenization;

/// <summary><c>Replace</c> of every match of a regular expression by a fixed text.</summary>
internal sealed class PatternReplace(SplitPattern pattern, string to) : Normalizer
{
    public override string Signature => $"Replace(regex {pattern.Text} by {to})";

    public override string Normalize(string text)
    {
        var builder = new StringBuilder(text.Length);
        var position = 0;
        while (pattern.Find(text, position, out var start, out var end))
        {
            builder.Append(text, position, start - position).Append(to);
            position = end;
        }

        return builder.Append(text, position, text.Length - position).ToString();
    }
}
