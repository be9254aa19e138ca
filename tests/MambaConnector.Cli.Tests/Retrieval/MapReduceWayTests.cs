using MambaConnector.Cli.Retrieval;
using Microsoft.Extensions.AI;
using Moq;

namespace MambaConnector.Cli.Tests.Retrieval;

public sealed class MapReduceWayTests
{
    [Fact]
    public async Task EachPieceIsAskedAloneAndTheAnswersUntilThereIsOne()
    {
        MambaTokenizer tokenizer = MambaModel.LoadTokenizer(MambaConnector.Models.Mamba2Chat.Path);
        List<string> prompts = [];
        Mock<IChatClient> client = new();
        client.Setup(it => it.GetResponseAsync(It.IsAny<IEnumerable<ChatMessage>>(), It.IsAny<ChatOptions>(), It.IsAny<CancellationToken>()))
            .ReturnsAsync((IEnumerable<ChatMessage> messages, ChatOptions _, CancellationToken _) =>
            {
                prompts.Add(messages.Single().Text);
                return new ChatResponse(new ChatMessage(ChatRole.Assistant, $" answer {prompts.Count} "));
            });
        RetrievalDocument document = new(
            0, 0, 0, 0, [.. Enumerable.Range(0, 5).Select(number => new RetrievalParagraph($"Text {number}.", 10))]);
        int answerTokens = tokenizer.Encode("answer 1\n\n", parseSpecial: false, addBos: false).Length;
        MapReduceWay way = new(new ChatQuestion(client.Object, "Read:", new ChatOptions()), tokenizer, 10, (2 * answerTokens) + 1);

        string answer = await way.AskAsync(document, null!, "What?", CancellationToken.None);

        // Five pieces; of their answers two, two and one; of theirs two and one; and the last two.
        Assert.Equal(11, prompts.Count);
        Assert.Equal("Read:\n\nText 0.\n\nWhat?", prompts[0]);
        Assert.Equal("Read:\n\nanswer 1\n\nanswer 2\n\nWhat?", prompts[5]);
        Assert.Equal("answer 11", answer);
    }
}
