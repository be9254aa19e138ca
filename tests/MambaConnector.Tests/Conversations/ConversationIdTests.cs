namespace MambaConnector.Tests.Conversations;

/// <summary>Names of stored states.</summary>
public sealed class ConversationIdTests
{
    [Fact]
    public void NewIdsAreValidAndDiffer()
    {
        string[] ids = [.. Enumerable.Range(0, 1000).Select(_ => ConversationId.Create())];
        Assert.All(ids, id => Assert.Matches("^conv_[0-9a-f]{32}$", id));
        Assert.All(ids, id => Assert.True(ConversationId.IsValid(id)));
        Assert.Equal(ids.Length, ids.Distinct().Count());
    }

    [Theory]
    [InlineData("a")]
    [InlineData("AZaz09_-")]
    [InlineData("--")]
    public void LettersDigitsUnderscoreAndHyphenAreValid(string id) => Assert.True(ConversationId.IsValid(id));

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("../secret")]
    [InlineData("a/b")]
    [InlineData("a\\b")]
    [InlineData("/etc/passwd")]
    [InlineData("C:a")]
    [InlineData("a b")]
    [InlineData("a\n")]
    [InlineData("a\0b")]
    [InlineData("ä")]
    [InlineData("\u0660")]
    [InlineData("\ud800")]
    public void NothingElseIs(string id) => Assert.False(ConversationId.IsValid(id));

    [Fact]
    public void TheLongestHas128Characters()
    {
        Assert.True(ConversationId.IsValid(new string('a', 128)));
        Assert.False(ConversationId.IsValid(new string('a', 129)));
    }
}
