using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using MambaConnector.Documents;

namespace MambaConnector.Cli.Retrieval;

/// <summary>The books that keys are hidden in: paragraphs, one book after another, and from the first again where a document asks for more.</summary>
internal sealed partial class RetrievalText
{
    private readonly Func<string, int[]> _encode;
    private readonly RetrievalParagraph[] _paragraphs;

    /// <param name="encode">The tokens of a paragraph and of the blank line behind it, as <see cref="DocumentPrompt.EncodeBlock"/> makes
    /// them.</param>
    /// <param name="texts">The books: paragraphs with blank lines between them, in lines of any length.</param>
    /// <exception cref="InvalidDataException">There is no text in them.</exception>
    public RetrievalText(Func<string, int[]> encode, IEnumerable<string> texts)
    {
        _encode = encode;
        _paragraphs =
        [
            .. texts.SelectMany(text => BlankLines().Split(text.ReplaceLineEndings("\n")))
                .Select(paragraph => Spaces().Replace(paragraph, " ").Trim())
                .Where(paragraph => paragraph.Length > 0)
                .Select(Measure),
        ];
        if (_paragraphs.Length == 0)
        {
            throw new InvalidDataException("There is no text in the files to hide keys in.");
        }
    }

    /// <summary>Tokens of all books.</summary>
    public long TokenCount => _paragraphs.Sum(paragraph => (long)paragraph.Tokens);

    /// <summary>What identifies the books.</summary>
    public string Hash => Convert.ToHexStringLower(
        SHA256.HashData(Encoding.UTF8.GetBytes(RetrievalDocument.ToText(_paragraphs)))[..8]);

    /// <summary>So many tokens of the books, from a paragraph on.</summary>
    /// <param name="paragraph">Which, counted from the first again behind the last.</param>
    /// <param name="count">Tokens.</param>
    public int[] Read(int paragraph, int count)
    {
        List<int> tokens = [];
        for (; tokens.Count < count; paragraph++)
        {
            tokens.AddRange(_encode(_paragraphs[paragraph % _paragraphs.Length].Text));
        }

        return [.. tokens.Take(count)];
    }

    /// <summary>A document. The same arguments make the same.</summary>
    /// <param name="task">What is hidden.</param>
    /// <param name="length">Tokens of the document and of what stands around it.</param>
    /// <param name="around">Tokens of what stands around it.</param>
    /// <param name="depth">Which place of the key, from 0: the middle of each of <paramref name="depths"/> equal parts.</param>
    /// <param name="depths">Places of the key.</param>
    /// <param name="sample">Which of those of this length and depth.</param>
    /// <param name="seed">Chooses keys, and where in the books documents begin.</param>
    /// <exception cref="UsageException">The length has no room for text.</exception>
    public RetrievalDocument Create(RetrievalTask task, long length, int around, int depth, int depths, int sample, int seed)
    {
        string place = string.Create(CultureInfo.InvariantCulture, $"{seed} {length} {depth}/{depths} {sample}");
        byte[] random = SHA256.HashData(Encoding.ASCII.GetBytes(place));
        int key = (int)(BinaryPrimitives.ReadUInt64LittleEndian(random) % RetrievalTask.KeyCount);
        RetrievalParagraph hidden = Measure(task.Say(key));
        int next = (int)(BinaryPrimitives.ReadUInt64LittleEndian(random.AsSpan(8)) % (ulong)_paragraphs.Length);
        List<RetrievalParagraph> paragraphs = [];
        long room = length - around - hidden.Tokens, tokens = 0;
        for (; tokens + _paragraphs[next].Tokens <= room; next = (next + 1) % _paragraphs.Length)
        {
            paragraphs.Add(_paragraphs[next]);
            tokens += _paragraphs[next].Tokens;
        }

        if (paragraphs.Count == 0)
        {
            throw new UsageException(
                $"A document of {length} tokens has no room for a paragraph of {_paragraphs[next].Tokens} beside its key: give longer --lengths, or " +
                "texts with blank lines between paragraphs.");
        }

        double share = (depth + 0.5) / depths;
        int before = 0;
        for (double wanted = share * tokens; before < paragraphs.Count && paragraphs[before].Tokens / 2.0 < wanted; before++)
        {
            wanted -= paragraphs[before].Tokens;
        }

        paragraphs.Insert(before, hidden);
        return new RetrievalDocument(length, share, sample, key, paragraphs);
    }

    [GeneratedRegex(@"\n[ \t\f]*\n\s*")]
    private static partial Regex BlankLines();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();

    private RetrievalParagraph Measure(string text) => new(text, _encode(text).Length);
}
