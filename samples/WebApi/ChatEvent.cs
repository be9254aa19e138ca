using System.Text.Json.Serialization;

namespace WebApi;

/// <summary>One server-sent event: a piece of the reply, or its end.</summary>
/// <param name="Text">The piece; null at the end.</param>
/// <param name="Done">The end; null before it.</param>
internal sealed record ChatEvent(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Text = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] ChatReply? Done = null);
