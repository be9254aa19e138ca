using System.Collections.Concurrent;
using System.Text.Json;

namespace MambaConnector.Constraints;

/// <summary>Grammars of the schemas of replies and of tools, by their text: an application has a few, and sends them with every request.
/// Thread-safe.</summary>
internal sealed class SchemaCache
{
    /// <summary>Grammars kept at most.</summary>
    public const int Capacity = 64;

    /// <summary>Characters of the longest schema that is kept: what comes from outside must not fill the memory.</summary>
    public const int LongestText = 1 << 18;

    /// <summary>The process's: a grammar depends on nothing but the schema.</summary>
    public static SchemaCache Shared { get; } = new();

    private readonly ConcurrentDictionary<string, Grammar> _grammars = new(StringComparer.Ordinal);

    /// <exception cref="ArgumentException">As of <see cref="ReplySchema.Compile"/>.</exception>
    public Grammar Get(JsonElement schema)
    {
        string text = schema.GetRawText();
        if (_grammars.TryGetValue(text, out Grammar? known))
        {
            return known;
        }

        Grammar grammar = ReplySchema.Compile(schema);
        if (text.Length > LongestText)
        {
            return grammar;
        }

        if (_grammars.Count >= Capacity)
        {
            // So many are made as they go, and none of them comes again.
            _grammars.Clear();
        }

        return _grammars.GetOrAdd(text, grammar);
    }
}
