using System.Text.Json.Nodes;

namespace MambaConnector.Cli.Tests;

/// <summary>What one run of the tool left behind.</summary>
/// <param name="ExitCode">0, 1 or 2.</param>
/// <param name="Output">Standard output.</param>
/// <param name="Error">Standard error.</param>
internal sealed record ToolRun(int ExitCode, string Output, string Error)
{
    /// <summary>Runs the tool's entry point with these arguments.</summary>
    public static Task<ToolRun> RunAsync(params string[] arguments) => WithInputAsync("", arguments);

    /// <summary>The same, with text on standard input.</summary>
    public static async Task<ToolRun> WithInputAsync(string input, params string[] arguments)
    {
        using StringWriter output = new();
        using StringWriter error = new();
        ToolConsole console = new(new StringReader(input), output, error, IsInputTerminal: false, IsErrorTerminal: false);
        int exitCode = await Tool.RunAsync(arguments, console);
        return new ToolRun(exitCode, output.ToString(), error.ToString());
    }

    /// <summary>Runs the tool with <c>--json</c> and reads its document; it must have succeeded and written nothing else.</summary>
    public static async Task<JsonObject> JsonAsync(params string[] arguments)
    {
        ToolRun run = await RunAsync([.. arguments, "--json"]);
        Assert.Equal("", run.Error);
        Assert.Equal(0, run.ExitCode);
        return JsonNode.Parse(run.Output)!.AsObject();
    }

    /// <summary>Asserts that the run failed with this code and one sentence that holds the text.</summary>
    public void AssertFailed(int exitCode, string text)
    {
        Assert.Equal(exitCode, ExitCode);
        Assert.Equal("", Output);
        Assert.Contains(text, Error, StringComparison.Ordinal);
        Assert.StartsWith("mamba: ", Error, StringComparison.Ordinal);
        Assert.Single(Error.TrimEnd('\n', '\r').Split('\n'));
    }
}
