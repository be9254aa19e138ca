using MambaConnector.Documents;

namespace MambaConnector.Cli.Retrieval;

/// <summary>A way to answer a question about a document.</summary>
internal interface IRetrievalWay
{
    /// <summary>What it is called.</summary>
    string Name { get; }

    /// <summary>What has to be read before it is asked.</summary>
    RetrievalSource Source { get; }

    /// <summary>Tokens that it reads to answer about a document of so many, about; what is read into its source, which ways share, not
    /// counted.</summary>
    long TokensToRead(long length);

    /// <summary>Answers.</summary>
    /// <param name="document">The document.</param>
    /// <param name="index">Its index, where <see cref="Source"/> needs one; else null.</param>
    /// <param name="question">The question.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>The answer.</returns>
    Task<string> AskAsync(RetrievalDocument document, DocumentIndex? index, string question, CancellationToken cancellationToken);
}
