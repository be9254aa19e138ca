namespace MambaConnector.Documents;

/// <summary>How a document stands in a conversation. Immutable.</summary>
public sealed record DocumentPromptOptions
{
    /// <summary>Instructions: the system turn of the conversation; null: none.</summary>
    public string? Instructions { get; init; }

    /// <summary>What the user says before the document.</summary>
    public string Introduction { get; init; } = "Read this document:";
}
