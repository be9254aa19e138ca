using System.Text;

namespace MambaConnector.Chat;

/// <summary>Keeps control tokens out of encoded text. Vocabularies mark them, so that text is not searched for them, but not all do.</summary>
/// <param name="tokenizer">The model's.</param>
/// <param name="controls">Tokens that no text may become.</param>
internal sealed class ControlGuard(MambaTokenizer tokenizer, IReadOnlySet<int> controls)
{
    /// <summary>Writes control tokens as text: in two parts, neither of which is the token's. One of a single character, which has no other
    /// spelling, is left out.</summary>
    /// <param name="tokens">Tokens of a text.</param>
    /// <param name="start">The first that is looked at.</param>
    public void Apply(List<int> tokens, int start = 0) => Apply(tokens, start, int.MaxValue);

    private void Apply(List<int> tokens, int start, int maxLength)
    {
        for (int index = tokens.Count - 1; index >= start; index--)
        {
            if (controls.Contains(tokens[index]))
            {
                string text = Encoding.UTF8.GetString(tokenizer.GetBytes(tokens[index]));
                tokens.RemoveAt(index);
                int first = text.Length > 1 && char.IsHighSurrogate(text[0]) ? 2 : 1;
                if (text.Length > first && text.Length < maxLength)
                {
                    tokens.InsertRange(index, [.. Part(text[..first], text.Length), .. Part(text[first..], text.Length)]);
                }
            }
        }
    }

    /// <summary>A part of a control token's text, in which only shorter ones can be.</summary>
    private List<int> Part(string text, int length)
    {
        List<int> tokens = [];
        tokenizer.Encode(text, tokens);
        Apply(tokens, 0, length);
        return tokens;
    }
}
