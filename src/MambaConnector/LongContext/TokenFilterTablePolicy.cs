using System.Globalization;
using MambaConnector.LongContext;

namespace MambaConnector;

/// <summary>A token filter for prompts of any length (<see cref="LongContextPolicy.TokenFilter(TokenFilterTable)"/>).</summary>
public sealed record TokenFilterTablePolicy : LongContextPolicy
{
    /// <summary>Creates the policy.</summary>
    /// <param name="table">Thresholds for several lengths.</param>
    public TokenFilterTablePolicy(TokenFilterTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        Table = table;
    }

    /// <summary>Thresholds for several lengths.</summary>
    public TokenFilterTable Table { get; }

    private protected override string Text => string.Create(
        CultureInfo.InvariantCulture, $"filter:(thresholds for {string.Join(", ", Table.Rows.Select(row => row.Length))} tokens)");

    private protected override LongContextPolicy OfPrompt(long tokens) =>
        tokens <= Table.TrainingLength ? None : new TokenFilterPolicy(Table.RowFor(tokens).Thresholds.AsRows(), tokens);

    private protected override LongContextPolicy OfModel(MambaModelInfo model)
    {
        TokenFilterTable.CheckShape(Table.Rows[0].Thresholds, model);
        throw new ArgumentException(
            "A token filter's thresholds depend on how long the prompt is, and a session does not know that: set policy.ForPrompt(tokens), " +
            "with all tokens of the prompt, before it is read.");
    }
}
