using System.Text;
using MambaConnector.Chat;
using Microsoft.Extensions.AI;

namespace MambaConnector.ChatClient;

/// <summary>Makes contents of the tokens of a reply, and keeps the whole of it.</summary>
/// <param name="parser">Finds function calls; null where there can be none.</param>
/// <param name="dropsLeadingSpace">Whether the vocabulary puts a space before every text, which is none that the model said.</param>
internal sealed class ReplyBuilder(ToolCallParser? parser, bool dropsLeadingSpace)
{
    private readonly List<AIContent> _contents = [];
    private readonly StringBuilder _text = new();
    private bool _hasText;

    /// <summary>Tokens so far, an end token included.</summary>
    public int TokenCount { get; private set; }

    /// <summary>Calls so far.</summary>
    public IReadOnlyList<OpenToolCall> ToolCalls =>
        [.. _contents.OfType<FunctionCallContent>().Select(call => new OpenToolCall(call.CallId, call.Name))];

    /// <summary>The reply so far.</summary>
    public ChatMessage Message
    {
        get
        {
            EndText();
            return new ChatMessage(ChatRole.Assistant, [.. _contents]);
        }
    }

    /// <summary>Takes the next token.</summary>
    /// <returns>What is complete with it; often nothing.</returns>
    public List<AIContent> Add(GeneratedToken token)
    {
        TokenCount++;
        string text = !_hasText && dropsLeadingSpace && token.Text.StartsWith(' ') ? token.Text[1..] : token.Text;
        _hasText |= token.Text.Length > 0;
        return Take(parser is null ? [new ReplyPart(text, null)] : parser.Append(text));
    }

    /// <summary>Ends the reply.</summary>
    /// <returns>What was held back because a call might have begun.</returns>
    public List<AIContent> End() => Take(parser?.Flush() ?? []);

    private List<AIContent> Take(IReadOnlyList<ReplyPart> parts)
    {
        List<AIContent> contents = [];
        foreach ((string text, ToolCall? call) in parts)
        {
            if (call is not null)
            {
                FunctionCallContent content = new(call.Id!, call.Name, ToolJson.Dictionary(call.Arguments));
                EndText();
                _contents.Add(content);
                contents.Add(content);
            }
            else if (text.Length > 0)
            {
                _text.Append(text);
                contents.Add(new TextContent(text));
            }
        }

        return contents;
    }

    private void EndText()
    {
        if (_text.Length > 0)
        {
            _contents.Add(new TextContent(_text.ToString()));
            _text.Clear();
        }
    }
}
