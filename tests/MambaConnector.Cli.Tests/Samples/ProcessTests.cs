using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;

namespace MambaConnector.Cli.Tests.Samples;

/// <summary>The programs as a shell starts them.</summary>
public sealed class ProcessTests
{
    [Fact]
    public async Task TheToolWritesOneDocumentAndNothingElse()
    {
        (int exitCode, byte[] output, string error) = await StartAsync("mamba.dll", "Grüße, 世界\n", "tokenize", "--file", "-", "--json");

        Assert.Equal("", error);
        Assert.Equal(0, exitCode);
        Assert.Equal((byte)'{', output[0]);
        Assert.NotEmpty(JsonNode.Parse(output)!["ids"]!.AsArray());
    }

    [Fact]
    public async Task TheToolFailsWithOneSentence()
    {
        (int exitCode, byte[] output, string error) = await StartAsync("mamba.dll", "", "inspect", "model", "--model", "no-such-model");

        Assert.Equal(1, exitCode);
        Assert.Empty(output);
        Assert.StartsWith("mamba: ", Assert.Single(error.TrimEnd().Split('\n')), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ChatConsoleAnswersWhatIsPipedIn()
    {
        (int exitCode, byte[] output, string error) = await StartAsync(
            "ChatConsole.dll", "Hello!\nI like cats.\n", "--temperature", "0", "--max-tokens", "8");

        Assert.DoesNotContain("ChatConsole:", error, StringComparison.Ordinal);
        Assert.Equal(0, exitCode);
        Assert.Equal(2, Encoding.UTF8.GetString(output).TrimEnd().Split('\n').Length);
    }

    private static async Task<(int ExitCode, byte[] Output, string Error)> StartAsync(string program, string input, params string[] arguments)
    {
        ProcessStartInfo start = new(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", [Path.Combine(AppContext.BaseDirectory, program), .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardInputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false),
        };
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        using MemoryStream output = new();
        await process.StandardOutput.BaseStream.CopyToAsync(output);
        await process.WaitForExitAsync();
        return (process.ExitCode, output.ToArray(), await error);
    }
}
