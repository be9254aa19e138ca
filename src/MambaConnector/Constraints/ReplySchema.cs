using System.Text.Json;
using Microsoft.Extensions.AI;

namespace MambaConnector.Constraints;

/// <summary>Schemas as the form of what a model is to write.</summary>
internal static class ReplySchema
{
    private static readonly AIJsonSchemaTransformOptions Closed = new() { DisallowAdditionalProperties = true };

    /// <summary>A JSON value that fits a schema. Where that declares properties and says nothing of others, there are no others: a model that may
    /// invent properties does so until its tokens end.</summary>
    /// <param name="schema">The schema.</param>
    /// <exception cref="ArgumentException">As of <see cref="Grammar.Json"/>, or no value fits.</exception>
    public static Grammar Compile(JsonElement schema)
    {
        // First as it is: this refuses what is hostile, before anything else walks it.
        Grammar open = Grammar.Json(schema);
        try
        {
            Grammar closed = Grammar.Json(AIJsonUtilities.TransformSchema(schema, Closed));
            if (HasValues(closed))
            {
                return closed;
            }
        }
        catch (ArgumentException)
        {
            // Parts that are joined may exclude each other's properties when each is closed.
        }

        return HasValues(open) ? open : throw new ArgumentException("No value fits the JSON schema.", nameof(schema));
    }

    private static bool HasValues(Grammar grammar) =>
        new CostTable(grammar, vocabulary: null).Of(grammar, Automaton.MaximumNesting) < CostTable.Infinite;
}
