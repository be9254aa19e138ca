using System.Numerics;

namespace MambaConnector.Tokenization;

/// <summary>The merges by pair of symbols: an open-addressed hash table with one cache line a lookup, built once.</summary>
internal sealed class MergeMap
{
    private readonly Entry[] _entries;
    private readonly int _shift;
    private readonly int[] _symbolOfRank;

    /// <param name="merges">The merges by pair, see <see cref="Pair"/>.</param>
    public MergeMap(IReadOnlyDictionary<ulong, Merge> merges)
    {
        var size = BitOperations.RoundUpToPowerOf2((uint)merges.Count * 2 + 16);
        _entries = new Entry[size];
        _shift = 64 - BitOperations.Log2(size);
        _symbolOfRank = new int[merges.Count == 0 ? 0 : merges.Values.Max(merge => merge.Rank) + 1];
        Array.Fill(_symbolOfRank, -1);
        foreach (var (pair, merge) in merges)
        {
            var slot = SlotOf(pair);
            while (_entries[slot].IsUsed)
            {
                slot = (slot + 1) & (_entries.Length - 1);
            }

            _entries[slot] = new Entry(pair, merge.Rank, ~merge.Symbol);
            ref var symbol = ref _symbolOfRank[merge.Rank];
            symbol = symbol is -1 || symbol == merge.Symbol ? merge.Symbol : -2;
        }
    }

    /// <summary>Two symbols as one key.</summary>
    public static ulong Pair(int left, int right) => (ulong)(uint)left << 32 | (uint)right;

    /// <summary>The merge of a pair.</summary>
    public bool TryGet(int left, int right, out Merge merge)
    {
        var pair = Pair(left, right);
        for (var slot = SlotOf(pair); ; slot = (slot + 1) & (_entries.Length - 1))
        {
            ref readonly var entry = ref _entries[slot];
            if (!entry.IsUsed)
            {
                merge = default;
                return false;
            }

            if (entry.Pair == pair)
            {
                merge = new Merge(entry.Rank, ~entry.InvertedSymbol);
                return true;
            }
        }
    }

    /// <summary>
    /// Whether a candidate of this rank still stands, given the merge that its two places would make now: it must be of the same result.
    /// (Not of the same pair: Hugging Face's library and llama.cpp both look at the result only.)
    /// </summary>
    public bool Stands(int rank, Merge now) => now.Rank == rank || _symbolOfRank[rank] == now.Symbol;

    private int SlotOf(ulong pair) => (int)(pair * 0x9E3779B97F4A7C15UL >> _shift);

    // The symbol is kept inverted so that an empty entry (all zero) is told from every used one.
    private readonly record struct Entry(ulong Pair, int Rank, int InvertedSymbol)
    {
        public bool IsUsed => InvertedSymbol != 0;
    }
}
