using System.Text;
using System.Text.Json;
using MambaConnector.Constraints;

namespace MambaConnector.Tests.Constraints;

/// <summary>Asks a grammar about whole texts, byte by byte.</summary>
internal static class GrammarText
{
    public static Grammar Compile(string schema)
    {
        using JsonDocument document = JsonDocument.Parse(schema);
        return Grammar.Json(document.RootElement);
    }

    /// <summary>Whether a text is one of a grammar's.</summary>
    public static bool Accepts(Grammar grammar, string text)
    {
        Automaton automaton = new(grammar, new CostTable(grammar, null));
        return automaton.Step(automaton.Start, Encoding.UTF8.GetBytes(text)).IsAccepting;
    }

    public static bool Accepts(string schema, string text) => Accepts(Compile(schema), text);
}
