using System.Security.Cryptography;
using System.Text.Json;

namespace MambaConnector.Documents.Indexing;

/// <summary>What the tokens and states of an index follow from, beside the document.</summary>
/// <param name="Model">The model's fingerprint.</param>
/// <param name="Opening">The prompt's opening.</param>
/// <param name="Format">How the document is written.</param>
/// <param name="SectionTokens">Tokens of a section.</param>
/// <param name="MaxBytes">Bytes of states.</param>
/// <param name="Instructions">The prompt's instructions.</param>
/// <param name="Introduction">What stands before the document.</param>
/// <param name="Policy">The policy, as <see cref="ReadingText"/>.</param>
/// <param name="Watched">Whether a monitor had the steps added up, which saved states hold.</param>
/// <param name="Monitor">The monitor, as <see cref="ReadingText"/>, where it may change the state; else null.</param>
internal sealed record IndexIdentity(
    string Model, int[] Opening, DocumentFormat Format, int SectionTokens, long MaxBytes, string? Instructions, string Introduction, string Policy,
    bool Watched, string? Monitor)
{
    public static IndexIdentity Create(MambaModel model, DocumentPrompt prompt, DocumentIndexOptions options, LongContextPolicy policy) => new(
        model.Info.Fingerprint, prompt.Opening.ToArray(), options.Format, options.SectionTokens, options.MaxBytes, options.Prompt.Instructions,
        options.Prompt.Introduction, ReadingText.Of(policy), options.Monitor is not null,
        options.MonitorActs ? ReadingText.Of(options.Monitor!, model) : null);

    public byte[] Hash() => SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(this, IndexJson.Default.IndexIdentity));
}
