using System.Text;
using MambaConnector.Chat;
using Microsoft.Extensions.AI;

namespace MambaConnector.ChatClient;

/// <summary>Makes contents of the tokens of a reply, and keeps the whole of it.</summary>
internal sealed class ReplyBuilder
{
    private readonly StringBuilder _text = new();
    private readonly List<FunctionCallContent> _calls = [];
    private bool _hasText;

    /// <summary>Tokens so far, an end token included.</summary>
    public int TokenCount { get; private set; }

    public bool HasToolCalls => _calls.Count > 0;

    public IReadOnlyList<OpenToolCall> OpenToolCalls => [.. _calls.Select(call => new OpenToolCall(call.CallId, call.Name))];

    /// <summary>The reply so far.</summary>
    public ChatMessage Message => new(ChatRole.Assistant, _text.Length > 0 || _calls.Count == 0 ? [new TextContent(_text.ToString()), .. _calls] : [.. _calls]);

    /// <summary>Takes the next token.</summary>
    /// <param name="dropsLeadingSpace">Whether the vocabulary puts a space before every text, which is none that the model said.</param>
    /// <param name="token">The token.</param>
    /// <returns>What is complete with it; often nothing.</returns>
    public List<AIContent> Add(bool dropsLeadingSpace, GeneratedToken token)
    {
        TokenCount++;
        if (!_hasText && dropsLeadingSpace && token.Text.StartsWith(' '))
        {
            token = token with { Text = token.Text[1..] };
            _hasText = true;
        }

        _hasText |= token.Text.Length > 0;
        return Contents(token.Text, []);
    }

    private List<AIContent> Contents(string text, IReadOnlyList<ToolCall> calls)
    {
        List<AIContent> contents = [];
        if (text.Length > 0)
        {
            _text.Append(text);
            contents.Add(new TextContent(text));
        }

        foreach (ToolCall call in calls)
        {
            FunctionCallContent content = new(call.Id!, call.Name, ToolJson.Dictionary(call.Arguments));
            _calls.Add(content);
            contents.Add(content);
        }

        return contents;
    }
}
