using System.Text;

namespace MambaConnector.Tests.Support;

/// <summary>Scripted models that hold ChatML conversations on <see cref="TestTokenizer"/>.</summary>
internal static class ConversationBackend
{
    /// <summary>A model that replies with a function of the last turn.</summary>
    /// <param name="reply">From the last turn before the reply (its role and text, as <c>user\nHello</c>) to the tokens of the reply.</param>
    public static ScriptedBackend Create(Func<string, int[]> reply) => new(
        history =>
        {
            string text = Text(history);
            int start = text.LastIndexOf("<|im_start|>", StringComparison.Ordinal);
            string[] turns = text[..start].Split("<|im_start|>");
            string opening = text[start..];

            // How many tokens of the reply are there: those after the opening's line.
            int opened = TestTokenizer.Tokens("assistant\n").Length + 1;
            int begin = LastIndexOf(history, 1);
            int said = history.Count - begin - opened;
            int[] script = [.. reply(turns[^1].Replace("<|im_end|>\n", "", StringComparison.Ordinal)), TestTokenizer.ImEnd];
            return opening.StartsWith("<|im_start|>assistant\n", StringComparison.Ordinal) ? script[Math.Min(said, script.Length - 1)] : TestTokenizer.ImEnd;
        },
        TestTokenizer.VocabSize);

    /// <summary>A model that repeats what it is told: <c>Hello</c> is answered with <c>You said: Hello</c>.</summary>
    public static ScriptedBackend Echo() => Create(turn => TestTokenizer.Tokens("You said: " + turn[(turn.IndexOf('\n', StringComparison.Ordinal) + 1)..]));

    /// <summary>Tokens as text, control tokens by their names.</summary>
    public static string Text(IEnumerable<int> tokens)
    {
        MambaTokenizer tokenizer = TestTokenizer.Create();
        StringBuilder text = new();
        List<byte> bytes = [];
        foreach (int token in tokens)
        {
            bytes.AddRange(tokenizer.GetBytes(token).ToArray());
        }

        return text.Append(Encoding.UTF8.GetString([.. bytes])).ToString();
    }

    private static int LastIndexOf(IReadOnlyList<int> tokens, int token)
    {
        int index = tokens.Count - 1;
        while (index >= 0 && tokens[index] != token)
        {
            index--;
        }

        return index;
    }
}
