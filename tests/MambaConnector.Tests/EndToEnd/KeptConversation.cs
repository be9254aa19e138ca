using MambaConnector.Tests.Support;
using Microsoft.Extensions.AI;

namespace MambaConnector.Tests.EndToEnd;

/// <summary>A conversation on the native engine that a process of its own can go on with.</summary>
internal static class KeptConversation
{
    public const string Command = "continue-conversation";

    /// <summary>The same random weights in every process.</summary>
    public static MambaModel CreateModel() => TestModel.Create(
        MambaModel.CreateRandom(
            new MambaShape
            {
                Architecture = MambaArchitecture.Mamba2,
                LayerCount = 2,
                DModel = 32,
                DState = 16,
                HeadDim = 16,
                VocabSize = TestTokenizer.VocabSize,
                WeightType = MambaWeightType.F32,
                Seed = 3,
            },
            new MambaModelOptions { ThreadCount = 1 }).Backend,
        ChatTemplate.ChatMl);

    public static ChatOptions Options(string? conversationId) =>
        new() { ConversationId = conversationId, Temperature = 1, Seed = 5, MaxOutputTokens = 60 };

    /// <summary>The next reply, made in another process.</summary>
    public static Task<string> ContinueAsync(string directory, string conversationId, string message) =>
        OwnProcess.RunAsync(Command, directory, conversationId, message);

    /// <summary>What that process does.</summary>
    public static async Task RunAsync(string directory, string conversationId, string message)
    {
        using MambaModel model = CreateModel();
        await using MambaChatClient client = new(model, conversations: new DirectoryConversationStore(directory));
        ChatResponse response = await client.GetResponseAsync(message, Options(conversationId));
        await using Stream output = Console.OpenStandardOutput();
        await output.WriteAsync(System.Text.Encoding.UTF8.GetBytes(response.Text));
    }
}
