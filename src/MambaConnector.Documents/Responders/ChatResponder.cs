using System.Runtime.CompilerServices;
using MambaConnector.Documents.Indexing;
using Microsoft.Extensions.AI;

namespace MambaConnector.Documents.Responders;

/// <summary>Any chat client: a passage and the instruction are one message.</summary>
/// <param name="client">The client.</param>
/// <param name="maxPassage">Characters of a passage at most.</param>
internal sealed class ChatResponder(IChatClient client, int maxPassage) : IResponder
{
    /// <inheritdoc/>
    public string? Identity { get; } = IdentityOf(client);

    /// <inheritdoc/>
    public int MaxPassage => maxPassage;

    /// <inheritdoc/>
    public bool HasDocument => false;

    /// <inheritdoc/>
    public async IAsyncEnumerable<ResponsePiece> RespondAsync(
        DocumentPlace place, string instruction, GenerationOptions generation, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string text = ((DocumentPlace.Passage)place).Content;
        ChatMessage message = new(ChatRole.User, $"Here is a text:\n\n{text}\n\n{instruction}");
        FinishReason reason = FinishReason.Stop;
        bool isCutOff = false;
        await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync([message], Options(generation), cancellationToken)
            .ConfigureAwait(false))
        {
            if (update.FinishReason is { } ended)
            {
                reason = ended == ChatFinishReason.Length ? FinishReason.Length : FinishReason.Stop;
                isCutOff = ended != ChatFinishReason.Length && ended != ChatFinishReason.Stop;
            }

            if (update.Text.Length > 0)
            {
                yield return new ResponsePiece(update.Text);
            }
        }

        yield return new ResponsePiece("", reason, isCutOff);
    }

    private static string? IdentityOf(IChatClient client) =>
        client.GetService(typeof(ChatClientMetadata)) is ChatClientMetadata { DefaultModelId: { Length: > 0 } model } metadata
            ? string.Join(
                '\n', "chat", metadata.ProviderName, metadata.ProviderUri, model,
                (client.GetService(typeof(MambaModel)) as MambaModel)?.Info.Fingerprint,
                client.GetService(typeof(LongContextPolicy)) is LongContextPolicy policy ? ReadingText.Of(policy) : "")
            : null;

    private static ChatOptions Options(GenerationOptions generation) => new()
    {
        MaxOutputTokens = generation.MaxTokens,
        Temperature = generation.Temperature,
        TopK = generation.TopK,
        TopP = generation.TopP,
        FrequencyPenalty = generation.FrequencyPenalty,
        PresencePenalty = generation.PresencePenalty,
        Seed = generation.Seed,
        StopSequences = generation.StopSequences is { } stops ? [.. stops] : null,
    };
}
