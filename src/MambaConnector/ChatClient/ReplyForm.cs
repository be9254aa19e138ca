using MambaConnector.Chat;
using MambaConnector.Constraints;
using MambaConnector.Generation;
using Microsoft.Extensions.AI;

namespace MambaConnector.ChatClient;

/// <summary>What form a reply must have.</summary>
/// <param name="Constraint">What holds the model to it; null: nothing.</param>
/// <param name="Parser">Finds the function calls in it; null: there can be none.</param>
/// <param name="ShownTokens">Control tokens that the parser needs in the text; null: none.</param>
internal sealed record ReplyForm(ITokenConstraint? Constraint, ToolCallParser? Parser, IReadOnlySet<int>? ShownTokens)
{
    private static readonly ReplyForm Free = new(null, null, null);

    /// <param name="request">The request.</param>
    /// <param name="template">The model's.</param>
    /// <param name="tokenizer">The model's.</param>
    /// <param name="plan">How the reply is generated.</param>
    /// <exception cref="ArgumentException">The request asks for a form that cannot be held, or not within the tokens it allows.</exception>
    public static ReplyForm Create(ChatRequest request, ChatTemplate template, MambaTokenizer tokenizer, GenerationPlan plan)
    {
        ChatResponseFormatJson? json = request.ResponseFormat as ChatResponseFormatJson;
        if (request.Tools.Count == 0)
        {
            return json is null ? Free : new ReplyForm(Hold(Json(json), tokenizer, plan), null, null);
        }

        ToolCallFormat format = template.ToolCalls ?? throw new ArgumentException(
            $"ChatOptions.Tools: the chat template '{template.Name}' has no form for tools. Leave them out, or use a model that knows tools.");
        int maximum = request.AllowsMultipleToolCalls ? ToolCallFormat.MaximumCalls : 1;
        if (json is not null && request.ToolMode is not RequiredChatToolMode)
        {
            // Either calls or the answer: a free text around them would be neither.
            Grammar answer = Json(json);
            return request.ToolMode is NoneChatToolMode
                ? new ReplyForm(Hold(answer, tokenizer, plan), null, null)
                : Calling(format, tokenizer, Hold(Grammar.Choice(format.Calls(tokenizer, request.Tools, maximum), answer), tokenizer, plan));
        }

        ITokenConstraint constraint =
            format.CreateConstraint(tokenizer, plan.StopTokens, request.Tools, request.ToolMode, request.AllowsMultipleToolCalls);
        RequireBudget(constraint, plan);
        return request.ToolMode is NoneChatToolMode ? new ReplyForm(constraint, null, null) : Calling(format, tokenizer, constraint);
    }

    private static ReplyForm Calling(ToolCallFormat format, MambaTokenizer tokenizer, ITokenConstraint constraint) =>
        new(constraint, new ToolCallParser(format), format.ControlTokens(tokenizer));

    private static Grammar Json(ChatResponseFormatJson format) =>
        format.Schema is { } schema ? SchemaCache.Shared.Get(schema) : Grammar.AnyJsonObject();

    private static JsonConstraint Hold(Grammar grammar, MambaTokenizer tokenizer, GenerationPlan plan)
    {
        JsonConstraint constraint = JsonConstraint.Create(grammar, tokenizer, plan.StopTokens);
        RequireBudget(constraint, plan);
        return constraint;
    }

    private static void RequireBudget(ITokenConstraint constraint, GenerationPlan plan)
    {
        if (constraint is JsonConstraint { MinimumTokens: int minimum } && minimum > plan.MaxTokens)
        {
            throw new ArgumentException(
                $"The shortest reply of the form that is asked for has {minimum} tokens, and ChatOptions.MaxOutputTokens allows {plan.MaxTokens}. " +
                "Allow more, or ask for less.");
        }
    }
}
