using MambaConnector.Documents;

namespace MambaConnector.Cli.Retrieval;

/// <summary>Asks the states of an index, as <c>mamba ask</c> does.</summary>
/// <param name="name">What it is called.</param>
/// <param name="options">Which states, and how the answer is written.</param>
internal sealed class IndexWay(string name, DocumentQuestionOptions options) : IRetrievalWay
{
    public string Name => name;

    public RetrievalSource Source =>
        options.Mode == DocumentQuestionMode.BestSection ? RetrievalSource.Sections : RetrievalSource.Index;

    public long TokensToRead(long length) => 0;

    public async Task<string> AskAsync(RetrievalDocument document, DocumentIndex? index, string question, CancellationToken cancellationToken)
    {
        DocumentQuestions questions = new(index!);
        DocumentAnswer answer = await questions.AskAsync(question, options, cancellationToken);
        return answer.Text;
    }
}
