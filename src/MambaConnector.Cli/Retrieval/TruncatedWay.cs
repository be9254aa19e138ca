using MambaConnector.Documents;

namespace MambaConnector.Cli.Retrieval;

/// <summary>Leaves out of the document what its last tokens leave no room for.</summary>
/// <param name="question">Asks.</param>
/// <param name="tokens">Of the document, at most.</param>
internal sealed class TruncatedWay(ChatQuestion question, long tokens) : IRetrievalWay
{
    public string Name => RetrievalWays.Truncated;

    public RetrievalSource Source => RetrievalSource.Text;

    public long TokensToRead(long length) => Math.Min(length, tokens);

    public Task<string> AskAsync(RetrievalDocument document, DocumentIndex? index, string text, CancellationToken cancellationToken) =>
        question.AskAsync(document.Tail(tokens), text, cancellationToken);
}
