using System.CommandLine;

namespace MambaConnector.Cli;

/// <summary>The option <c>--shape</c>: a model of random weights, so that no download is needed.</summary>
internal sealed class ShapeOption
{
    private readonly Option<string?> _shape = new("--shape")
    {
        HelpName = "name",
        Description = $"A model of random weights instead of --model: {string.Join(", ", MambaShape.Names)}.",
    };

    /// <summary>Adds it to a verb.</summary>
    public static ShapeOption AddTo(Command command)
    {
        ShapeOption option = new();
        option._shape.AcceptOnlyFromAmong(StringComparer.OrdinalIgnoreCase, [.. MambaShape.Names]);
        command.Add(option._shape);
        return option;
    }

    /// <summary>What the user calls the shape, or null where a model is meant.</summary>
    public string? Name(ParseResult parsed) => parsed.GetValue(_shape);

    /// <summary>The shape with the matrices asked for, or null where a model is meant.</summary>
    /// <exception cref="UsageException">Both were given.</exception>
    public MambaShape? Get(ParseResult parsed, ModelOptions model, MambaWeightType weights)
    {
        if (Name(parsed) is not string name)
        {
            return null;
        }

        if (model.IsGiven(parsed))
        {
            throw new UsageException("Give --shape or --model, not both.");
        }

        MambaShape shape = MambaShape.Parse(name);
        return weights == MambaWeightType.AsStored ? shape : shape with { WeightType = weights };
    }
}
