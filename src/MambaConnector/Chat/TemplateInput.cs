namespace MambaConnector.Chat;

/// <summary>What a template renders.</summary>
/// <param name="Turns">The turns.</param>
/// <param name="Tools">Tools to tell the model of.</param>
/// <param name="IsContinuation">Whether the turns follow a reply that a state holds; otherwise they are the whole conversation.</param>
internal sealed record TemplateInput(IReadOnlyList<ChatTurn> Turns, IReadOnlyList<ToolDeclaration> Tools, bool IsContinuation = false);
