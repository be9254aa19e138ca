using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text;
using MambaConnector.Chat;
using MambaConnector.Io;

namespace MambaConnector;

/// <summary>A conversation with memory: each message reads only itself, however long the conversation is.</summary>
/// <remarks>Not thread-safe: one call at a time. A message that is cancelled or fails leaves the conversation as it was before it. Owns its
/// session and the states kept for <see cref="Undo"/>; the model is the caller's.</remarks>
public sealed class ChatSession : IDisposable
{
    private readonly MambaModel _model;
    private readonly ChatTemplate _template;
    private readonly ChatSessionOptions _options;
    private readonly List<ChatTurn> _turns = [];

    // States from before each message, with how many turns there were; the newest last.
    private readonly List<(MambaSession State, int TurnCount)> _undo = [];
    private MambaSession _session;
    private ReplyTiming _timing;

    /// <summary>Begins a conversation.</summary>
    /// <param name="model">A model with a tokenizer and a chat template.</param>
    /// <param name="options">How it behaves.</param>
    /// <exception cref="MambaFormatException">The model has no tokenizer or no chat template, or one that is not known.</exception>
    public ChatSession(MambaModel model, ChatSessionOptions? options = null)
        : this(model, options ?? new ChatSessionOptions(), null)
    {
    }

    private ChatSession(MambaModel model, ChatSessionOptions options, MambaSession? session)
    {
        ArgumentNullException.ThrowIfNull(model);
        _ = model.Tokenizer;
        _model = model;
        _options = options;
        _template = model.RequireChatTemplate();
        _session = session ?? model.CreateSession();
    }

    /// <summary>What was said so far.</summary>
    public IReadOnlyList<ChatTurn> Transcript => _turns;

    /// <summary>Whether there is a message that <see cref="Undo"/> can take back.</summary>
    public bool CanUndo => _undo.Count > 0;

    /// <summary>What the conversation holds and how fast its last message went.</summary>
    public ChatStatistics Statistics => new(
        _session.TokenCount, _session.StateBytes, _undo.Count, UndoBytes(), _timing.PromptTokens, _timing.ReplyTokens, _timing.First,
        _timing.PrefillRate, _timing.DecodeRate);

    /// <inheritdoc cref="MambaSession.Policy"/>
    public LongContextPolicy Policy
    {
        get => _session.Policy;
        set => _session.Policy = value;
    }

    /// <summary>Watches the conversation's state, as <see cref="MambaSession.Monitor"/> does. <see cref="Undo"/> takes it along and begins its measurements
    /// anew; forks and saved conversations have none. <see cref="CollapseAction.ResetAndReinject"/> leaves the transcript as it is.</summary>
    /// <inheritdoc cref="MambaSession.Monitor" path="/exception"/>
    public CollapseMonitor? Monitor
    {
        get => _session.Monitor;
        set => _session.Monitor = value;
    }

    /// <summary>Says something and streams the reply.</summary>
    /// <param name="message">The message: plain text, whatever it looks like.</param>
    /// <param name="options">How to generate the reply; null: as the conversation's options say.</param>
    /// <param name="cancellationToken">Ends the reply; the conversation is as before then.</param>
    /// <returns>Pieces of the reply. Leaving the enumeration before its end takes the message back.</returns>
    public IAsyncEnumerable<string> SendAsync(
        string message, GenerationOptions? options = null, CancellationToken cancellationToken = default) =>
        TextOf(SendTokensAsync(message, options, cancellationToken));

    /// <summary>Says something and streams the reply token by token.</summary>
    /// <inheritdoc cref="SendAsync"/>
    public IAsyncEnumerable<GeneratedToken> SendTokensAsync(
        string message, GenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(message);
        return RunAsync(new ChatTurn(ChatRoles.User, message), options ?? _options.Generation ?? new GenerationOptions(), cancellationToken);
    }

    /// <summary>Takes back the last message and its reply. The policy stays what it is now.</summary>
    /// <returns>The message that was taken back.</returns>
    /// <exception cref="InvalidOperationException">There is none, or its state is no longer kept
    /// (<see cref="ChatSessionOptions.UndoBytes"/>).</exception>
    public ChatTurn Undo()
    {
        if (_undo.Count == 0)
        {
            throw new InvalidOperationException(
                _turns.Count == 0
                    ? "There is no message to take back."
                    : "The states of earlier messages are no longer kept; ChatSessionOptions.UndoBytes limits them.");
        }

        (MambaSession state, int turnCount) = _undo[^1];
        state.Policy = Policy;
        ChatTurn message = _turns.Skip(turnCount).First(turn => turn.Role == ChatRoles.User);
        _undo.RemoveAt(_undo.Count - 1);
        _turns.RemoveRange(turnCount, _turns.Count - turnCount);
        CollapseMonitor? monitor = Monitor;
        _session.Dispose();
        _session = state;
        Monitor = monitor;
        return message;
    }

    /// <summary>A second conversation with the same past. Both go on independently; the fork cannot undo what came before it.</summary>
    public ChatSession Fork()
    {
        ChatSession fork = new(_model, _options, _session.Fork());
        fork._turns.AddRange(_turns);
        return fork;
    }

