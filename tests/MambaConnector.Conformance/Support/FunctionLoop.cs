using System.Text.Json;
using Microsoft.Extensions.AI;

namespace MambaConnector.Conformance.Support;

/// <summary>What function-invoking middleware does: calls what the model asks for, tells it the results, asks again.</summary>
/// <remarks>A required call is required in the first round only. After <paramref name="maximumRounds"/> rounds the model may not call
/// again.</remarks>
internal sealed class FunctionLoop(IChatClient client, int maximumRounds = 1)
{
    /// <summary>The calls and the results, as they came.</summary>
    public List<FunctionResultContent> Results { get; } = [];

    /// <summary>All that was said after the request, the last reply included.</summary>
    public List<ChatMessage> Added { get; } = [];

    public async Task<ChatResponse> GetResponseAsync(string request, ChatOptions options, bool streams = false)
    {
        List<ChatMessage> messages = [new(ChatRole.User, request)];
        options = options.Clone();
        for (int round = 0; ; round++)
        {
            ChatResponse response = streams
                ? await client.GetStreamingResponseAsync(messages, options).ToChatResponseAsync()
                : await client.GetResponseAsync(messages, options);
            messages.AddRange(response.Messages);
            Added.AddRange(response.Messages);
            FunctionCallContent[] calls = [.. response.Messages.SelectMany(message => message.Contents).OfType<FunctionCallContent>()];
            Assert.Equal(calls.Length > 0, response.FinishReason == ChatFinishReason.ToolCalls);
            if (calls.Length == 0)
            {
                return response;
            }

            Assert.True(round < maximumRounds, "The model called a function although none was allowed.");
            Assert.Equal(calls.Length, calls.Select(call => call.CallId).Distinct().Count());
            List<AIContent> results = [];
            foreach (FunctionCallContent call in calls)
            {
                results.Add(await CallAsync(call, options.Tools!));
            }

            ChatMessage answer = new(ChatRole.Tool, results);
            messages.Add(answer);
            Added.Add(answer);
            options.ToolMode = round + 1 < maximumRounds ? null : ChatToolMode.None;
        }
    }

    private async Task<FunctionResultContent> CallAsync(FunctionCallContent call, IList<AITool> tools)
    {
        AIFunction function = Assert.IsAssignableFrom<AIFunction>(Assert.Single(tools, tool => tool.Name == call.Name));
        Assert.Null(call.Exception);
        JsonElement arguments = JsonSerializer.SerializeToElement(call.Arguments, AIJsonUtilities.DefaultOptions);
        Assert.True(Validation.Fits(function.JsonSchema, arguments, out string? why), why);
        FunctionResultContent result = new(call.CallId, await function.InvokeAsync(new AIFunctionArguments(call.Arguments)));
        Results.Add(result);
        return result;
    }
}
