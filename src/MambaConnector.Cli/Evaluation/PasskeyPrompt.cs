using System.Globalization;

namespace MambaConnector.Cli.Evaluation;

/// <summary>The prompt of the passkey test in the form of arXiv 2410.07145: a number of five digits, said twice, somewhere in lines that say nothing,
/// and asked for at the end.</summary>
internal sealed class PasskeyPrompt
{
    /// <summary>What it begins with.</summary>
    public const string Prefix = "There is an important info hidden inside a lot of irrelevant text. Find it and memorize it.\n\n";

    /// <summary>What is repeated.</summary>
    public const string Noise = "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again.\n";

    /// <summary>What it ends with.</summary>
    public const string Suffix = "\nWhat is the pass key? The passkey is";

    /// <summary>Number of keys: 00000 to 99999.</summary>
    public const int KeyCount = 100_000;

    private const int MinimumAnswer = 5;

    private readonly MambaTokenizer _tokenizer;
    private readonly int[] _prefix;
    private readonly int[] _noise;
    private readonly int[] _suffix;

    /// <exception cref="NotSupportedException">The tokenizer does not split where lines end.</exception>
    public PasskeyPrompt(MambaTokenizer tokenizer)
    {
        _tokenizer = tokenizer;

        // What a text is split into may depend on what is beside it: each part is what it adds where it stands.
        int[] once = Encode(Prefix + Noise), twice = Encode(Prefix + Noise + Noise);
        _noise = twice[once.Length..];
        _prefix = once[..^Math.Min(_noise.Length, once.Length)];
        _suffix = Encode(Prefix + Noise + Suffix)[once.Length..];
        const int Key = 12345;
        if (!Encode(Text(Key, 1, 1)).AsSpan().SequenceEqual([.. Start(1), .. End(Key, 1)]))
        {
            throw new NotSupportedException(
                "The model's tokenizer does not split the lines of the passkey prompt where they end, so that its parts cannot be shared.");
        }

        int answer = Encode($"{Text(Key, 1, 1)} {Spell(Key)}").Length - Encode(Text(Key, 1, 1)).Length;
        AnswerTokens = Math.Max(MinimumAnswer, answer);
    }

    /// <summary>Tokens to generate: the paper's 5, or as many as five digits take.</summary>
    public int AnswerTokens { get; }

    /// <summary>A key as it stands in the prompt.</summary>
    public static string Spell(int key) => key.ToString("D5", CultureInfo.InvariantCulture);

    /// <summary>The line that says a key.</summary>
    public static string KeyLine(int key) => $"The passkey is {Spell(key)}. Remember it. {Spell(key)} is the passkey.\n";

    /// <summary>The whole prompt as text.</summary>
    /// <param name="key">The number.</param>
    /// <param name="before">Lines of noise before the key.</param>
    /// <param name="after">Lines of noise after it.</param>
    public static string Text(int key, int before, int after) =>
        $"{Prefix}{string.Concat(Enumerable.Repeat(Noise, before))}{KeyLine(key)}{string.Concat(Enumerable.Repeat(Noise, after))}{Suffix}";

    /// <summary>Lines of noise in a prompt of at most so many tokens, answer not counted.</summary>
    /// <exception cref="UsageException">Not one fits.</exception>
    public int NoiseLines(long length)
    {
        long room = length - _prefix.Length - _suffix.Length - LineTokens(0).Length;
        return room >= _noise.Length
            ? (int)(room / _noise.Length)
            : throw new UsageException(
                $"A passkey prompt has at least {length - room + _noise.Length} tokens of this model; --lengths has {length}.");
    }

    /// <summary>Tokens of a prompt with so many lines of noise; a key may have a few more or less.</summary>
    public long TokenCount(int lines) => _prefix.Length + ((long)lines * _noise.Length) + LineTokens(0).Length + _suffix.Length;

    /// <summary>Lines before the key at a depth: the middle of each of so many equal parts.</summary>
    public static int LinesBefore(int lines, int depth, int depths) => (int)((depth + 0.5) / depths * lines);

    /// <summary>The tokens before the key, the same for every key.</summary>
    public int[] Start(int before) => [.. _prefix, .. Repeat(before)];

    /// <summary>Lines of noise.</summary>
    public int[] Repeat(int lines)
    {
        int[] tokens = new int[lines * _noise.Length];
        new TokenText(_noise).CopyTo(0, tokens);
        return tokens;
    }

    /// <summary>The tokens from the key to the question.</summary>
    public int[] End(int key, int after) => [.. LineTokens(key), .. Repeat(after), .. _suffix];

    private int[] LineTokens(int key) => Encode(Prefix + Noise + KeyLine(key))[(_prefix.Length + _noise.Length)..];

    private int[] Encode(string text) => _tokenizer.Encode(text, parseSpecial: false, addBos: _tokenizer.AddsBos);
}
