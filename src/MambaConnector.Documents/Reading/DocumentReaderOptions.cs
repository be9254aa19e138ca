namespace MambaConnector.Documents;

/// <summary>How a document is read. Immutable.</summary>
public sealed record DocumentReaderOptions
{
    /// <summary>How the document is written.</summary>
    public DocumentFormat Format { get; init; }

    /// <summary>Characters of a block at most, 256 to 65,536; a longer one is cut behind a sentence, else behind a word.</summary>
    public int MaxBlockLength { get; init; } = 65_536;

    /// <exception cref="ArgumentOutOfRangeException">A member is out of its range; named.</exception>
    internal void Check()
    {
        if (!Enum.IsDefined(Format))
        {
            throw new ArgumentOutOfRangeException(nameof(Format), Format, $"{Format} is no format of documents.");
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(MaxBlockLength, 256);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxBlockLength, 65_536);
    }
}
