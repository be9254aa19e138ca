using System.Text;
using MambaConnector.Chat;
using Microsoft.Extensions.AI;

namespace MambaConnector.ChatClient;

/// <summary>Turns the messages of a request into the turns of a template.</summary>
internal sealed class MessageReader
{
    private readonly Dictionary<string, string> _toolNames = new(StringComparer.Ordinal);
    private readonly List<ChatTurn> _turns = [];

    /// <param name="openToolCalls">Calls, by id, that a conversation waits for results of.</param>
    public MessageReader(IEnumerable<KeyValuePair<string, string>>? openToolCalls = null)
    {
        foreach ((string id, string name) in openToolCalls ?? [])
        {
            _toolNames[id] = name;
        }
    }

    public IReadOnlyList<ChatTurn> Turns => _turns;

    /// <exception cref="ArgumentException">A message holds what a text model cannot read.</exception>
    public void Add(ChatMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        StringBuilder text = new();
        List<ToolCall> calls = [];
        bool hasResults = false;
        foreach (AIContent content in message.Contents)
        {
            switch (content)
            {
                case TextContent part:
                    text.Append(part.Text);
                    break;
                case FunctionCallContent call:
                    _toolNames[call.CallId] = call.Name;
                    calls.Add(new ToolCall(call.CallId, call.Name, ToolJson.Arguments(call.Arguments)));
                    break;
                case FunctionResultContent result:
                    hasResults = true;
                    _turns.Add(new ChatTurn(ChatRoles.Tool, ToolJson.Result(result))
                    {
                        ToolCallId = result.CallId,
                        ToolName = _toolNames.GetValueOrDefault(result.CallId),
                    });
                    break;
                case DataContent data when data.HasTopLevelMediaType("text"):
                    text.Append(Encoding.UTF8.GetString(data.Data.Span));
                    break;
                case TextReasoningContent or UsageContent or ErrorContent:
                    // What was thought, counted or went wrong in earlier responses is no part of what was said.
                    break;
                default:
                    throw new ArgumentException(
                        $"A message of role '{message.Role.Value}' holds {content.GetType().Name}; this model reads text, function calls and their " +
                        "results. Send its text instead.");
            }
        }

        if (!hasResults || text.Length > 0 || calls.Count > 0)
        {
            _turns.Add(new ChatTurn(message.Role.Value, text.ToString()) { ToolCalls = calls });
        }
    }
}
