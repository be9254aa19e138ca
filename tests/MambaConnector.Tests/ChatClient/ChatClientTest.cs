using MambaConnector.Tests.Support;
using Microsoft.Extensions.AI;

namespace MambaConnector.Tests.ChatClient;

/// <summary>What tests of the chat client share: a scripted model that holds ChatML conversations.</summary>
public abstract class ChatClientTest
{
    internal static MambaChatClient Create(
        ScriptedBackend backend, MambaChatClientOptions? options = null, IConversationStore? conversations = null, ChatTemplate? template = null,
        MambaModelOptions? modelOptions = null)
    {
        options ??= new MambaChatClientOptions();
        options.Generation = new GenerationOptions { Temperature = 0 }.Or(options.Generation);
        return new MambaChatClient(TestModel.Create(backend, template ?? ChatTemplate.ChatMl, modelOptions), options, conversations);
    }

    /// <summary>The tokens that the model read for a request, as text.</summary>
    internal static async Task<string> ReadsAsync(ScriptedBackend backend, Func<Task> request)
    {
        List<int> read = [];
        backend.Evaluating = tokens =>
        {
            lock (read)
            {
                read.AddRange(tokens);
            }
        };
        await request();
        backend.Evaluating = null;
        return ConversationBackend.Text(read);
    }

    protected static ChatMessage User(string text) => new(ChatRole.User, text);

    protected static ChatMessage Assistant(string text) => new(ChatRole.Assistant, text);

    protected static ChatMessage System(string text) => new(ChatRole.System, text);
}
