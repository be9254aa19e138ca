using MambaConnector.Conformance.Support;
using Microsoft.Extensions.AI;

namespace MambaConnector.Conformance.Memory;

/// <summary>A conversation that outlives its process.</summary>
[Collection(SharedModel.Name)]
public sealed class ResumeTests(ModelFixture fixture)
{
    [Fact]
    public async Task AnotherProcessContinuesAsIfNothingHadStopped()
    {
        DirectoryInfo directory = Directory.CreateTempSubdirectory("mamba-resume-");
        try
        {
            string[] expected;
            using (MambaChatClient client = new(fixture.Model, null, new DirectoryConversationStore(directory.FullName)))
            {
                expected = await ConversationProcess.TalkAsync(client, MambaChatClient.NewConversation, 0, 4);
            }

            // Two messages in one process, two in the next.
            string[] first = await ConversationProcess.StartAsync(directory.FullName, MambaChatClient.NewConversation, 0, 2);
            string[] second = await ConversationProcess.StartAsync(directory.FullName, first[^1], 2, 4);

            string[] resumed = [.. first[..^1], .. second[..^1]];
            Assert.Equal(expected[..^1], resumed);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }
}
