namespace MambaConnector.Tokenization;

/// <summary><c>Strip</c>: drops white space at the ends.</summary>
internal sealed class StripWhiteSpace(bool left, bool right) : Normalizer
{
    public override string Signature => $"Strip(left {left}, right {right})";

    public override string Normalize(string text)
    {
        var (start, end) = (0, text.Length);
        while (left && start < end && CodePointClass.WhiteSpace.Contains(text[start]))
        {
            start++;
        }

        while (right && end > start && CodePointClass.WhiteSpace.Contains(text[end - 1]))
        {
            end--;
        }

        return text[start..end];
    }
}
