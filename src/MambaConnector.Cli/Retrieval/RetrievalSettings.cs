namespace MambaConnector.Cli.Retrieval;

/// <summary>What is asked.</summary>
/// <param name="Task">What is hidden.</param>
/// <param name="Lengths">Tokens of the prompts.</param>
/// <param name="Depths">Places of the key.</param>
/// <param name="Samples">Documents for each place.</param>
/// <param name="Seed">Chooses keys and text.</param>
/// <param name="Around">Tokens of what stands around a document in a prompt.</param>
internal sealed record RetrievalSettings(RetrievalTask Task, IReadOnlyList<long> Lengths, int Depths, int Samples, int Seed, int Around)
{
    /// <summary>How far into a document the key of a place stands, 0 to 1.</summary>
    public double Share(int depth) => (depth + 0.5) / Depths;
}
