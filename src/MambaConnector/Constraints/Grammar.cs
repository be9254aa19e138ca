using System.Text;
using System.Text.Json;

namespace MambaConnector.Constraints;

/// <summary>What a text may be: a node of a grammar over bytes and tokens. Immutable once built, and shared between generations.</summary>
/// <remarks>Grammars are built with the static members, and followed by an <see cref="Automaton"/>, which asks each node what comes
/// next. A node that a text has begun and not ended stands in a <see cref="Frame"/>.</remarks>
internal abstract class Grammar
{
    /// <summary>Exactly this text, spelled by whatever tokens the vocabulary has for it.</summary>
    public static Grammar Literal(string text) => new LiteralNode(Encoding.UTF8.GetBytes(text));

    /// <summary>Exactly this token: the way to ask for a control token, which no text spells.</summary>
    public static Grammar Token(int id) => new TokenNode(id);

    /// <summary>A JSON value that fits a schema.</summary>
    /// <param name="schema">The schema; not needed any more once this returns.</param>
    /// <exception cref="ArgumentException">The schema is malformed, no value fits it, or it uses what is not supported: the message names
    /// the keyword and where it stands.</exception>
    public static Grammar Json(JsonElement schema) => SchemaCompiler.Compile(schema);

    /// <summary>Any JSON value.</summary>
    public static Grammar AnyJson() => JsonNodes.Any;

    /// <summary>Any JSON object.</summary>
    public static Grammar AnyJsonObject() => JsonNodes.AnyObject;

    /// <summary>One after the other.</summary>
    public static Grammar Sequence(params IReadOnlyList<Grammar> items) => items.Count == 1 ? items[0] : new SequenceNode([.. items]);

    /// <summary>One of several.</summary>
    public static Grammar Choice(params IReadOnlyList<Grammar> alternatives) =>
        alternatives.Count == 1 ? alternatives[0] : new ChoiceNode([.. alternatives]);

    /// <summary>The same again and again. A separator belongs to what is repeated: <c>item (", " item)*</c>.</summary>
    /// <param name="item">What is repeated.</param>
    /// <param name="minimum">The fewest times.</param>
    /// <param name="maximum">The most times; <see cref="int.MaxValue"/> for any number.</param>
    public static Grammar Repeat(Grammar item, int minimum, int maximum = int.MaxValue)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(minimum);
        ArgumentOutOfRangeException.ThrowIfLessThan(maximum, minimum);
        return new RepeatNode(item, minimum, maximum);
    }

    /// <summary>The nodes that this one refers to.</summary>
    internal virtual IReadOnlyList<Grammar> Children => [];

    /// <summary>Whether its frames count towards <see cref="Automaton.MaximumNesting"/>.</summary>
    internal virtual bool IsContainer => false;

    /// <summary>The fewest tokens known to complete this node from its start.</summary>
    /// <param name="costs">What other nodes cost.</param>
    /// <param name="nesting">How many containers may still be opened inside each other.</param>
    internal abstract int StartCost(CostTable costs, int nesting);

    /// <summary>The fewest tokens known to complete this node from where a frame stands.</summary>
    internal abstract int Cost(CostTable costs, Frame frame);

    /// <summary>Adds what may come first, with <paramref name="parent"/> to go on with afterwards.</summary>
    internal abstract void Begin(Automaton automaton, Frame? parent);

    /// <summary>Goes on in a frame of this node whose child has ended.</summary>
    internal virtual void Resume(Automaton automaton, Frame frame) =>
        throw new InvalidOperationException($"{GetType().Name} has no children to return from.");

    /// <summary>Adds what may come after a byte, in a frame that waits for one.</summary>
    internal virtual void Step(Automaton automaton, Frame frame, byte value)
    {
    }

    /// <summary>The token to take from a frame on the cheapest way to the end; -1: a byte's token will do.</summary>
    internal virtual int PreferredToken(CostTable costs, Frame frame) => -1;
}
