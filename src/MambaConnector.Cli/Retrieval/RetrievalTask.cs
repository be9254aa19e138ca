using System.Globalization;

namespace MambaConnector.Cli.Retrieval;

/// <summary>What is hidden in a document, and asked for: a number of five digits in a paragraph of its own.</summary>
/// <param name="Sentence">The paragraph, with <see cref="Mark"/> where the number stands.</param>
/// <param name="Question">The question.</param>
internal sealed record RetrievalTask(string Sentence, string Question)
{
    /// <summary>Stands for the number.</summary>
    public const string Mark = "{key}";

    /// <summary>Number of keys: 00000 to 99999.</summary>
    public const int KeyCount = 100_000;

    /// <summary>A key as it stands in the document and in a right answer.</summary>
    public static string Spell(int key) => key.ToString("D5", CultureInfo.InvariantCulture);

    /// <summary>Whether an answer holds a key.</summary>
    public static bool IsFound(int key, string answer) => answer.Contains(Spell(key), StringComparison.Ordinal);

    /// <summary>The paragraph that says a key.</summary>
    public string Say(int key) => Sentence.Replace(Mark, Spell(key), StringComparison.Ordinal);
}
