using System.Diagnostics;
using System.Globalization;
using MambaConnector.Models;
using Microsoft.Extensions.AI;

namespace MambaConnector.Conformance.Memory;

/// <summary>A part of a conversation, held in a process of its own.</summary>
internal static class ConversationProcess
{
    public const string Command = "talk";

    private static readonly string[] Messages = ["Hello! How are you?", "I like the sea. Do you?", "Tell me about ships.", "And then?"];

    /// <summary>Says the messages from one index to another.</summary>
    /// <returns>The replies, and the id to go on with.</returns>
    public static async Task<string[]> TalkAsync(IChatClient client, string conversationId, int from, int to)
    {
        List<string> said = [];
        for (int index = from; index < to; index++)
        {
            ChatResponse response = await client.GetResponseAsync(
                Messages[index], new ChatOptions { ConversationId = conversationId, Temperature = 0.9f, Seed = index, MaxOutputTokens = 24 });
            said.Add(response.Text.ReplaceLineEndings(" "));
            conversationId = response.ConversationId!;
        }

        return [.. said, conversationId];
    }

    /// <summary>Does that in another process.</summary>
    public static async Task<string[]> StartAsync(string directory, string conversationId, int from, int to)
    {
        string assembly = typeof(ConversationProcess).Assembly.Location;
        using Process process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!)
        {
            ArgumentList =
            {
                "exec", assembly, Command, directory, conversationId, from.ToString(CultureInfo.InvariantCulture), to.ToString(CultureInfo.InvariantCulture),
            },
            RedirectStandardOutput = true,
        })!;
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.Equal(0, process.ExitCode);
        return output.TrimEnd('\n').Split('\n');
    }

    /// <summary>What that process does.</summary>
    public static async Task RunAsync(string directory, string conversationId, string from, string to)
    {
        using MambaModel model = Mamba2Chat.Load();
        using MambaChatClient client = new(model, null, new DirectoryConversationStore(directory));
        string[] said = await TalkAsync(
            client, conversationId, int.Parse(from, CultureInfo.InvariantCulture), int.Parse(to, CultureInfo.InvariantCulture));
        Console.Out.Write(string.Join('\n', said) + '\n');
    }
}
