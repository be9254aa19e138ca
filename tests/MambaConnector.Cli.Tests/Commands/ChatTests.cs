using System.Text.Json.Nodes;

namespace MambaConnector.Cli.Tests.Commands;

public sealed class ChatTests
{
    private static readonly string[] _chat = ["chat", "--temperature", "0", "--max-tokens", "12"];

    [Fact]
    public async Task OneReplyIsOneDocument()
    {
        JsonObject reply = await ToolRun.JsonAsync([.. _chat, "--prompt", "Hello!"]);

        Assert.Equal(["tokens", "text", "finish_reason", "token_count"], reply.Select(entry => entry.Key));
        Assert.NotEqual("", (string)reply["text"]!);
        Assert.True((int)reply["token_count"]! > reply["tokens"]!.AsArray().Count);
    }

    [Fact]
    public async Task EachLineOfTheInputIsAMessageAndTheConversationRemembers()
    {
        using TemporaryFolder folder = new();
        string[] session = ["--session", folder.File("talk")];

        ToolRun piped = await ToolRun.WithInputAsync("Hello!\n\nI like cats.\n", _chat);
        ToolRun first = await ToolRun.RunAsync([.. _chat, .. session, "--prompt", "Hello!"]);
        ToolRun second = await ToolRun.RunAsync([.. _chat, .. session, "--prompt", "I like cats."]);

        Assert.Equal(0, piped.ExitCode);
        Assert.Equal(first.Output + second.Output, piped.Output);
        Assert.Equal("", piped.Error);
        Assert.Equal(["talk"], folder.Names);
    }

    [Fact]
    public async Task ASystemPromptIsReadFirst()
    {
        JsonObject without = await ToolRun.JsonAsync([.. _chat, "--prompt", "Hello!"]);
        JsonObject with = await ToolRun.JsonAsync([.. _chat, "--prompt", "Hello!", "--system", "You are a pirate."]);

        int Prompt(JsonObject reply) => (int)reply["token_count"]! - reply["tokens"]!.AsArray().Count;
        Assert.True(Prompt(with) > Prompt(without));
    }

    [Fact]
    public async Task AModelWithoutATemplateIsRefused() =>
        (await ToolRun.RunAsync("chat", "--model", TestFiles.Model("mamba2"), "--prompt", "Hello!")).AssertFailed(1, "checkpoint");

    [Theory]
    [InlineData("--json needs --prompt", "chat", "--json")]
    public async Task BadUsageIsRefused(string message, params string[] arguments) => (await ToolRun.RunAsync(arguments)).AssertFailed(2, message);
}
