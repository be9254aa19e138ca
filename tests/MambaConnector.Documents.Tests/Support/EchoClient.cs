using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;

namespace MambaConnector.Documents.Tests.Support;

/// <summary>A chat client that answers by a rule and remembers what it was asked.</summary>
/// <param name="answer">The answer to a message.</param>
internal sealed class EchoClient(Func<string, string> answer) : IChatClient
{
    /// <summary>The messages that it was sent.</summary>
    public List<string> Messages { get; } = [];

    /// <summary>The options that came with them.</summary>
    public List<ChatOptions?> Options { get; } = [];

    /// <summary>What it says of its model.</summary>
    public string? ModelId { get; init; } = "echo";

    /// <summary>Where it says that its model is.</summary>
    public Uri? Address { get; init; }

    /// <summary>The model that it says is behind it.</summary>
    public MambaModel? Model { get; init; }

    /// <summary>Why its answers end.</summary>
    public ChatFinishReason FinishReason { get; init; } = ChatFinishReason.Stop;

    public async Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default) =>
        await GetStreamingResponseAsync(messages, options, cancellationToken).ToChatResponseAsync(cancellationToken);

    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await Task.CompletedTask;
        cancellationToken.ThrowIfCancellationRequested();
        string message = messages.Single().Text;
        Messages.Add(message);
        Options.Add(options);
        string text = answer(message);
        yield return new ChatResponseUpdate(ChatRole.Assistant, text[..(text.Length / 2)]);
        cancellationToken.ThrowIfCancellationRequested();
        yield return new ChatResponseUpdate(ChatRole.Assistant, text[(text.Length / 2)..]) { FinishReason = FinishReason };
    }

    public object? GetService(Type serviceType, object? serviceKey = null) =>
        serviceType == typeof(ChatClientMetadata) ? new ChatClientMetadata("test", Address, ModelId)
        : serviceType == typeof(MambaModel) ? Model
        : null;

    public void Dispose()
    {
    }
}
