using MambaConnector.Documents;

namespace MambaConnector.Cli.Documents;

/// <summary>A document that a verb is about.</summary>
/// <param name="ModelName">What the user calls the model.</param>
/// <param name="File">The document.</param>
/// <param name="Model">The model that has read it.</param>
/// <param name="Index">Its index.</param>
/// <param name="WasRead">Whether it was read just now; otherwise the index was there.</param>
internal sealed record OpenDocument(string ModelName, string File, MambaModel Model, DocumentIndex Index, bool WasRead) : IDisposable
{
    public void Dispose()
    {
        Index.Dispose();
        Model.Dispose();
    }
}
