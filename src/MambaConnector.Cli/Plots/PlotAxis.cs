using System.Globalization;

namespace MambaConnector.Cli.Plots;

/// <summary>One axis of a plot.</summary>
/// <param name="Title">What is along it, with its unit.</param>
/// <param name="LogarithmBase">Steps are powers of this; 0: a linear axis.</param>
/// <param name="Format">Spells a value at a tick; null: as a number.</param>
internal sealed record PlotAxis(string Title, int LogarithmBase = 0, Func<double, string>? Format = null)
{
    /// <summary>Positions in a text, by powers of two: 1, 512, 8K, 1M.</summary>
    public static PlotAxis Positions { get; } = new("position, tokens", 2, value => TokenLengths.Format((long)value));

    /// <summary>A value as it stands at a tick.</summary>
    public string Spell(double value) => Format is null ? value.ToString("0.######", CultureInfo.InvariantCulture) : Format(value);
}
