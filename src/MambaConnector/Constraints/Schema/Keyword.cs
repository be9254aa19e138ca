using System.Text.Json;

namespace MambaConnector.Constraints;

/// <summary>A keyword of a schema.</summary>
/// <param name="Value">Its value.</param>
/// <param name="Pointer">Where it stands, as a JSON pointer.</param>
internal readonly record struct Keyword(JsonElement Value, string Pointer);
