using System.Runtime.InteropServices;
using MambaConnector.Chat;

namespace MambaConnector.Documents.Prompting;

/// <summary>Encodes the blocks of a document, each by itself, to the tokens that the whole text has: they are parted by blank lines, across which no
/// token goes. (Vocabularies that split digits or marks off first, as Falcon's, would write a blank line before these as one token instead of
/// two.)</summary>
/// <param name="tokenizer">The model's.</param>
/// <param name="guard">Keeps control tokens out.</param>
internal sealed class BlockEncoder(MambaTokenizer tokenizer, ControlGuard guard)
{
    private const string BlankLine = "\n\n";

    public int[] Encode(string text)
    {
        text += BlankLine;
        List<int> tokens = tokenizer.AddsLeadingSpace ? EncodeWithoutSpace(text) : SplitPromptBuilder.EncodeOpen(tokenizer, text);
        guard.Apply(tokens);
        return [.. tokens];
    }

    /// <summary>Encodes a text without the space that the vocabulary puts before one: behind a line's end there is none.</summary>
    private List<int> EncodeWithoutSpace(string text)
    {
        List<int> tokens = SplitPromptBuilder.EncodeOpen(tokenizer, "\n" + text);
        List<byte> beginning = [];
        for (int index = 0; index < tokens.Count && beginning.Count < 2; index++)
        {
            beginning.AddRange(tokenizer.GetBytes(tokens[index]));
            if (CollectionsMarshal.AsSpan(beginning).SequenceEqual(" \n"u8) || CollectionsMarshal.AsSpan(beginning).SequenceEqual("\n"u8))
            {
                tokens.RemoveRange(0, index + 1);
                return tokens;
            }
        }

        return SplitPromptBuilder.EncodeOpen(tokenizer, text);
    }
}
