using System.Globalization;

namespace MambaConnector.LongContext;

/// <summary>Reads policies as command lines and configuration have them.</summary>
internal static class PolicyText
{
    private const string Forms =
        "none, auto, window:TOKENS, difference:TOKENS, forget:RETENTION,INSERTION, delta:SCALE, decay:SCALE, norm:FILE,SCALE or filter:FILE";

    /// <param name="text">The text.</param>
    /// <param name="allowsFiles">Whether it may name a file: text that comes from elsewhere may not.</param>
    /// <exception cref="FormatException">It is none; the message names the form.</exception>
    public static LongContextPolicy Parse(string text, bool allowsFiles)
    {
        string trimmed = text.Trim();
        int colon = trimmed.IndexOf(':', StringComparison.Ordinal);
        (string kind, string rest) = colon < 0 ? (trimmed, "") : (trimmed[..colon].TrimEnd(), trimmed[(colon + 1)..].TrimStart());
        try
        {
            return (kind.ToLowerInvariant(), colon >= 0) switch
            {
                ("none", false) => LongContextPolicy.None,
                ("auto", false) => LongContextPolicy.Auto,
                ("window", true) => Tokens(rest) is int tokens ? LongContextPolicy.RestartWindow(tokens) : throw Wrong(text, Window(kind)),
                ("difference", true) => Tokens(rest) is int tokens ? LongContextPolicy.DifferenceWindow(tokens) : throw Wrong(text, Window(kind)),
                ("forget", true) => Forget(text, rest),
                ("delta", true) => LongContextPolicy.DeltaScale(Scales(text, kind, rest, allowsFiles)),
                ("decay", true) => LongContextPolicy.DecayScale(Scales(text, kind, rest, allowsFiles)),
                ("norm", true) => Norm(text, rest, allowsFiles),
                ("filter", true) => LongContextPolicy.TokenFilter(TokenFilterTable.Load(RequireFile(text, rest, allowsFiles))),
                _ => throw Wrong(text, Forms),
            };
        }
        catch (ArgumentException exception)
        {
            throw Wrong(text, FormOf(kind), exception);
        }
    }

    private static string FormOf(string kind) => kind.ToLowerInvariant() switch
    {
        "forget" => "forget:RETENTION or forget:RETENTION,INSERTION with factors above 0 and at most 1, an insertion of at least 1e-6, " +
            "as in forget:0.9999,0.75",
        "delta" or "decay" => $"{kind}:SCALE with a number from 1e-6 to 1e6 for all layers or one a layer, as in {kind}:0.5 or {kind}:0.5,0.6,0.7, " +
            $"or {kind}:FILE with a JSON array of them",
        "norm" => "norm:FILE or norm:FILE,SCALE with a calibrated baseline and a positive scale of its norms, as in norm:baseline.json,1",
        "filter" => "filter:FILE with a token filter's table, as in filter:table.json",
        _ => Window(kind),
    };

    private static string Window(string kind) => $"{kind}:TOKENS with a positive multiple of {RestartWindowPolicy.Step}, as in {kind}:4096";

    private static int? Tokens(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int tokens) ? tokens : null;

    private static LongContextPolicy Forget(string text, string rest) => Numbers(rest) switch
    {
        [float retention] => LongContextPolicy.ForgetMore(retention),
        [float retention, float insertion] => LongContextPolicy.ForgetMore(retention, insertion),
        _ => throw Wrong(text, FormOf("forget")),
    };

    private static LongContextPolicy Norm(string text, string rest, bool allowsFiles)
    {
        int comma = rest.LastIndexOf(',');
        float scale = 1;
        bool hasScale = comma >= 0 && float.TryParse(rest.AsSpan(comma + 1), NumberStyles.Float, CultureInfo.InvariantCulture, out scale);
        string path = RequireFile(text, hasScale ? rest[..comma].TrimEnd() : rest, allowsFiles);
        return LongContextPolicy.StateNorm(StateBaseline.Load(path), hasScale ? scale : 1);
    }

    private static float[] Scales(string text, string kind, string rest, bool allowsFiles) =>
        rest.Length == 0 ? throw Wrong(text, FormOf(kind))
        : Numbers(rest) ?? LongContextFile.Read(
            RequireFile(text, rest, allowsFiles), "a JSON array of numbers, one a layer", LongContextJson.Default.SingleArray, scales => scales);

    /// <returns>Null where it is not all numbers.</returns>
    private static float[]? Numbers(string text)
    {
        string[] parts = text.Split(',', StringSplitOptions.TrimEntries);
        float[] numbers = new float[parts.Length];
        for (int index = 0; index < parts.Length; index++)
        {
            if (!float.TryParse(parts[index], NumberStyles.Float, CultureInfo.InvariantCulture, out numbers[index]))
            {
                return null;
            }
        }

        return numbers;
    }

    private static string RequireFile(string text, string path, bool allowsFiles) =>
        path.Length == 0 ? throw Wrong(text, FormOf(text[..text.IndexOf(':', StringComparison.Ordinal)].Trim()))
        : allowsFiles ? path
        : throw new FormatException($"'{text}' names a file, which a request cannot: give the policy itself, as LongContextPolicy.Parse reads it.");

    private static FormatException Wrong(string text, string form, Exception? cause = null) =>
        new($"'{text}' is no long-context policy; use {form}.", cause);
}
