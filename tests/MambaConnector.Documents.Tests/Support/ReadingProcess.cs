using System.Diagnostics;

namespace MambaConnector.Documents.Tests.Support;

/// <summary>A process that reads a document, to be killed.</summary>
internal static class ReadingProcess
{
    public const string Command = "read";

    public static DocumentIndexOptions Options { get; } = new() { SectionTokens = 256 };

    public static Process Start(string document, string index) => Process.Start(new ProcessStartInfo(
        Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", [typeof(ReadingProcess).Assembly.Location, Command, document, index])
    {
        RedirectStandardOutput = true,
    })!;

    /// <summary>Reads, and says a line behind each section.</summary>
    public static async Task RunAsync(string document, string index)
    {
        using MambaModel model = TinyModel.Load(template: ChatTemplate.ChatMl);
        await using FileStream stream = File.OpenRead(document);
        (await DocumentIndex.ReadAsync(model, stream, index, Options, new Lines())).Dispose();
    }

    private sealed class Lines : IProgress<DocumentProgress>
    {
        public void Report(DocumentProgress value)
        {
            Console.Out.WriteLine(value.Tokens);
            Console.Out.Flush();
            if (value.Sections > 5)
            {
                // Far enough: the test kills it here.
                Thread.Sleep(Timeout.Infinite);
            }
        }
    }
}
