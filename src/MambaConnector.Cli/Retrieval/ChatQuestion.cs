using Microsoft.Extensions.AI;

namespace MambaConnector.Cli.Retrieval;

/// <summary>Puts text before a chat client and asks about it, as one does with a model whose prompts have a greatest length.</summary>
/// <param name="client">The client.</param>
/// <param name="introduction">What the user says before the text.</param>
/// <param name="options">How the answer is written.</param>
internal sealed class ChatQuestion(IChatClient client, string introduction, ChatOptions options)
{
    /// <summary>The answer.</summary>
    public async Task<string> AskAsync(string text, string question, CancellationToken cancellationToken)
    {
        ChatMessage message = new(ChatRole.User, $"{introduction}\n\n{text}{question}");
        ChatResponse response = await client.GetResponseAsync([message], options, cancellationToken);
        return response.Text.Trim();
    }
}
