using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using MambaConnector.Chat;
using MambaConnector.ChatClient;
using MambaConnector.Generation;
using MambaConnector.Scheduling;
using MambaConnector.Telemetry;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;

namespace MambaConnector;

/// <summary>A Mamba model as an <see cref="IChatClient"/>: conversations in states of constant size, and any number of callers in one batch.</summary>
/// <remarks>Thread-safe. It changes no messages and no options that it is given. A request that fails or is cancelled changes nothing: no conversation,
/// no other request. docs/chat-client.md says what every option does here.
/// <para>Without a conversation id every request brings all its messages; those that were read before, up to any border between messages, are found in
/// a state that is kept (<see cref="MambaChatClientOptions.PrefixCacheBytes"/>) and not read again:
/// <see cref="UsageDetails.CachedInputTokenCount"/> says how many tokens that saved. With one
/// (<see cref="NewConversation"/>, then the <see cref="ChatResponse.ConversationId"/> of any earlier response), a request brings only what is new.
/// Every response has an id of its own, and an old one stays valid: to go on from it again is a fork, or a second try.</para></remarks>
public sealed class MambaChatClient : IChatClient, IAsyncDisposable
{
    /// <summary>The value of <see cref="ChatOptions.ConversationId"/> that begins a conversation which is kept.</summary>
    public const string NewConversation = "new";

    /// <summary>The additional property of a response with the last <see cref="CollapseReport"/> on its state, where
    /// <see cref="MambaChatClientOptions.CollapseMonitor"/> watches it and it came past a place to measure.</summary>
    public const string StateHealth = "mamba.state_health";

    private readonly MambaModel _model;
    private readonly MambaChatClientOptions _options;
    private readonly LongContextPolicy _policy;
    private readonly ChatTemplate _template;
    private readonly ChatClientMetadata _metadata;
    private readonly IConversationStore _store;
    private readonly ConversationKeeper _conversations;
    private readonly PrefixCache _cache;
    private readonly KnownReplies _replies = new();
    private readonly PromptPreparer _preparer;
    private readonly ChatTelemetry _telemetry;
    private readonly Scheduler _scheduler;
    private volatile bool _isDisposed;

    /// <summary>Creates a client.</summary>
    /// <param name="model">A model with a tokenizer and a chat template. The caller's: it is not disposed with the client.</param>
    /// <param name="options">How requests are served.</param>
    /// <param name="conversations">Where conversations are kept; null: in memory, up to 1 GiB. The caller's.</param>
    /// <param name="loggerFactory">Receives logs; null: none.</param>
    /// <param name="meterFactory">Makes the meter; null: one of the client's own.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    /// <exception cref="ArgumentException">The long-context policy does not fit the model.</exception>
    /// <exception cref="NotSupportedException">The model runs on a device, and the options, or the model's, have a
    /// <see cref="DifferenceWindowPolicy"/>.</exception>
    /// <exception cref="MambaFormatException">The model has no tokenizer or no chat template, or one that is not known.</exception>
    public MambaChatClient(
        MambaModel model, MambaChatClientOptions? options = null, IConversationStore? conversations = null, ILoggerFactory? loggerFactory = null,
        IMeterFactory? meterFactory = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        _ = model.Tokenizer;
        _model = model;
        _options = (options ?? new MambaChatClientOptions()).Copy();
        _options.Check();
        _template = model.RequireChatTemplate();
        LongContextPolicy policy = _policy = _options.LongContextPolicy ?? model.Policy;
        model.RequireSupport(policy.ForPrompt(long.MaxValue).Resolve(model.Info)); // of a token filter's table any thresholds: all are of one shape
        _metadata = new ChatClientMetadata(GenAi.Mamba, defaultModelId: _options.ModelId ?? model.Name);
        _store = conversations ?? new MemoryConversationStore();
        _conversations = new ConversationKeeper(model, _template, _store);
        _cache = new PrefixCache(_options.PrefixCacheBytes);
        _preparer = new PromptPreparer(model, _template, _cache, _replies, _conversations, policy, _options.MaxInputTokens);
        if (_options.CollapseMonitor is { } collapse)
        {
            // Finds options that do not fit the model now and not at the first request.
            using CollapseMonitor trial = new(model, collapse);
        }

        _telemetry = new ChatTelemetry(ModelId, _options.EnableSensitiveData, loggerFactory, meterFactory);
        if (policy == LongContextPolicy.None && StateCapacity.Of(model.Info).Warning is string warning)
        {
            ChatLog.TrainedTooShort(_telemetry.Logger, ModelId, warning);
        }

        _telemetry.CacheSize(() => _cache.Bytes, () => _cache.Count);
        _scheduler = new Scheduler(model, _options, new SchedulerTelemetry(_telemetry));
    }

