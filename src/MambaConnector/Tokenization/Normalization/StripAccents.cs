using System.Text;

namespace MambaConnector.Tokenization;

/// <summary><c>StripAccents</c>: drops all marks (category M). Decomposing them first is another step's work.</summary>
internal sealed class StripAccents : Normalizer
{
    private static readonly CodePointClass Marks = new(CodePointClass.Mask("M"));

    public override string Signature => "StripAccents";

    public override string Normalize(string text)
    {
        var builder = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            if (!Marks.Contains(rune.Value))
            {
                CodePoints.Append(builder, rune.Value);
            }
        }

        return builder.ToString();
    }
}
