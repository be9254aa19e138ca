namespace MambaConnector.Tokenization;

/// <summary>A Unicode normalization form (UAX #15).</summary>
/// <remarks>
/// Own tables, since <see cref="string.Normalize()"/> silently does nothing to non-ASCII text in an application with
/// <c>InvariantGlobalization</c>, which is how self-contained applications run on a machine without ICU.
/// </remarks>
internal sealed class UnicodeForm(bool compatible, bool composes) : Normalizer
{
    // Below this bound no character changes under NFC: the first composing mark is U+0300.
    private const char FirstMark = '\u0300';

    public override string Signature => (compatible, composes) switch
    {
        (false, false) => "NFD",
        (false, true) => "NFC",
        (true, false) => "NFKD",
        (true, true) => "NFKC",
    };

    public override string Normalize(string text)
    {
        var stable = composes && !compatible ? FirstMark : '\u0080';
        if (text.AsSpan().IndexOfAnyExceptInRange('\0', (char)(stable - 1)) < 0)
        {
            return text;
        }

        var points = NormalizationTables.Instance.Decompose(text, compatible);
        return NormalizationTables.ToText(composes ? NormalizationTables.Instance.Compose(points) : points);
    }
}
