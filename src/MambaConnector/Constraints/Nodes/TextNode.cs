namespace MambaConnector.Constraints;

/// <summary>The inside of a JSON string, its closing quote included. Position: a <see cref="TextPosition"/>.</summary>
internal abstract class TextNode : Grammar
{
    /// <summary>What may come next inside the string.</summary>
    internal abstract LocalMask LocalMask(Vocabulary vocabulary, Frame frame);

    /// <summary>Whether the string may not end where a token would end it.</summary>
    /// <param name="frame">Where it stands.</param>
    /// <param name="bytes">The bytes of the token up to the closing quote, which is the last; they are known to fit otherwise.</param>
    internal abstract bool RefusesEnd(Frame frame, ReadOnlySpan<byte> bytes);

    /// <summary>Goes on after the closing quote.</summary>
    internal abstract void Close(Automaton automaton, Frame frame);
}
