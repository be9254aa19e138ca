namespace MambaConnector.Documents.Responders;

/// <summary>Texts cut to what fits one prompt.</summary>
internal static class PassageText
{
    private const int DefaultLength = 24_000;

    /// <summary>Characters of a passage for a model, where the caller does not say.</summary>
    /// <param name="model">The model; null: one of which nothing is known.</param>
    public static int MaxLengthFor(MambaModel? model) => model?.Info.TrainingLength > 0
        ? (int)Math.Clamp(model.Info.TrainingLength * 2, DocumentSummaryOptions.LeastPassage, DefaultLength)
        : DefaultLength;

    /// <summary>Cuts a text to parts, behind white space where there is any in the second half of a part.</summary>
    /// <param name="text">The text.</param>
    /// <param name="maxLength">Characters of a part at most, 2 or more.</param>
    public static IEnumerable<string> Split(string text, int maxLength)
    {
        int start = 0;
        while (text.Length - start > maxLength)
        {
            int end = Border(text, start, maxLength);
            yield return text[start..end];
            start = end;
        }

        if (start < text.Length)
        {
            yield return text[start..];
        }
    }

    /// <summary>The beginning of a text.</summary>
    public static string Shorten(string text, int maxLength) => text.Length <= maxLength ? text : text[..Border(text, 0, maxLength)];

    private static int Border(string text, int start, int maxLength)
    {
        int end = start + maxLength;
        int space = text.LastIndexOfAny([' ', '\n', '\t'], end - 1, maxLength / 2);
        return space >= 0 ? space + 1
            : char.IsHighSurrogate(text[end - 1]) ? end - 1
            : end;
    }
}
