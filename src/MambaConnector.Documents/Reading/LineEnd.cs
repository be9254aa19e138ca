namespace MambaConnector.Documents.Reading;

/// <summary>What ends a piece of a line.</summary>
internal enum LineEnd
{
    /// <summary>Nothing: the line goes on.</summary>
    None,

    /// <summary>The line's end.</summary>
    Line,

    /// <summary>The page's end.</summary>
    Page,
}
