using System.Collections.Immutable;
using System.Text.Json;
using MambaConnector.Io;
using MambaConnector.LongContext;

namespace MambaConnector;

/// <summary>A token filter's thresholds for prompts of several lengths (LongMamba, ICLR 2025), as <c>mamba eval calibrate</c> writes them.
/// Immutable, with value equality.</summary>
public sealed record TokenFilterTable
{
    /// <summary>Creates a table.</summary>
    /// <param name="trainingLength">T_train, tokens: prompts within it are not filtered.</param>
    /// <param name="rows">At least one; of different lengths, all of one shape. Sorted here.</param>
    /// <exception cref="ArgumentException">There is no row, two have the same length, or their shapes differ.</exception>
    public TokenFilterTable(long trainingLength, IEnumerable<TokenFilterRow> rows)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(trainingLength, 1);
        ArgumentNullException.ThrowIfNull(rows);
        TrainingLength = trainingLength;
        Rows = [.. rows.OrderBy(row => row.Length)];
        if (Rows.IsEmpty)
        {
            throw new ArgumentException("A token filter's table has thresholds for at least one length.", nameof(rows));
        }

        for (int index = 1; index < Rows.Length; index++)
        {
            if (Rows[index].Length == Rows[index - 1].Length)
            {
                throw new ArgumentException($"A token filter's table has thresholds for {Rows[index].Length} tokens twice.", nameof(rows));
            }

            if (!LayerValues.SameShape(Rows[index].Thresholds, Rows[0].Thresholds))
            {
                throw new ArgumentException(
                    $"A token filter's thresholds for {Rows[index].Length} tokens are of another shape than those for {Rows[0].Length}.",
                    nameof(rows));
            }
        }
    }

    /// <summary>T_train, tokens: prompts within it are not filtered.</summary>
    public long TrainingLength { get; }

    /// <summary>Thresholds by the length of the prompt, ascending.</summary>
    public ImmutableArray<TokenFilterRow> Rows { get; }

    /// <summary>Reads a table that <see cref="Save"/> wrote.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="IOException">Reading failed.</exception>
    /// <exception cref="MambaFormatException">The file holds something else.</exception>
    public static TokenFilterTable Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return LongContextFile.Read(path, "a token filter's table", LongContextJson.Default.TokenFilterDocument, document => document.ToTable());
    }

    /// <summary>Writes the table as JSON: <c>{"training_length": T, "rows": [{"length": S, "thresholds": [[...], ...]}, ...]}</c>. The file appears
    /// whole or not at all.</summary>
    /// <param name="path">The file; replaced if it exists.</param>
    /// <exception cref="IOException">Writing failed; the file is as before.</exception>
    public void Save(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        AtomicFile.Write(path, stream => JsonSerializer.Serialize(stream, TokenFilterDocument.Of(this), LongContextJson.Default.TokenFilterDocument));
    }

    /// <summary>The thresholds for a prompt: those of the least length that is not below it, or else of the largest.</summary>
    /// <param name="promptLength">Tokens.</param>
    public TokenFilterRow RowFor(long promptLength) => Rows.FirstOrDefault(row => row.Length >= promptLength) ?? Rows[^1];

    /// <inheritdoc/>
    public bool Equals(TokenFilterTable? other) =>
        other is not null && TrainingLength == other.TrainingLength && Rows.AsSpan().SequenceEqual(other.Rows.AsSpan());

    /// <inheritdoc/>
    public override int GetHashCode() => Rows.Aggregate(TrainingLength.GetHashCode(), HashCode.Combine);

    internal static ImmutableArray<ImmutableArray<float>> CopyThresholds(IReadOnlyList<IReadOnlyList<float>> thresholds, string name) =>
        LayerValues.Copy(thresholds, value => value >= 0 && float.IsFinite(value), "a token filter's thresholds are 0 or more", name);

    internal static void CheckShape(ImmutableArray<ImmutableArray<float>> thresholds, MambaModelInfo model)
    {
        bool hasHeads = model.HeadCount > 0;
        LayerValues.CheckShape(
            thresholds, model.LayerCount, hasHeads ? model.HeadCount : model.DInner, "the thresholds of a token filter",
            hasHeads ? "heads" : "channels");
    }
}