    private string ModelId => _metadata.DefaultModelId!;

    /// <inheritdoc/>
    /// <exception cref="ArgumentNullException"><paramref name="messages"/> is null.</exception>
    /// <exception cref="ArgumentException">A message or an option asks for what the client cannot do; the message names it.</exception>
    /// <exception cref="ConversationNotFoundException">The conversation to continue is not kept.</exception>
    /// <exception cref="MambaBusyException">As many requests wait as may.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The client is disposed.</exception>
    public Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default) =>
        WholeAsync(GetStreamingResponseAsync(messages, options, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    /// <returns>The reply as it is made: updates with text or with whole function calls, and a last one with the
    /// <see cref="ChatResponseUpdate.FinishReason"/> and the <see cref="UsageContent"/>. Leaving the enumeration before its end cancels the
    /// request.</returns>
    /// <inheritdoc cref="GetResponseAsync" path="/exception"/>
    public IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        return ObserveAsync([.. messages], options, cancellationToken);
    }

    /// <inheritdoc/>
    object? IChatClient.GetService(Type serviceType, object? serviceKey)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null
            : serviceType == typeof(ChatClientMetadata) ? _metadata
            : serviceType == typeof(MambaModel) ? _model
            : serviceType == typeof(MambaTokenizer) ? _model.Tokenizer
            : serviceType == typeof(ChatTemplate) ? _template
            : serviceType == typeof(LongContextPolicy) ? _policy
            : serviceType == typeof(CollapseMonitorOptions) ? _options.CollapseMonitor
            : serviceType == typeof(IConversationStore) ? _store
            : serviceType.IsInstanceOfType(this) ? this
            : null;
    }

    /// <summary>Ends requests under way with an <see cref="ObjectDisposedException"/> and frees what the client holds. Model and conversation store are
    /// the caller's.</summary>
    public void Dispose()
    {
        _isDisposed = true;
        _scheduler.Dispose();
        _cache.Dispose();
        _telemetry.Dispose();
    }

    /// <inheritdoc cref="Dispose"/>
    public async ValueTask DisposeAsync()
    {
        _isDisposed = true;
        await _scheduler.DisposeAsync().ConfigureAwait(false);
        _cache.Dispose();
        _telemetry.Dispose();
    }

    private static async Task<ChatResponse> WholeAsync(IAsyncEnumerable<ChatResponseUpdate> updates, CancellationToken cancellationToken)
    {
        List<ChatResponseUpdate> all = [];
        await foreach (ChatResponseUpdate update in updates.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            all.Add(update);
        }

        // Properties of updates are properties of messages; this one is the response's.
        ChatResponse response = all.ToChatResponse();
        if (all[^1].AdditionalProperties?.TryGetValue(StateHealth, out object? health) is true)
        {
            (response.AdditionalProperties ??= [])[StateHealth] = health;
        }

        return response;
    }

    // A wrapper of its own, because an iterator cannot yield where it catches.
    private async IAsyncEnumerable<ChatResponseUpdate> ObserveAsync(
        IReadOnlyList<ChatMessage> messages, ChatOptions? options, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ReplyIdentity identity = new(ModelId);
        using RequestTelemetry telemetry = _telemetry.Start(messages, options, identity.ResponseId);
        await using IAsyncEnumerator<ChatResponseUpdate> updates =
            ReplyAsync(messages, options, identity, telemetry, cancellationToken).GetAsyncEnumerator(cancellationToken);
        while (true)
        {
            try
            {
                if (!await updates.MoveNextAsync().ConfigureAwait(false))
                {
                    yield break;
                }
            }
            catch (Exception exception)
            {
                telemetry.Failed(exception);
                throw;
            }

            yield return updates.Current;
            telemetry.Resume();
        }
    }

    private async IAsyncEnumerable<ChatResponseUpdate> ReplyAsync(
        IReadOnlyList<ChatMessage> messages, ChatOptions? options, ReplyIdentity identity, RequestTelemetry telemetry,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        ChatRequest request = RequestReader.Read(messages, options, this, _options, ModelId);
        telemetry.Ignored(OptionsReader.Unknown(options));
        GenerationPlan plan = GenerationPlan.Create(_model, _template.EndReplies(_model, request.Generation));
        ReplyForm form = ReplyForm.Create(request, _template, _model.Tokenizer, plan);
        plan = plan with { ShownTokens = form.ShownTokens };

        // Rendering a long history and copying states take milliseconds, which are not the caller's.
        PreparedPrompt prompt = await Task.Run(() => _preparer.PrepareAsync(request, cancellationToken), cancellationToken).ConfigureAwait(false);
        _telemetry.CacheLookup((int)Math.Min(prompt.CachedCount, int.MaxValue), (int)Math.Min(prompt.InputCount, int.MaxValue));
        CollapseMonitor? monitor = CreateMonitor(identity.ResponseId);
        Sequence sequence = Submit(request, prompt, plan, form, monitor, cancellationToken);

        ReplyBuilder reply = new(form.Parser, _model.Tokenizer.AddsLeadingSpace);
        await foreach (GeneratedToken token in sequence.ConfigureAwait(false))
        {
            telemetry.FirstToken();
            if (reply.Add(token) is { Count: > 0 } contents)
            {
                yield return identity.Update(contents);
            }
        }

        // The state is in good hands before anything else is handed out: the caller may leave at any update.
        List<AIContent> rest = reply.End();
        SequenceResult result = await sequence.Completion.ConfigureAwait(false);
        string? conversationId = await KeepAsync(request, prompt, result, reply, cancellationToken).ConfigureAwait(false);
        if (rest.Count > 0)
        {
            yield return identity.Update(rest);
        }

        UsageDetails usage = new()
        {
            InputTokenCount = prompt.InputCount,
            CachedInputTokenCount = prompt.CachedCount,
            OutputTokenCount = reply.TokenCount,
            TotalTokenCount = prompt.InputCount + reply.TokenCount,
        };
        ChatFinishReason reason = reply.ToolCalls.Count > 0 ? ChatFinishReason.ToolCalls
            : result.FinishReason == FinishReason.Length ? ChatFinishReason.Length
            : ChatFinishReason.Stop;
        telemetry.Completed(usage, reason, reply.Message, conversationId, result.Decode);
        ChatResponseUpdate last = identity.Update(new UsageContent(usage));
        last.FinishReason = reason;
        last.ConversationId = conversationId;
        if (monitor?.Report is { } report)
        {
            last.AdditionalProperties = new AdditionalPropertiesDictionary { [StateHealth] = report };
        }

        yield return last;
    }

    private CollapseMonitor? CreateMonitor(string subject) => _options.CollapseMonitor is { } options
        ? new CollapseMonitor(_model, options, _telemetry.Collapse, subject)
        : null;

    private Sequence Submit(
        ChatRequest request, PreparedPrompt prompt, GenerationPlan plan, ReplyForm form, CollapseMonitor? monitor,
        CancellationToken cancellationToken) =>
        _scheduler.Submit(
            new SequenceRequest
            {
                State = prompt.State,
                Policy = prompt.Policy,
                Prompt = prompt.Unread,
                Context = prompt.Known.AsMemory(0, prompt.Covered),
                Plan = plan,
                Constraint = form.Constraint,
                Borders = [.. prompt.Borders.Select(border => border - prompt.Covered)],
                Monitor = monitor,
                OnBorder = (border, state) => _cache.Add(prompt.Known.AsSpan(0, prompt.Covered + border), prompt.Policy, state),
                KeepState = request.StoresConversation || (prompt.IsWhole && _cache.IsEnabled),
            },
            cancellationToken);

    /// <summary>Keeps the state after the reply for what the request says and for later ones.</summary>
    /// <returns>The id of the conversation, if it is one.</returns>
    private async Task<string?> KeepAsync(
        ChatRequest request, PreparedPrompt prompt, SequenceResult result, ReplyBuilder reply, CancellationToken cancellationToken)
    {
        if (result.State is not { } state)
        {
            return null;
        }

        bool isTaken = false;
        try
        {
            string? id = request.StoresConversation
                ? await _conversations.SaveAsync(prompt.Conversation, reply.ToolCalls, state, cancellationToken).ConfigureAwait(false)
                : null;
            if (prompt.IsWhole && _cache.IsEnabled)
            {
                MessageReader reader = new();
                reader.Add(reply.Message);
                int[] tokens = [.. result.KeptTokens];
                _replies.Add(prompt.Known, tokens, reader.Turns[0]);
                isTaken = true;
                _cache.Add([.. prompt.Known, .. tokens], prompt.Policy, state);
            }

            return id;
        }
        finally
        {
            if (!isTaken)
            {
                state.Dispose();
            }
        }
    }
}
