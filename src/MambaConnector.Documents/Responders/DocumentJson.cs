using System.Text.Json.Serialization;

namespace MambaConnector.Documents.Responders;

/// <summary>The JSON of a journal.</summary>
[JsonSerializable(typeof(JournalLine))]
internal sealed partial class DocumentJson : JsonSerializerContext;