    /// <summary>Forgets everything and begins again.</summary>
    public void Reset()
    {
        _session.Reset();
        _turns.Clear();
        ClearUndo();
        _timing = default;
    }

    /// <summary>Saves the conversation: transcript and state. The file appears whole or not at all.</summary>
    /// <param name="path">The file; replaced if it exists.</param>
    /// <exception cref="IOException">Writing failed; the file is as before.</exception>
    public void Save(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        AtomicFile.Write(path, Save);
    }

    /// <summary>Saves the conversation: transcript and state.</summary>
    /// <param name="stream">Receives it at its position.</param>
    public void Save(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ChatFile.Write(stream, new ChatTranscript(_template.Name, _turns), _session.SaveState());
    }

    /// <summary>Continues a saved conversation.</summary>
    /// <param name="model">The model that it was held with.</param>
    /// <param name="path">What <see cref="Save(string)"/> wrote.</param>
    /// <param name="options">How it behaves; its system prompt was read before and is not read again.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <inheritdoc cref="Load(MambaModel, Stream, ChatSessionOptions?)" path="/exception"/>
    public static ChatSession Load(MambaModel model, string path, ChatSessionOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using FileStream stream = File.OpenRead(path);
        return Load(model, stream, options);
    }

    /// <summary>Continues a saved conversation.</summary>
    /// <param name="model">The model that it was held with.</param>
    /// <param name="stream">Read to its end.</param>
    /// <param name="options">How it behaves; its system prompt was read before and is not read again.</param>
    /// <exception cref="MambaFormatException">It is no saved conversation, or damaged.</exception>
    /// <exception cref="MambaStateMismatchException">It was held with another model or another chat template.</exception>
    public static ChatSession Load(MambaModel model, Stream stream, ChatSessionOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(stream);
        (ChatTranscript transcript, ReadOnlyMemory<byte> state) = ChatFile.Read(stream);
        MambaSession session = model.LoadSession(state.Span);
        try
        {
            ChatSession chat = new(model, options ?? new ChatSessionOptions(), session);
            if (chat._template.Name != transcript.Template)
            {
                throw new MambaStateMismatchException(
                    MambaErrorCode.Mismatch,
                    $"The conversation was held with the chat template '{transcript.Template}', and the model now has " +
                    $"'{chat._template.Name}'.");
            }

            chat._turns.AddRange(transcript.Turns);
            return chat;
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <summary>Frees the states.</summary>
    public void Dispose()
    {
        _session.Dispose();
        ClearUndo();
    }

    private static async IAsyncEnumerable<string> TextOf(IAsyncEnumerable<GeneratedToken> tokens)
    {
        await foreach (GeneratedToken token in tokens.ConfigureAwait(false))
        {
            if (token.Text.Length > 0)
            {
                yield return token.Text;
            }
        }
    }

    private async IAsyncEnumerable<GeneratedToken> RunAsync(
        ChatTurn message, GenerationOptions options, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        List<ChatTurn> turns = _turns.Count == 0 && _options.SystemPrompt is string system
            ? [new ChatTurn(ChatRoles.System, system), message]
            : [message];
        int[] prompt = _turns.Count == 0
            ? _template.Render(_model.Tokenizer, turns, addGenerationPrompt: true)
            : _template.RenderContinuation(_model.Tokenizer, turns, addGenerationPrompt: true);
        MambaSession? before = null;
        bool hasText = false;
        StringBuilder reply = new();
        ReplyTiming timing = new(prompt.Length, 0, default, default);
        await using IAsyncEnumerator<GeneratedToken> tokens =
            _session.GenerateAsync(prompt, _template.EndReplies(_model, options), state => before = state, cancellationToken).GetAsyncEnumerator(cancellationToken);
        long started = Stopwatch.GetTimestamp();
        while (await tokens.MoveNextAsync().ConfigureAwait(false))
        {
            timing = timing.Add(Stopwatch.GetElapsedTime(started));
            GeneratedToken token = hasText ? tokens.Current : WithoutLeadingSpace(tokens.Current);
            hasText |= tokens.Current.Text.Length > 0;
            reply.Append(token.Text);
            if (before is not null)
            {
                Commit(before, [.. turns, new ChatTurn(ChatRoles.Assistant, reply.ToString())], timing);
            }

            yield return token;
            started = Stopwatch.GetTimestamp();
        }
    }

    // The space that a SentencePiece vocabulary has before every text is none that the model said.
    private GeneratedToken WithoutLeadingSpace(GeneratedToken token) =>
        _model.Tokenizer.AddsLeadingSpace && token.Text.StartsWith(' ') ? token with { Text = token.Text[1..] } : token;

    private void Commit(MambaSession before, IReadOnlyList<ChatTurn> turns, ReplyTiming timing)
    {
        _undo.Add((before, _turns.Count));
        _turns.AddRange(turns);
        _timing = timing;
        while (_undo.Count > 1 && UndoBytes() > _options.UndoBytes)
        {
            _undo[0].State.Dispose();
            _undo.RemoveAt(0);
        }
    }

    private long UndoBytes() => _undo.Sum(entry => entry.State.StateBytes);

    private void ClearUndo()
    {
        foreach ((MambaSession state, _) in _undo)
        {
            state.Dispose();
        }

        _undo.Clear();
    }
}
