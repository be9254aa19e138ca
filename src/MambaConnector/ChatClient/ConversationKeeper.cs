using MambaConnector.Backend;
using MambaConnector.Chat;

namespace MambaConnector.ChatClient;

/// <summary>Keeps states of conversations under ids, a new one for every response: an old id stays what it was, a place to go on from again.</summary>
internal sealed class ConversationKeeper(MambaModel model, ChatTemplate template, IConversationStore store)
{
    /// <summary>What a conversation says of itself after a request.</summary>
    /// <param name="request">The request.</param>
    /// <param name="past">What it said before; null for a new one.</param>
    public ConversationHeader Describe(ChatRequest request, ConversationHeader? past) => new(
        template.Name,
        request.Instructions is null ? past?.InstructionsHash : ConversationHeader.HashOf(request.Instructions),
        request.Tools.Count > 0 ? ConversationHeader.HashOf(string.Join('\n', request.Tools)) : past?.ToolsHash ?? "",
        TokenCount: 0,
        DateTimeOffset.UtcNow,
        OpenToolCalls: []);

    /// <exception cref="ConversationNotFoundException">It is not kept.</exception>
    /// <exception cref="MambaStateMismatchException">It was held with another model or template.</exception>
    public async Task<LoadedConversation> LoadAsync(string id, CancellationToken cancellationToken)
    {
        ReadOnlyMemory<byte> bytes = await store.LoadAsync(id, cancellationToken).ConfigureAwait(false) ??
            throw new ConversationNotFoundException(id);
        (ConversationHeader header, ReadOnlyMemory<byte> state) = ConversationState.Read(bytes);
        if (header.Template != template.Name)
        {
            throw new MambaStateMismatchException(
                MambaErrorCode.Mismatch,
                $"The conversation '{id}' was held with the chat template '{header.Template}', and the model now has '{template.Name}'.");
        }

        return new LoadedConversation(header, model.Backend.LoadSession(state.Span));
    }

    /// <summary>Keeps a state.</summary>
    /// <returns>Its id.</returns>
    public async Task<string> SaveAsync(
        ConversationHeader header, IReadOnlyList<OpenToolCall> openToolCalls, IBackendSession state, CancellationToken cancellationToken)
    {
        string id = ConversationId.Create();
        ConversationHeader complete = header with { TokenCount = state.Info.TokenCount, OpenToolCalls = openToolCalls };
        byte[] bytes = ConversationState.Write(complete, state.SavedBytes, out Span<byte> place);
        state.Save(place);
        await store.SaveAsync(id, bytes, cancellationToken).ConfigureAwait(false);
        return id;
    }
}
