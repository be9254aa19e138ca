using System.Text.Json;
using MambaConnector.Chat;
using MambaConnector.ChatClient;

namespace MambaConnector.Tests.ChatClient;

public class KnownRepliesTests
{
    private readonly KnownReplies _replies = new(maxTokens: 200);

    [Fact]
    public void AReplyIsFoundByItsPromptAndWhatItSaid()
    {
        _replies.Add([1, 2], [3, 4], Said("Hi"));

        Assert.Equal("3 4", Find([1, 2], Said("Hi")));
        Assert.Null(Find([1, 2], Said("Hi!")));
        Assert.Null(Find([1], Said("Hi")));
        Assert.Null(Find([2, 1], Said("Hi")));
    }

    [Fact]
    public void CallsTellRepliesApart()
    {
        _replies.Add([1], [2], Call("""{"a":1}"""));

        Assert.Equal("2", Find([1], Call("""{"a":1}""")));
        Assert.Null(Find([1], Call("""{"a":2}""")));
        Assert.Null(Find([1], Said("")));
    }

    [Fact]
    public void TheSameReplyInOtherTokensReplacesTheFirst()
    {
        _replies.Add([1], [2, 3], Said("Hi"));
        _replies.Add([1], [4], Said("Hi"));
        Assert.Equal("4", Find([1], Said("Hi")));
    }

    [Fact]
    public void AllRepliesOfAPromptAreFoundOnTheWay()
    {
        _replies.Add([1], [2, 3], Said("a"));
        _replies.Add([1, 2, 3, 4], [5], Said("b"));
        IKnownReplies prompt = _replies.ForOnePrompt();

        Assert.True(prompt.TryGet([1], Said("a"), out _));
        Assert.False(prompt.TryGet([1, 2, 3, 4, 9], Said("b"), out _));
        Assert.True(prompt.TryGet([1, 2, 3, 4], Said("b"), out ReadOnlyMemory<int> tokens));
        Assert.Equal([5], tokens.ToArray());
    }

    [Fact]
    public void LeastRecentlyUsedIsForgottenFirst()
    {
        _replies.Add([1], [1], Said("a"));
        _replies.Add([2], [2], Said("b"));
        _replies.Add([3], [3], Said("c"));
        Find([1], Said("a"));
        _replies.Add([4], [4], Said("d"));

        Assert.NotNull(Find([1], Said("a")));
        Assert.Null(Find([2], Said("b")));
        Assert.NotNull(Find([4], Said("d")));
    }

    [Fact]
    public void AReplyThatIsTooLongIsNotKept()
    {
        _replies.Add([1], new int[200], Said("a"));
        Assert.Null(Find([1], Said("a")));
    }

    private static ChatTurn Said(string text) => new(ChatRoles.Assistant, text);

    private static ChatTurn Call(string arguments) => Said("") with { ToolCalls = [new ToolCall("1", "f", JsonElement.Parse(arguments))] };

    private string? Find(int[] prompt, ChatTurn reply) =>
        _replies.ForOnePrompt().TryGet(prompt, reply, out ReadOnlyMemory<int> tokens) ? string.Join(' ', tokens.ToArray()) : null;
}
