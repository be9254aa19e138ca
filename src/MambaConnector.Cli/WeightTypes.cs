using System.CommandLine;

namespace MambaConnector.Cli;

/// <summary>Weight types by the names that scripts use: <c>f32</c>, <c>bf16</c>, <c>q8_0</c>, <c>q4_k</c>.</summary>
internal static class WeightTypes
{
    /// <summary>An option that takes one of the types.</summary>
    public static Option<string?> CreateOption(string name, string description, params string[] accepted)
    {
        Option<string?> option = new(name, "-w") { HelpName = string.Join('|', accepted), Description = description };
        return option.AcceptOnlyFromAmong(StringComparer.OrdinalIgnoreCase, accepted);
    }

    /// <summary>The type of a name.</summary>
    public static MambaWeightType Parse(string? name) => name is null ? MambaWeightType.AsStored : Enum.Parse<MambaWeightType>(name, ignoreCase: true);

    /// <summary>The name of a type.</summary>
    public static string Name(this MambaWeightType type) => type.ToString().ToLowerInvariant();
}
