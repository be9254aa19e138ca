namespace MambaConnector.Cli.Tests;

/// <summary>Text for models without a tokenizer.</summary>
internal static class RandomTokens
{
    /// <summary>Ids as <c>--tokens</c> takes them: the same in every run.</summary>
    public static string Create(int count)
    {
        Random random = new(7);
        return string.Join(',', Enumerable.Range(0, count).Select(_ => random.Next(2, 500)));
    }
}
