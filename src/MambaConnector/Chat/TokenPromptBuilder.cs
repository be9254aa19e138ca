using System.Runtime.InteropServices;
using System.Text;

namespace MambaConnector.Chat;

/// <summary>Builds a prompt as tokens. Neighbouring texts are encoded as one, as the original templates' output is; text is never searched
/// for control tokens, so that nothing a message contains can become one.</summary>
/// <remarks>A control token that the vocabulary lacks is plain text, as it was when the model was trained with that vocabulary.</remarks>
/// <param name="tokenizer">The model's.</param>
/// <param name="knownReplies">Replies that are taken as they were generated; null: none.</param>
/// <param name="guard">Keeps control tokens that the vocabulary does not mark out of text; null: nothing does.</param>
internal sealed class TokenPromptBuilder(MambaTokenizer tokenizer, IKnownReplies? knownReplies, ControlGuard? guard = null) : PromptBuilder
{
    private readonly List<int> _tokens = [];
    private readonly List<int> _borders = [];

    // What came since the last token, not encoded yet, and whether a turn ends with it.
    private readonly StringBuilder _text = new();
    private bool _textEndsTurn;

    /// <exception cref="MambaFormatException">The tokenizer has no begin token.</exception>
    public override PromptBuilder Begin() => Token(tokenizer.BosId ?? throw Missing("begin"));

    /// <exception cref="MambaFormatException">The tokenizer has no end token.</exception>
    public override PromptBuilder End() => Token(tokenizer.EosId ?? throw Missing("end"));

    public override PromptBuilder Control(string token) => tokenizer.TryGetId(token, out int id) ? Token(id) : Text(token);

    public override PromptBuilder Text(string text)
    {
        _text.Append(text);
        _textEndsTurn &= text.Length == 0;
        return this;
    }

    public override void EndTurn()
    {
        if (_text.Length > 0)
        {
            _textEndsTurn = true;
        }
        else
        {
            AddBorder();
        }
    }

    public override bool TryAddKnownReply(ChatTurn reply)
    {
        if (knownReplies is null)
        {
            return false;
        }

        int count = _tokens.Count;
        EncodeText();
        if (!knownReplies.TryGet(CollectionsMarshal.AsSpan(_tokens), reply, out ReadOnlyMemory<int> tokens))
        {
            // The text goes on with the reply's own.
            _tokens.RemoveRange(count, _tokens.Count - count);
            return false;
        }

        ClearText();
        _tokens.AddRange(tokens.Span);
        return true;
    }

    /// <summary>The prompt, when all is added.</summary>
    public RenderedPrompt ToPrompt()
    {
        EncodeText();
        ClearText();
        return new RenderedPrompt([.. _tokens], [.. _borders]);
    }

    private static MambaFormatException Missing(string which) =>
        new(MambaErrorCode.BadFormat, $"The chat template needs the token that {which}s a sequence, and the tokenizer names none.");

    private TokenPromptBuilder Token(int id)
    {
        EncodeText();
        ClearText();
        _tokens.Add(id);
        return this;
    }

    private void EncodeText()
    {
        // SentencePiece vocabularies put a space before a text: it stands for the one that templates have after a control token.
        int start = tokenizer.AddsLeadingSpace && _text.Length > 0 && _text[0] == ' ' ? 1 : 0;
        int count = _tokens.Count;
        tokenizer.Encode(_text.ToString(start, _text.Length - start), _tokens);
        guard?.Apply(_tokens, count);
    }

    private void ClearText()
    {
        _text.Clear();
        if (_textEndsTurn)
        {
            _textEndsTurn = false;
            AddBorder();
        }
    }

    private void AddBorder()
    {
        if (_tokens.Count > 0 && (_borders.Count == 0 || _borders[^1] < _tokens.Count))
        {
            _borders.Add(_tokens.Count);
        }
    }
}
