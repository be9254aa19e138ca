namespace MambaConnector.Chat;

/// <summary>Builds a prompt as two rows of tokens: what stands before a place in one of its texts, and what stands behind it.</summary>
/// <param name="tokenizer">The model's.</param>
/// <param name="place">What marks the place; it is left out.</param>
/// <param name="guard">Keeps control tokens out of the prompt's texts.</param>
internal sealed class SplitPromptBuilder(MambaTokenizer tokenizer, string place, ControlGuard guard) : PromptBuilder
{
    // A letter joins no token with the line ends before it, in any vocabulary whose pieces part words from white space.
    private const string AnyWord = "A";

    private TokenPromptBuilder _builder = new(tokenizer, knownReplies: null, guard);
    private int[]? _before;

    public override PromptBuilder Begin()
    {
        _builder.Begin();
        return this;
    }

    public override PromptBuilder End()
    {
        _builder.End();
        return this;
    }

    public override PromptBuilder Control(string token)
    {
        _builder.Control(token);
        return this;
    }

    public override PromptBuilder Text(string text)
    {
        int index = text.IndexOf(place, StringComparison.Ordinal);
        if (index < 0)
        {
            _builder.Text(text);
            return this;
        }

        _builder.Text(text[..index] + AnyWord);
        int[] tokens = _builder.ToPrompt().Tokens;
        _before = IsWord(tokenizer, tokens[^1]) ? tokens[..^1] : throw new MambaFormatException(
            MambaErrorCode.Unsupported, "The vocabulary joins words with the line ends before them, so a text cannot be parted there.");
        _builder = new TokenPromptBuilder(tokenizer, knownReplies: null, guard);
        _builder.Text(text[(index + place.Length)..]);
        return this;
    }

    public override void EndTurn() => _builder.EndTurn();

    public override bool TryAddKnownReply(ChatTurn reply) => false;

    /// <summary>The prompt, when all is added.</summary>
    /// <exception cref="InvalidOperationException">The place did not come.</exception>
    public (int[] Before, int[] After) ToPrompt() =>
        (_before ?? throw new InvalidOperationException("The place is in none of the prompt's texts."), _builder.ToPrompt().Tokens);

    /// <summary>The tokens of a text as they are where more text follows.</summary>
    public static List<int> EncodeOpen(MambaTokenizer tokenizer, string text)
    {
        List<int> tokens = [];
        tokenizer.Encode(text + AnyWord, tokens);
        if (IsWord(tokenizer, tokens[^1]))
        {
            tokens.RemoveAt(tokens.Count - 1);
            return tokens;
        }

        tokens.Clear();
        tokenizer.Encode(text, tokens);
        return tokens;
    }

    private static bool IsWord(MambaTokenizer tokenizer, int token) => tokenizer.GetBytes(token).SequenceEqual("A"u8);
}
