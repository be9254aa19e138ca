namespace MambaConnector.Documents.Responders;

/// <summary>What a text is asked from: a place in a document that was read, or a text that is read for the purpose.</summary>
internal abstract record DocumentPlace
{
    private DocumentPlace()
    {
    }

    /// <summary>The whole document.</summary>
    internal sealed record Whole : DocumentPlace;

    /// <summary>One section alone.</summary>
    /// <param name="Section">The section.</param>
    internal sealed record Alone(DocumentSection Section) : DocumentPlace;

    /// <summary>A section and all that stands before it.</summary>
    /// <param name="Section">The section.</param>
    internal sealed record Behind(DocumentSection Section) : DocumentPlace;

    /// <summary>A text of its own.</summary>
    /// <param name="Content">Plain text, whatever it looks like.</param>
    internal sealed record Passage(string Content) : DocumentPlace;
}
