using System.Text;

namespace MambaConnector.Chat;

/// <summary>Collects a prompt as control tokens and text. Neighbouring texts are encoded as one, as the original templates' output is; text is
/// never searched for control tokens, so that nothing a message contains can become one.</summary>
internal sealed class PromptBuilder
{
    private readonly List<(PromptPart Part, string Text)> _parts = [];

    /// <summary>The token that begins a sequence.</summary>
    public PromptBuilder Begin() => Add(PromptPart.Begin, "");

    /// <summary>The token that ends a sequence.</summary>
    public PromptBuilder End() => Add(PromptPart.End, "");

    /// <summary>A control token by its name.</summary>
    public PromptBuilder Control(string token) => Add(PromptPart.Control, token);

    /// <summary>Text of the template or of a message.</summary>
    public PromptBuilder Text(string text)
    {
        if (_parts.Count > 0 && _parts[^1].Part == PromptPart.Text)
        {
            _parts[^1] = (PromptPart.Text, _parts[^1].Text + text);
            return this;
        }

        return text.Length == 0 ? this : Add(PromptPart.Text, text);
    }

    /// <summary>The prompt as the original template prints it.</summary>
    public string ToText(string begin, string end)
    {
        StringBuilder text = new();
        foreach ((PromptPart part, string value) in _parts)
        {
            text.Append(part switch { PromptPart.Begin => begin, PromptPart.End => end, _ => value });
        }

        return text.ToString();
    }

    /// <summary>The prompt as tokens.</summary>
    /// <remarks>A control token that the vocabulary lacks is plain text, as it was when the model was trained with that vocabulary.</remarks>
    /// <exception cref="MambaFormatException">The tokenizer has no begin or end token, and the template needs it.</exception>
    public int[] ToTokens(MambaTokenizer tokenizer)
    {
        List<int> tokens = [];
        StringBuilder text = new();
        foreach ((PromptPart part, string value) in _parts)
        {
            int? id = part switch
            {
                PromptPart.Begin => tokenizer.BosId ?? throw Missing("begin"),
                PromptPart.End => tokenizer.EosId ?? throw Missing("end"),
                PromptPart.Control when tokenizer.TryGetId(value, out int control) => control,
                _ => null,
            };
            if (id is not int token)
            {
                text.Append(value);
                continue;
            }

            Encode(tokenizer, text, tokens);
            tokens.Add(token);
        }

        Encode(tokenizer, text, tokens);
        return [.. tokens];
    }

    private static void Encode(MambaTokenizer tokenizer, StringBuilder text, List<int> tokens)
    {
        // SentencePiece vocabularies put a space before a text: it stands for the one that templates have after a control token.
        int start = tokenizer.AddsLeadingSpace && text.Length > 0 && text[0] == ' ' ? 1 : 0;
        tokens.AddRange(tokenizer.Encode(text.ToString(start, text.Length - start)));
        text.Clear();
    }

    private static MambaFormatException Missing(string which) =>
        new(MambaErrorCode.BadFormat, $"The chat template needs the token that {which}s a sequence, and the tokenizer names none.");

    private PromptBuilder Add(PromptPart part, string text)
    {
        _parts.Add((part, text));
        return this;
    }
}
