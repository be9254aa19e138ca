using ChatConsole;

namespace MambaConnector.Cli.Tests.Samples;

public sealed class ChatConsoleTests
{
    private static readonly string[] _greedy = ["--temperature", "0", "--max-tokens", "12"];

    [Fact]
    public async Task APromptGetsPlainText()
    {
        (int exitCode, string output, string error) = await RunAsync("", [.. _greedy, "--prompt", "Hello!"]);

        Assert.Equal(0, exitCode);
        Assert.NotEqual("", output.Trim());
        Assert.DoesNotContain('\u001b', output);
        Assert.DoesNotContain("ChatConsole:", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task EachLineOfTheInputIsAMessage()
    {
        (int exitCode, string output, _) = await RunAsync("Hello!\nI like cats.\n/quit\nnever said\n", _greedy);

        Assert.Equal(0, exitCode);
        Assert.Equal(2, Replies(output).Length);
    }

    [Fact]
    public async Task UndoTakesAMessageBack()
    {
        (int exitCode, string output, string error) = await RunAsync("Hello!\nI like cats.\n/undo\nI like cats.\n", _greedy);

        string[] replies = Replies(output);
        Assert.Equal(0, exitCode);
        Assert.Equal(3, replies.Length);
        Assert.Equal(replies[1], replies[2]);
        Assert.Contains("Taken back: I like cats.", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task NewBeginsAgain()
    {
        (_, string output, _) = await RunAsync("Hello!\nI like cats.\n/new\nHello!\n", _greedy);

        string[] replies = Replies(output);
        Assert.Equal(replies[0], replies[2]);
    }

    [Fact]
    public async Task SaveAndLoadContinueTheConversation()
    {
        using TemporaryFolder folder = new();
        string file = folder.File("talk.mamba");

        (_, string before, string saved) = await RunAsync($"Hello!\n/save {file}\nI like cats.\n", _greedy);
        (int exitCode, string after, _) = await RunAsync($"/load {file}\nI like cats.\n/stats\n", _greedy);

        Assert.Equal(0, exitCode);
        Assert.Equal(Replies(before)[1], Assert.Single(Replies(after)));
        Assert.Contains("Saved to", saved, StringComparison.Ordinal);
        Assert.Equal(["talk.mamba"], folder.Names);
    }

    [Fact]
    public async Task ForksGoOnIndependently()
    {
        (int exitCode, string output, string error) =
            await RunAsync("Hello!\n/fork\nI like dogs.\n/branch 1\nI like cats.\n/branch 2\n/stats\n", _greedy);
        (_, string straight, _) = await RunAsync("Hello!\nI like cats.\n", _greedy);

        Assert.Equal(0, exitCode);
        Assert.Equal(Replies(straight)[1], Replies(output)[2]);
        Assert.Contains("* 2  I like dogs.", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task StatsTellWhatIsHeld()
    {
        (_, _, string error) = await RunAsync("Hello!\n/stats\n", _greedy);

        Assert.Contains("tokens held", error, StringComparison.Ordinal);
        Assert.Contains("11,059,200 bytes, at any length", error, StringComparison.Ordinal);
        Assert.Contains("tokens/s", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task APolicyIsShownAndSet()
    {
        (int exitCode, _, string error) = await RunAsync("/policy\n/policy auto\nHello!\n/new\n/policy\n", _greedy);

        Assert.Equal(0, exitCode);
        Assert.Contains("The policy is none.", error, StringComparison.Ordinal);
        Assert.Equal(3, error.Split("The policy is window:4096.").Length);
    }

    [Theory]
    [InlineData("/policy sometimes", "'sometimes' is no long-context policy")]
    [InlineData("/undo", "There is no message to take back.")]
    [InlineData("/dance", "There is no command /dance")]
    [InlineData("/save", "/save needs a file")]
    [InlineData("/load no-such-file", "no-such-file")]
    [InlineData("/branch 2", "There is no conversation 2")]
    public async Task ACommandThatFailsSaysSoAndTheConversationGoesOn(string command, string message)
    {
        (int exitCode, string output, string error) = await RunAsync($"{command}\nHello!\n", _greedy);

        Assert.Equal(1, exitCode);
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.Single(Replies(output));
    }

    [Fact]
    public async Task AMissingModelIsOneSentence()
    {
        (int exitCode, string output, string error) = await RunAsync("", "--model", "no-such-model.gguf", "--prompt", "Hello!");

        Assert.Equal(1, exitCode);
        Assert.Equal("", output);
        Assert.Contains("no-such-model.gguf", Assert.Single(error.TrimEnd().Split('\n')), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--volume", "11")]
    [InlineData("--max-tokens", "0")]
    [InlineData("--temperature", "-1")]
    public async Task BadUsageHasItsOwnExitCode(string option, string value)
    {
        (int exitCode, string output, string error) = await RunAsync("Hello!", option, value);

        Assert.Equal(2, exitCode);
        Assert.Equal("", output);
        Assert.Contains(option, error, StringComparison.Ordinal);
    }

    private static string[] Replies(string output) => output.TrimEnd('\n', '\r').Split(Environment.NewLine);

    private static async Task<(int ExitCode, string Output, string Error)> RunAsync(string input, params string[] arguments)
    {
        using StringWriter output = new();
        using StringWriter error = new();
        int exitCode = await ChatProgram.RunAsync(arguments, new StringReader(input), output, error, isTerminal: false);
        return (exitCode, output.ToString(), error.ToString());
    }
}
