using MambaConnector.Tests.Support;

namespace MambaConnector.Tests.Chat;

/// <summary>What chat clients send: several turns of a role, empty ones, instructions in between.</summary>
public sealed class TurnOrderTests
{
    private static readonly MambaTokenizer Tokenizer = TestTokenizer.Create();

    public static TheoryData<string, string> FreeOrders
    {
        get
        {
            TheoryData<string, string> data = [];
            foreach (string template in new[] { "ChatML", "Granite 4.0", "Falcon3" })
            {
                foreach (string roles in new[] { "", "s", "u", "a", "uu", "su", "ssu", "usu", "au", "aau", "sua", "uasauu" })
                {
                    data.Add(template, roles);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(FreeOrders))]
    public void AnyOrderIsTaken(string template, string roles)
    {
        foreach (string content in new[] { "", "content" })
        {
            int[] tokens = Find(template).Render(Tokenizer, Turns(roles, content), [], null).Tokens;
            string text = Tokenizer.Decode(tokens);
            Assert.Equal(content.Length == 0 ? 0 : roles.Length, text.Split("content").Length - 1);
            Assert.Contains("assistant", text, StringComparison.Ordinal);
        }
    }

    [Theory]
    [MemberData(nameof(FreeOrders))]
    public void AContinuationTakesThemToo(string template, string roles)
    {
        string text = Tokenizer.Decode(Find(template).RenderContinuation(Tokenizer, Turns(roles, "content"), []).Tokens);
        Assert.Equal(roles.Length, text.Split("content").Length - 1);
    }

    [Theory]
    [InlineData("u", "[INST] 0[/INST]")]
    [InlineData("uu", "[INST] 0\n\n1[/INST]")]
    [InlineData("ssuu", "[INST] 0\n\n1\n\n2\n\n3[/INST]")]
    [InlineData("suaau", "[INST] 1[/INST] 2\n\n3</s>[INST] 0\n\n4[/INST]")]
    [InlineData("", "")]
    public void MistralJoinsNeighbours(string roles, string expected) =>
        Assert.Equal("<s>" + expected, Tokenizer.Decode(ChatTemplate.MistralV3.Render(Tokenizer, Numbered(roles), [], null).Tokens));

    [Theory]
    [InlineData("uu", "[INST] 0\n\n1[/INST]")]
    [InlineData("su", "[INST] 0\n\n1[/INST]")]
    public void MistralContinues(string roles, string expected) =>
        Assert.Equal("</s>" + expected, Tokenizer.Decode(ChatTemplate.MistralV3.RenderContinuation(Tokenizer, Numbered(roles), []).Tokens));

    [Theory]
    [InlineData("s", "system")]
    [InlineData("au", "assistant")]
    [InlineData("ua", "assistant")]
    [InlineData("usu", "system")]
    public void WhatMistralCannotExpressIsNamed(string roles, string role)
    {
        string message = Assert.Throws<ArgumentException>(() => ChatTemplate.MistralV3.Render(Tokenizer, Turns(roles, "x"), [], null)).Message;
        Assert.Contains("Mistral v3", message, StringComparison.Ordinal);
        Assert.Contains($"'{role}'", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Granite 4.0")]
    [InlineData("Mistral v3")]
    [InlineData("Falcon3")]
    public void AnUnknownRoleIsNamed(string template)
    {
        string message = Assert.Throws<ArgumentException>(
            () => Find(template).Render(Tokenizer, [new("critic", "x"), new(ChatRoles.User, "y")], [], null)).Message;
        Assert.Contains(template, message, StringComparison.Ordinal);
        Assert.Contains("'critic'", message, StringComparison.Ordinal);
    }

    private static ChatTemplate Find(string name) =>
        new[] { ChatTemplate.ChatMl, ChatTemplate.Granite4, ChatTemplate.MistralV3, ChatTemplate.Falcon3 }.Single(template => template.Name == name);

    private static ChatTurn[] Turns(string roles, string content) => [.. roles.Select(role => new ChatTurn(Role(role), content))];

    private static ChatTurn[] Numbered(string roles) => [.. roles.Select((role, index) => new ChatTurn(Role(role), $"{index}"))];

    private static string Role(char letter) =>
        letter switch { 's' => ChatRoles.System, 'u' => ChatRoles.User, _ => ChatRoles.Assistant };
}
