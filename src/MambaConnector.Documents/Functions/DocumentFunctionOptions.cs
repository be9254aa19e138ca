namespace MambaConnector.Documents;

/// <summary>How <see cref="DocumentFunctions"/> answer. Immutable.</summary>
public sealed record DocumentFunctionOptions
{
    /// <summary>How sections are summarised: words, style, language, generation.</summary>
    public DocumentSummaryOptions Summary { get; init; } = new();

    /// <summary>How questions are answered.</summary>
    public DocumentQuestionOptions Question { get; init; } = new();

    /// <summary>Characters that <c>list_sections</c> and <c>read_document</c> give at once, about, at most; 100 or more.</summary>
    public int MaxCharacters { get; init; } = 8_000;

    /// <exception cref="ArgumentException">A member is out of its range; named.</exception>
    internal void Check()
    {
        ArgumentNullException.ThrowIfNull(Summary);
        ArgumentNullException.ThrowIfNull(Question);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxCharacters, 100);
        Summary.Check();
        Question.Check();
    }
}
