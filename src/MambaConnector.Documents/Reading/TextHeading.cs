using System.Text.RegularExpressions;

namespace MambaConnector.Documents.Reading;

/// <summary>Recognises headings in plain text, which has no mark for them.</summary>
internal static partial class TextHeading
{
    private const int MaxLength = 200;
    private const int MaxLines = 3;

    // In digits, Roman, or a word; behind it a name, or nothing.
    private const string Number =
        "([0-9]{1,4}|[IVXLC]{1,8}|(THE )?[A-Z]{3,9}|(the )?(First|Second|Third|Fourth|Fifth|Sixth|Seventh|Eighth|Ninth|Tenth|One|Two|Three|Four|Five|" +
        "Six|Seven|Eight|Nine|Ten|Eleven|Twelve))";

    private const string Rest = "([.:,—– ].*)?$";

    /// <summary>Whether a block is a heading; its text is that of one then.</summary>
    /// <param name="block">A block between blank lines, its lines joined.</param>
    /// <param name="joints">Where lines were joined.</param>
    /// <param name="level">The heading's level.</param>
    public static bool TryRead(SourceText block, List<int> joints, out int level)
    {
        level = 0;
        if (block.Count > MaxLength || joints.Count >= MaxLines)
        {
            return false;
        }

        string text = block.ToString().TrimEnd();
        if (GutenbergBorder().Match(text) is { Success: true } border)
        {
            level = 1;
            Group title = border.Groups[1];
            block.RemoveLast(block.Count - (title.Index + title.Length));
            block.RemoveFirst(title.Index);
            return true;
        }

        if (joints is [int underline] && Underline().IsMatch(text[(underline + 1)..]))
        {
            level = text[underline + 1] == '=' ? 1 : 2;
            block.RemoveLast(block.Count - underline);
            return true;
        }

        level = text.EndsWith(',') || text.EndsWith(';') ? 0 : LevelOf(text, joints.Count == 0);
        return level > 0;
    }

    private static int LevelOf(string text, bool isOneLine)
    {
        if (Book().IsMatch(text))
        {
            return 1;
        }

        if (Chapter().IsMatch(text) || (isOneLine && NamedPart().IsMatch(text)))
        {
            return 2;
        }

        if (!isOneLine)
        {
            return 0;
        }

        if (Numbered().Match(text) is { Success: true } numbered)
        {
            return Math.Min(6, 2 + numbered.Groups[1].Value.Count(character => character == '.'));
        }

        return RomanNumber().IsMatch(text) ? 3 : IsCapitals(text) ? 2 : 0;
    }

    private static bool IsCapitals(string text)
    {
        if (Initial().IsMatch(text))
        {
            // A name below a letter.
            return false;
        }

        int run = 0;
        int longest = 0;
        foreach (char value in text)
        {
            if (char.IsLower(value))
            {
                return false;
            }

            run = char.IsUpper(value) ? run + 1 : 0;
            longest = Math.Max(longest, run);
        }

        return longest >= 3 && text.Length <= 80;
    }

    [GeneratedRegex(@"^\*\*\* ?((?:START|END) OF (?:THE|THIS) PROJECT GUTENBERG EBOOK .*?) ?\*\*\*$")]
    private static partial Regex GutenbergBorder();

    [GeneratedRegex(@"^(={3,}|-{3,})$")]
    private static partial Regex Underline();

    [GeneratedRegex("^(BOOK|Book|PART|Part|VOLUME|Volume|ACT|Act) " + Number + Rest)]
    private static partial Regex Book();

    [GeneratedRegex(
        "^(CHAPTER|Chapter|CANTO|Canto|LETTER|Letter|STAVE|Stave|SCENE|Scene|SECTION|Section|APPENDIX|Appendix) ([A-Z]|" + Number + ")" + Rest)]
    private static partial Regex Chapter();

    [GeneratedRegex(
        @"^(Preface|Prologue|Epilogue|Introduction|Foreword|Afterword|Contents|Conclusion|Abstract|References|Bibliography|Acknowledge?ments" +
        @"|Glossary|Index)\.?$")]
    private static partial Regex NamedPart();

    [GeneratedRegex(@"^([0-9]{1,3}(?:\.[0-9]{1,3}){0,4})\.? \p{Lu}[^.!?]{1,80}$")]
    private static partial Regex Numbered();

    [GeneratedRegex(@"\b[A-Z]\. ")]
    private static partial Regex Initial();

    [GeneratedRegex(@"^[IVXLC]{1,8}\.?$")]
    private static partial Regex RomanNumber();
}
