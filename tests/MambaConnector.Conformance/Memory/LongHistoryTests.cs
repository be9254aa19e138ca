using MambaConnector.Conformance.Support;
using Microsoft.Extensions.AI;

namespace MambaConnector.Conformance.Memory;

/// <summary>Callers that send a long history with every request.</summary>
[Collection(SharedModel.Name)]
public sealed class LongHistoryTests(ModelFixture fixture)
{
    private const int Chunk = 64;
    private const int HistoryTokens = 20_000;

    [Fact]
    public async Task EachTurnOfALongHistoryCostsWhatItsNewMessageCosts()
    {
        using MambaChatClient client = new(fixture.Model);
        MambaTokenizer tokenizer = fixture.Model.Tokenizer;
        string sentence = "The ship left the harbour in the morning, and nobody knew when it would come back. ";
        string opening = string.Concat(Enumerable.Repeat(sentence, HistoryTokens / tokenizer.CountTokens(sentence)));
        List<ChatMessage> history = [new(ChatRole.System, "You talk about the sea."), new(ChatRole.User, opening)];
        int retokenised = 0;
        for (int turn = 1; turn <= 10; turn++)
        {
            // The high temperature makes replies that encoding would cut into other tokens than the model chose.
            ChatResponse response = await client.GetResponseAsync(history, new ChatOptions { Temperature = 1.5f, Seed = turn, MaxOutputTokens = 24 });
            if (turn > 1)
            {
                int newTokens = tokenizer.CountTokens(history[^1].Text);
                Assert.True(response.Usage!.InputTokenCount > HistoryTokens * 9 / 10);
                Assert.True(
                    response.Usage.CachedInputTokenCount >= response.Usage.InputTokenCount - newTokens - Chunk,
                    $"Turn {turn}: {response.Usage.CachedInputTokenCount} of {response.Usage.InputTokenCount} tokens were known, {newTokens} are new.");
            }

            retokenised += tokenizer.CountTokens(response.Text) != response.Usage!.OutputTokenCount ? 1 : 0;
            history.AddRange(response.Messages);
            history.Add(new ChatMessage(ChatRole.User, $"That was answer {turn}. What happened next?"));
        }

        Assert.True(retokenised > 0, "No reply would have been cut into other tokens: the test shows less than it says.");
    }
}
