using MambaConnector.Chat;
using Microsoft.Extensions.AI;

namespace MambaConnector.ChatClient;

/// <summary>Turns a request into tokens, and finds the state that already holds most of them.</summary>
/// <param name="model">The model.</param>
/// <param name="template">How messages become tokens.</param>
/// <param name="cache">States after beginnings of prompts.</param>
/// <param name="replies">Tokens of replies in prompts.</param>
/// <param name="conversations">States of conversations that were kept.</param>
/// <param name="defaultPolicy">The long-context policy of new conversations whose request names none.</param>
/// <param name="maxInputTokens">The length that a prompt may have; null: any.</param>
internal sealed class PromptPreparer(
    MambaModel model, ChatTemplate template, PrefixCache cache, KnownReplies replies, ConversationKeeper conversations,
    LongContextPolicy defaultPolicy, int? maxInputTokens)
{
    /// <exception cref="ConversationNotFoundException">The conversation to continue is not kept.</exception>
    /// <exception cref="ArgumentException">The messages do not fit the template, or are too many.</exception>
    public async Task<PreparedPrompt> PrepareAsync(ChatRequest request, CancellationToken cancellationToken) =>
        request.ConversationId is null
            ? Begin(request)
            : Continue(request, await conversations.LoadAsync(request.ConversationId, cancellationToken).ConfigureAwait(false));

    private PreparedPrompt Begin(ChatRequest request)
    {
        IReadOnlyList<ChatTurn> turns = Turns(request, request.Instructions, new MessageReader());
        if (turns.Count == 0)
        {
            throw new ArgumentException("The request has no messages: there is nothing to reply to.");
        }

        RenderedPrompt prompt = template.Render(model.Tokenizer, turns, request.Tools, cache.IsEnabled ? replies.ForOnePrompt() : null);
        CheckLength(prompt.Tokens.Length);
        LongContextPolicy policy = (request.Policy ?? defaultPolicy).ForPrompt(prompt.Tokens.Length).Resolve(model.Info);
        PrefixMatch? match = cache.Find(prompt.Tokens, policy);
        int covered = match?.Length ?? 0;
        return new PreparedPrompt
        {
            State = match?.State,
            Policy = policy,
            CachedCount = covered,
            Known = prompt.Tokens,
            Covered = covered,
            Borders = cache.IsEnabled ? SnapshotBorders.Choose(prompt.Borders, prompt.Tokens.Length, covered) : [],
            IsWhole = true,
            Conversation = conversations.Describe(request, null),
        };
    }

    private PreparedPrompt Continue(ChatRequest request, LoadedConversation past)
    {
        try
        {
            ConversationHeader header = conversations.Describe(request, past.Header);
            bool isInstructedAnew = header.InstructionsHash != past.Header.InstructionsHash;
            bool hasNewTools = header.ToolsHash != past.Header.ToolsHash;
            MessageReader reader = new(past.Header.OpenToolCalls.Select(call => KeyValuePair.Create(call.Id, call.Name)));
            RenderedPrompt prompt = template.RenderContinuation(
                model.Tokenizer, Turns(request, isInstructedAnew ? request.Instructions : null, reader), hasNewTools ? request.Tools : []);
            long count = past.State.Info.TokenCount;
            CheckLength(count + prompt.Tokens.Length);
            LongContextPolicy? policy = request.Policy?.ForPrompt(count + prompt.Tokens.Length).Resolve(model.Info);
            if (policy is not null && policy != past.State.Info.Policy)
            {
                past.State.SetPolicy(policy);
            }

            return new PreparedPrompt
            {
                State = past.State,
                Policy = past.State.Info.Policy,
                CachedCount = count,
                Known = prompt.Tokens,
                Covered = 0,
                Borders = [],
                IsWhole = false,
                Conversation = header,
            };
        }
        catch
        {
            past.State.Dispose();
            throw;
        }
    }

    private static IReadOnlyList<ChatTurn> Turns(ChatRequest request, string? instructions, MessageReader reader)
    {
        if (instructions is not null)
        {
            reader.Add(new ChatMessage(ChatRole.System, instructions));
        }

        foreach (ChatMessage message in request.Messages)
        {
            reader.Add(message);
        }

        return reader.Turns;
    }

    private void CheckLength(long count)
    {
        if (count > maxInputTokens)
        {
            throw new ArgumentException(
                $"The prompt has {count} tokens, and MambaChatClientOptions.MaxInputTokens allows {maxInputTokens}. Send less, or raise the limit.");
        }
    }
}
