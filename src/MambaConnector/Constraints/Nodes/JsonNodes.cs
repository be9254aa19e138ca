namespace MambaConnector.Constraints;

/// <summary>The parts that all JSON grammars share. White space is at most one space behind a comma and a colon: a small model could
/// not get lost in more.</summary>
internal static class JsonNodes
{
    public static Grammar Quote { get; } = Grammar.Literal("\"");

    public static Grammar OpenBrace { get; } = Grammar.Literal("{");

    public static Grammar CloseBrace { get; } = Grammar.Literal("}");

    public static Grammar OpenBracket { get; } = Grammar.Literal("[");

    public static Grammar CloseBracket { get; } = Grammar.Literal("]");

    /// <summary>At most one space.</summary>
    public static Grammar Space { get; } = Grammar.Repeat(Grammar.Literal(" "), 0, 1);

    /// <summary>Between members and items.</summary>
    public static Grammar Comma { get; } = Grammar.Sequence(Grammar.Literal(","), Space);

    public static Grammar Null { get; } = Grammar.Literal("null");

    public static Grammar Boolean { get; } = Grammar.Choice(Grammar.Literal("true"), Grammar.Literal("false"));

    /// <summary>Any string.</summary>
    public static Grammar AnyString { get; } = String(CountRule.Any);

    /// <summary>What no value fits.</summary>
    public static Grammar Nothing { get; } = Grammar.Choice();

    private static readonly ReferenceNode AnyReference = new();

    public static Grammar AnyObject { get; } = new ObjectNode([], AnyReference);

    public static Grammar AnyArray { get; } = new ArrayNode([], AnyReference, 0, int.MaxValue);

    /// <summary>Any value.</summary>
    public static Grammar Any { get; } = CreateAny();

    /// <summary>A string that follows a rule.</summary>
    public static Grammar String(TextRule rule) => Grammar.Sequence(Quote, new StringNode(rule));

    /// <summary>A declared property.</summary>
    public static Grammar Member(string name, Grammar value) =>
        Grammar.Sequence(Grammar.Literal(CanonicalJson.Write(name) + ":"), Space, value);

    /// <summary>Colon and value of any other property.</summary>
    public static Grammar AfterKey(Grammar value) => Grammar.Sequence(Grammar.Literal(":"), Space, value);

    private static ReferenceNode CreateAny()
    {
        AnyReference.Target = Grammar.Choice(AnyObject, AnyArray, AnyString, new NumberNode(NumberBounds.Any), Boolean, Null);
        return AnyReference;
    }
}
