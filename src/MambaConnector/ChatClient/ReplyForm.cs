using MambaConnector.Generation;
using Microsoft.Extensions.AI;

namespace MambaConnector.ChatClient;

/// <summary>What form a reply must have.</summary>
/// <param name="Constraint">What holds the model to it; null: nothing.</param>
internal sealed record ReplyForm(ITokenConstraint? Constraint)
{
    /// <exception cref="ArgumentException">The request asks for a form that cannot be held.</exception>
    public static ReplyForm Create(ChatRequest request) =>
        request.Tools.Count > 0 ? throw new ArgumentException("ChatOptions.Tools: this version calls no functions.")
        : request.ResponseFormat is ChatResponseFormatJson ? throw new ArgumentException("ChatOptions.ResponseFormat: this version writes text.")
        : new ReplyForm(Constraint: null);
}
