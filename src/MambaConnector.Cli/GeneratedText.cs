using System.Text;

namespace MambaConnector.Cli;

/// <summary>A generation, written out as it comes.</summary>
/// <param name="Tokens">Ids that the session holds now.</param>
/// <param name="Text">Their text.</param>
/// <param name="FinishReason">Why it ended.</param>
internal sealed record GeneratedText(IReadOnlyList<int> Tokens, string Text, FinishReason FinishReason)
{
    /// <summary>How JSON names the reason.</summary>
    public string FinishReasonName => FinishReason.ToString().ToLowerInvariant();

    /// <summary>Reads a generation to its end.</summary>
    /// <param name="steps">The steps.</param>
    /// <param name="output">Receives the text at once, and a line end after it.</param>
    public static async Task<GeneratedText> ReadAsync(IAsyncEnumerable<GeneratedToken> steps, TextWriter output)
    {
        List<int> ids = [];
        StringBuilder text = new();
        FinishReason reason = FinishReason.Length;
        await foreach (GeneratedToken step in steps)
        {
            ids.Add(step.Id);
            text.Append(step.Text);
            await output.WriteAsync(step.Text);
            ids.RemoveRange(ids.Count - step.RemovedTokens, step.RemovedTokens);
            reason = step.FinishReason ?? reason;
        }

        await output.WriteLineAsync();
        return new GeneratedText(ids, text.ToString(), reason);
    }
}
