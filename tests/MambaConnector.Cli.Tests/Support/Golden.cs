using System.Text.Json;

namespace MambaConnector.Cli.Tests;

/// <summary>A recorded reference of mamba2-39m-chat, computed in double precision from the BF16 weights.</summary>
/// <param name="Tokens">The opening of The Wrong Box.</param>
/// <param name="Nll">-ln p of each token after the first.</param>
internal sealed record Golden(int[] Tokens, double[] Nll)
{
    /// <summary>The recording.</summary>
    public static Golden Load() => JsonSerializer.Deserialize<Golden>(
        File.ReadAllText(TestFiles.Own("mamba2-39m-chat.golden.json")), JsonSerializerOptions.Web)!;

    /// <summary>The tokens as <c>--tokens</c> takes them.</summary>
    public string TokenList => string.Join(',', Tokens);
}
