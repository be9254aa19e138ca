namespace MambaConnector.Documents.Responders;

/// <summary>Text in, text out, from a place in a document. What stands above it (summaries, answers) knows nothing else of a model.</summary>
internal interface IResponder
{
    /// <summary>Names model and document: the same identity, place, instruction and limits give the same text. Null: nobody says what it
    /// is.</summary>
    string? Identity { get; }

    /// <summary>Characters of a <see cref="DocumentPlace.Passage"/> at most.</summary>
    int MaxPassage { get; }

    /// <summary>Whether it stands in the document itself, whose sections and end need no reading; otherwise all it takes are passages.</summary>
    bool HasDocument { get; }

    /// <summary>Follows an instruction.</summary>
    /// <param name="place">What the instruction is about.</param>
    /// <param name="instruction">What to do: plain text.</param>
    /// <param name="generation">How to write.</param>
    /// <param name="cancellationToken">Ends the writing.</param>
    /// <returns>The text in pieces; the last says why it ended.</returns>
    IAsyncEnumerable<ResponsePiece> RespondAsync(
        DocumentPlace place, string instruction, GenerationOptions generation, CancellationToken cancellationToken);
}
