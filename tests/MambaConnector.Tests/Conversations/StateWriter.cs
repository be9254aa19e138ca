using System.Diagnostics;
using MambaConnector.Tests.Support;

namespace MambaConnector.Tests.Conversations;

/// <summary>A process that saves states to a directory until it is killed, and prints the id of each when it is saved.</summary>
internal static class StateWriter
{
    public const string Command = "write-states";

    private const int StateLength = 1 << 20;

    public static Process Start(string directory, string round) => OwnProcess.Start(Command, directory, round);

    public static async Task RunAsync(string directory, string round)
    {
        DirectoryConversationStore store = new(directory);
        for (int number = 0; ; number++)
        {
            string id = $"{round}_{number}";
            await store.SaveAsync(id, StateOf(id));
            await Console.Out.WriteLineAsync(id);
        }
    }

    /// <summary>The state that belongs to an id.</summary>
    public static byte[] StateOf(string id)
    {
        byte[] state = new byte[StateLength];
        new Random(id.Aggregate(17, (seed, character) => unchecked((seed * 31) + character))).NextBytes(state);
        return state;
    }
}
