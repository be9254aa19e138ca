using System.Text;
using Microsoft.Extensions.AI;

namespace MambaConnector.Tests.EndToEnd;

public sealed class KeptConversationTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("mamba-kept-");

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public async Task ANewProcessSaysWhatOneThatNeverStoppedSays()
    {
        using MambaModel model = KeptConversation.CreateModel();
        await using MambaChatClient client = new(model, conversations: new DirectoryConversationStore(_directory.FullName));
        ChatMessage hello = new(ChatRole.User, "Hello");
        ChatResponse first = await client.GetResponseAsync([hello], KeptConversation.Options(MambaChatClient.NewConversation));

        // Goes on from the state in memory, which was never written.
        ChatResponse expected = await client.GetResponseAsync(
            [hello, .. first.Messages, new ChatMessage(ChatRole.User, "And you?")], KeptConversation.Options(null));
        Assert.True(expected.Usage!.CachedInputTokenCount > first.Usage!.InputTokenCount);

        string said = await KeptConversation.ContinueAsync(_directory.FullName, first.ConversationId!, "And you?");
        Assert.Equal(Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(expected.Text)), said);
        Assert.NotEmpty(said);
    }
}
