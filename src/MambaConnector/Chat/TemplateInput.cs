namespace MambaConnector.Chat;

/// <summary>What a template renders.</summary>
/// <param name="System">Instructions: the content of the system turn that stands first, if there is one.</param>
/// <param name="Turns">The turns after it.</param>
/// <param name="Tools">Tools to tell the model of.</param>
/// <param name="IsContinuation">Whether all that follows a reply which a state holds; otherwise it is the whole conversation.</param>
internal sealed record TemplateInput(
    string? System, IReadOnlyList<ChatTurn> Turns, IReadOnlyList<ToolDeclaration> Tools, bool IsContinuation)
{
    public static TemplateInput Create(
        IReadOnlyList<ChatTurn> turns, IReadOnlyList<ToolDeclaration>? tools = null, bool isContinuation = false) =>
        turns is [{ Role: ChatRoles.System } system, ..]
            ? new TemplateInput(system.Content, [.. turns.Skip(1)], tools ?? [], isContinuation)
            : new TemplateInput(null, turns, tools ?? [], isContinuation);

    /// <summary>Whether the turn is a tool's result that begins a run of them.</summary>
    public bool IsFirstResult(int index) => Turns[index].Role == ChatRoles.Tool && (index == 0 || Turns[index - 1].Role != ChatRoles.Tool);

    /// <summary>Whether the turn is a tool's result and so is the next: templates put them into one.</summary>
    public bool IsResultBeforeAnother(int index) =>
        Turns[index].Role == ChatRoles.Tool && index + 1 < Turns.Count && Turns[index + 1].Role == ChatRoles.Tool;
}
