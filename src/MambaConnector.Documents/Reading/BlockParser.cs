namespace MambaConnector.Documents.Reading;

/// <summary>Turns characters that come in pieces of any size into blocks.</summary>
internal abstract class BlockParser
{
    /// <summary>Takes what comes next.</summary>
    public abstract void Add(SourceText text);

    /// <summary>Nothing comes any more.</summary>
    public abstract void End();
}
