namespace MambaConnector.Chat;

/// <summary>What a saved conversation says about itself, as JSON.</summary>
/// <param name="Template">The name of its chat template.</param>
/// <param name="Turns">What was said.</param>
internal sealed record ChatTranscript(string Template, IReadOnlyList<ChatTurn> Turns);
