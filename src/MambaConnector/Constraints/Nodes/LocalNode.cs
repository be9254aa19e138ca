namespace MambaConnector.Constraints;

/// <summary>A node of bytes only, that goes on by its position whatever stands around it: which tokens stay inside it is found once for
/// all places where it stands.</summary>
internal abstract class LocalNode : Grammar
{
    /// <summary>No text goes on like this.</summary>
    public const long Dead = -1;

    /// <summary>What the tokens that stay inside depend on.</summary>
    /// <param name="position">The position.</param>
    /// <param name="maximumLength">The most bytes a token has.</param>
    internal abstract LocalMaskKey KeyOf(long position, int maximumLength);

    /// <summary>The position after a byte, or <see cref="Dead"/>.</summary>
    /// <param name="position">The position before.</param>
    /// <param name="value">The byte.</param>
    /// <param name="mayEnd">Whether the node may end with the byte.</param>
    internal abstract long StepInside(long position, byte value, out bool mayEnd);

    /// <summary>Whether <see cref="RefusesEnd"/> need be asked.</summary>
    internal virtual bool MayRefuseEnd(Frame frame) => false;

    /// <summary>Whether the node may not end where a token would end it, for a reason that its position does not hold.</summary>
    /// <param name="frame">Where it stands.</param>
    /// <param name="bytes">The bytes of the token up to that end.</param>
    internal virtual bool RefusesEnd(Frame frame, ReadOnlySpan<byte> bytes) => false;

    /// <summary>Goes on after its end.</summary>
    internal virtual void Close(Automaton automaton, Frame frame) => automaton.Return(frame.Parent);
}
