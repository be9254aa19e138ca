namespace MambaConnector.Documents.Tests.Support;

/// <summary>What this assembly does when a test starts it as a process of its own.</summary>
internal static class Program
{
    private static async Task<int> Main(string[] arguments)
    {
        switch (arguments)
        {
            case [ReadingProcess.Command, string document, string index]:
                await ReadingProcess.RunAsync(document, index);
                return 0;
            default:
                await Console.Error.WriteLineAsync("These are tests: run them with 'dotnet test'.");
                return 2;
        }
    }
}
