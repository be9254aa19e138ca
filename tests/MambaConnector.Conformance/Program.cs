using MambaConnector.Conformance.Memory;

switch (args)
{
    case [ConversationProcess.Command, string directory, string conversationId, string from, string to]:
        await ConversationProcess.RunAsync(directory, conversationId, from, to);
        return 0;
    default:
        await Console.Error.WriteLineAsync("These are tests: run them with 'dotnet test'.");
        return 2;
}
