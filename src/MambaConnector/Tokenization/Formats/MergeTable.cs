namespace MambaConnector.Tokenization;

/// <summary>Turns written merges ("Ġ t") into pairs of ids.</summary>
internal static class MergeTable
{
    /// <summary>Builds the merges by pair; the rank is the place in the list, and of two equal pairs the later one counts (as in Hugging
    /// Face's library).</summary>
    /// <param name="merges">Left and right spelling of each merge, in order.</param>
    /// <param name="ids">Ids by spelling.</param>
    /// <param name="part">The name of the part of the file, for errors.</param>
    /// <exception cref="InvalidDataException">A merge uses or makes a token that the vocabulary lacks.</exception>
    public static Dictionary<ulong, Merge> Build(
        IReadOnlyList<(string Left, string Right)> merges, Dictionary<string, int> ids, string part)
    {
        var table = new Dictionary<ulong, Merge>(merges.Count);
        for (var rank = 0; rank < merges.Count; rank++)
        {
            var (left, right) = merges[rank];
            table[MergeMap.Pair(IdOf(left, rank), IdOf(right, rank))] = new Merge(rank, IdOf(left + right, rank));
        }

        return table;

        int IdOf(string spelling, int rank) => ids.TryGetValue(spelling, out var id)
            ? id
            : throw new InvalidDataException($"{part}[{rank}] (\"{merges[rank].Left}\" + \"{merges[rank].Right}\") needs the token \"{spelling}\", which the vocabulary lacks.");
    }

    /// <summary>Splits "left right" at its only space.</summary>
    /// <exception cref="InvalidDataException">There is not exactly one space inside the text.</exception>
    public static (string Left, string Right) Parse(string merge, int index, string part)
    {
        var space = merge.IndexOf(' ', StringComparison.Ordinal);
        return space > 0 && space < merge.Length - 1 && merge.IndexOf(' ', space + 1) < 0
            ? (merge[..space], merge[(space + 1)..])
            : throw new InvalidDataException($"{part}[{index}] is \"{merge}\": two spellings with one space between them were expected.");
    }

    /// <summary>The symbols that single characters start as.</summary>
    public static Dictionary<int, int> SingleCharacters(Dictionary<string, int> ids)
    {
        Dictionary<int, int> symbols = [];
        foreach (var (spelling, id) in ids)
        {
            var index = 0;
            if (spelling.Length is 1 or 2 && CodePoints.Next(spelling, ref index) is var codePoint && index == spelling.Length)
            {
                symbols[codePoint] = id;
            }
        }

        return symbols;
    }

    /// <summary>The ids of the byte tokens <c>&lt;0x00&gt;</c>..<c>&lt;0xFF&gt;</c>, -1 where there is none.</summary>
    public static int[] ByteTokens(Dictionary<string, int> ids)
    {
        var tokens = new int[256];
        for (var value = 0; value < 256; value++)
        {
            tokens[value] = ids.GetValueOrDefault($"<0x{value:X2}>", -1);
        }

        return tokens;
    }
}
