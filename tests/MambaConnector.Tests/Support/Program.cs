using System.Globalization;
using MambaConnector.Tests.Conversations;
using MambaConnector.Tests.EndToEnd;

namespace MambaConnector.Tests.Support;

/// <summary>What this assembly does when a test starts it as a process of its own.</summary>
internal static class Program
{
    private static async Task<int> Main(string[] arguments)
    {
        switch (arguments)
        {
            case [StateWriter.Command, string directory, string round]:
                await StateWriter.RunAsync(directory, round);
                return 0;
            case [KeptConversation.Command, string directory, string conversationId, string message]:
                await KeptConversation.RunAsync(directory, conversationId, message);
                return 0;
            case [MatrixUnits.Command]:
                await Console.Out.WriteAsync(MatrixUnits.Run().ToString(CultureInfo.InvariantCulture));
                return 0;
            case [FakeDevice.Command]:
                FakeDevice.Run();
                await Console.Out.WriteAsync("done");
                return 0;
            default:
                await Console.Error.WriteLineAsync("These are tests: run them with 'dotnet test'.");
                return 2;
        }
    }
}
