namespace MambaConnector.Tests.Support;

/// <summary>A whole generation.</summary>
internal sealed record Steps(IReadOnlyList<GeneratedToken> All)
{
    public string Text => string.Concat(All.Select(step => step.Text));

    public GeneratedToken Last => All[^1];

    public static async Task<Steps> CollectAsync(IAsyncEnumerable<GeneratedToken> tokens)
    {
        List<GeneratedToken> all = [];
        await foreach (GeneratedToken token in tokens)
        {
            all.Add(token);
        }

        return new Steps(all);
    }
}
