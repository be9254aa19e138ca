using System.Text.Json;

namespace MambaConnector.LongContext;

/// <summary>A <see cref="TokenFilterTable"/> as JSON.</summary>
internal sealed record TokenFilterDocument(long TrainingLength, TokenFilterRowDocument[] Rows)
{
    public static TokenFilterDocument Of(TokenFilterTable table) => new(
        table.TrainingLength,
        [.. table.Rows.Select(row => new TokenFilterRowDocument(row.Length, [.. row.Thresholds.Select(layer => layer.ToArray())]))]);

    public TokenFilterTable ToTable() => new(
        TrainingLength, Rows.Select(row => row is null ? throw new JsonException("A row is null.") : new TokenFilterRow(row.Length, row.Thresholds)));
}
