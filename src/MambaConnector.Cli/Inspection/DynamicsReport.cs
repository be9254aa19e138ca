using System.Globalization;
using MambaConnector.Cli.Output;
using MambaConnector.Cli.Plots;

namespace MambaConnector.Cli.Inspection;

/// <summary>A layer's dynamics in all the forms in which they are shown.</summary>
/// <param name="model">What the user calls the model.</param>
/// <param name="policy">The long-context policy.</param>
/// <param name="every">Tokens that were taken together.</param>
/// <param name="layer">The layer.</param>
/// <param name="trainingLength">Tokens; 0 where it is not known.</param>
/// <param name="dynamics">At least one position.</param>
internal sealed class DynamicsReport(string model, string policy, int every, int layer, long trainingLength, LayerDynamics dynamics)
{
    /// <summary>The document.</summary>
    public DynamicsDocument ToDocument() => new(
        model, policy, dynamics.Positions[^1], every, layer, dynamics.Positions,
        [
            .. dynamics.Heads.Select(head => new HeadDynamicsDocument(
                head.Head, head.Dt, head.Decay, head.BNorm, head.XNorm, head.Memory)),
        ]);

    /// <summary>A row a position and head.</summary>
    public CsvTable ToTable()
    {
        CsvTable table = new("position", "layer", "head", "dt", "decay", "b_norm", "x_norm", "memory");
        for (int index = 0; index < dynamics.Positions.Count; index++)
        {
            foreach (HeadDynamics head in dynamics.Heads)
            {
                table.AddRow(
                    dynamics.Positions[index], layer, head.Head, head.Dt[index], head.Decay[index],
                    head.BNorm[index], head.XNorm[index], head.Memory[index]);
            }
        }

        return table;
    }

    /// <summary>One line a head.</summary>
    public void Draw(Stream stream, DynamicsQuantity quantity) => new LineChart
    {
        Title = $"{Path.GetFileName(model.TrimEnd('/', '\\'))}, policy {policy}, layer {layer}: {Name(quantity)}",
        X = new PlotAxis("position, tokens", Format: value => value.ToString("N0", CultureInfo.InvariantCulture)),
        Y = new PlotAxis(Name(quantity)),
        Including = quantity == DynamicsQuantity.Decay ? null : 0,
        Mark = trainingLength > 0 ? (trainingLength, "T_train") : null,
        Series =
        [
            .. dynamics.Heads.Select(head => new PlotSeries(
                $"head {head.Head}", [.. dynamics.Positions.Zip(Values(head, quantity), (position, value) => ((double)position, value))])),
        ],
    }.Write(stream);

    /// <summary>Means over the text, and what is left of the first token at its end.</summary>
    public void Print(TextWriter output)
    {
        output.WriteLine($"{model}, policy {policy}, layer {layer}, {dynamics.Positions[^1]:N0} tokens read");
        output.WriteLine(" head         dt      decay      ||B||      ||x||     memory");
        foreach (HeadDynamics head in dynamics.Heads)
        {
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{head.Head,5} {head.Dt.Average(),10:G4} {head.Decay.Average(),10:G4} {head.BNorm.Average(),10:G4} {head.XNorm.Average(),10:G4} " +
                $"{head.Memory[^1],10:G4}"));
        }
    }

    private static List<double> Values(HeadDynamics head, DynamicsQuantity quantity) => quantity switch
    {
        DynamicsQuantity.Dt => head.Dt,
        DynamicsQuantity.Decay => head.Decay,
        DynamicsQuantity.B => head.BNorm,
        DynamicsQuantity.X => head.XNorm,
        _ => head.Memory,
    };

    private static string Name(DynamicsQuantity quantity) => quantity switch
    {
        DynamicsQuantity.Dt => "dt",
        DynamicsQuantity.Decay => "decay a token",
        DynamicsQuantity.B => "||B||",
        DynamicsQuantity.X => "||x||",
        _ => "what is left of the first token",
    };
}
