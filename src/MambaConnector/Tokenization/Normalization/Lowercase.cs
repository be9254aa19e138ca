using System.Text;

namespace MambaConnector.Tokenization;

/// <summary><c>Lowercase</c>: every character by itself, in no language's rules (no final sigma).</summary>
internal sealed class Lowercase : Normalizer
{
    public override string Signature => "Lowercase";

    // The dotted capital I is the one character whose lower case is two.
    public override string Normalize(string text)
    {
        var builder = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            if (rune.Value == 0x130)
            {
                builder.Append("i\u0307");
            }
            else
            {
                CodePoints.Append(builder, Rune.ToLowerInvariant(rune).Value);
            }
        }

        return builder.ToString();
    }
}
