using System.Runtime.CompilerServices;

namespace MambaConnector.Documents.Responders;

/// <summary>The model that read a document, from the states of its index: no part of the document is read again but what the index does not
/// keep.</summary>
/// <param name="index">The index.</param>
/// <param name="maxPassage">Characters of a passage at most.</param>
internal sealed class StateResponder(DocumentIndex index, int maxPassage) : IResponder
{
    /// <inheritdoc/>
    public string? Identity { get; } = $"state {Convert.ToHexStringLower(index.Key)}";

    /// <inheritdoc/>
    public int MaxPassage => maxPassage;

    /// <inheritdoc/>
    public bool HasDocument => true;

    /// <inheritdoc/>
    public async IAsyncEnumerable<ResponsePiece> RespondAsync(
        DocumentPlace place, string instruction, GenerationOptions generation, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using MambaSession session = await Task.Run(() => Open(place, cancellationToken), cancellationToken).ConfigureAwait(false);
        ReplyText reply = new();
        await foreach (GeneratedToken token in session.GenerateAsync(
            index.Prompt.Close(instruction), index.Prompt.EndReplies(generation), cancellationToken).ConfigureAwait(false))
        {
            yield return reply.Next(token);
        }
    }

    private MambaSession Open(DocumentPlace place, CancellationToken cancellationToken) => place switch
    {
        DocumentPlace.Alone alone => index.OpenSection(alone.Section.Index, cancellationToken),
        DocumentPlace.Behind behind => index.OpenBorder(behind.Section.Index, cancellationToken),
        DocumentPlace.Passage passage => index.OpenPassage(passage.Content, cancellationToken),
        _ => index.OpenEnd(),
    };
}
