using MambaConnector.Backend;
using MambaConnector.Tests.Support;

namespace MambaConnector.Tests.Scheduling;

/// <summary>What a backend was asked to evaluate.</summary>
internal sealed class BatchLog
{
    public BatchLog(ScriptedBackend backend) => backend.EvaluatingItems = items =>
        Batches.Add([.. items.Select(item => new Part(item.Session, item.Session.Info.TokenCount, item.TokenCount, item.LogitsCount))]);

    public List<Part[]> Batches { get; } = [];

    /// <summary>An item of a batch.</summary>
    /// <param name="Session">Whose it is.</param>
    /// <param name="Position">Tokens that the session held before.</param>
    /// <param name="Count">Tokens that it reads.</param>
    /// <param name="Rows">Rows of logits.</param>
    internal readonly record struct Part(IBackendSession Session, long Position, int Count, int Rows)
    {
        public long End => Position + Count;
    }
}
