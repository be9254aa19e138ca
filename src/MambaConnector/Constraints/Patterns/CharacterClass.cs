using MambaConnector.Tokenization;

namespace MambaConnector.Constraints;

/// <summary>A class of characters that dialects of regular expressions read differently: those that are in it by all of them, and those
/// that are in it by any.</summary>
/// <remarks>ECMAScript's <c>\w</c> is ASCII, .NET's is not. A reply should match by both: what a pattern takes is what all dialects
/// take.</remarks>
/// <param name="Certain">In it by all dialects.</param>
/// <param name="Possible">In it by at least one.</param>
internal sealed record CharacterClass(CodePointSet Certain, CodePointSet Possible)
{
    private static readonly CodePointSet LineEnds = CodePointSet.Of(('\n', '\n'), ('\r', '\r'), (0x2028, 0x2029));

    public static CharacterClass Empty { get; } = Of(CodePointSet.Empty);

    /// <summary><c>\d</c></summary>
    public static CharacterClass Digit { get; } = new(CodePointSet.Of(('0', '9')), CodePointSet.OfCategories(CodePointClass.Mask("Nd")));

    /// <summary><c>\w</c></summary>
    public static CharacterClass Word { get; } = new(
        CodePointSet.Of(('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')),
        CodePointSet.OfCategories(
            CodePointClass.Mask("L") | CodePointClass.Mask("M") | CodePointClass.Mask("Nd") | CodePointClass.Mask("Nl") | CodePointClass.Mask("Pc"))
            .Or(CodePointSet.Of((0x200C, 0x200D))));

    /// <summary><c>\s</c></summary>
    public static CharacterClass Space { get; } = new(
        CodePointSet.Of(('\t', '\r'), (' ', ' ')),
        CodePointSet.OfCategories(CodePointClass.Mask("Z")).Or(CodePointSet.Of(('\t', '\r'), (0x85, 0x85), (0xFEFF, 0xFEFF))));

    /// <summary>The dot.</summary>
    public static CharacterClass Dot { get; } = Of(LineEnds.Complement());

    public static CharacterClass Of(CodePointSet set) => new(set, set);

    public static CharacterClass Of(int codePoint) => Of(CodePointSet.Of((codePoint, codePoint)));

    public CharacterClass Or(CharacterClass other) => new(Certain.Or(other.Certain), Possible.Or(other.Possible));

    public CharacterClass Complement() => new(Possible.Complement(), Certain.Complement());
}
