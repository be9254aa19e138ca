using System.Globalization;
using FsCheck;

namespace MambaConnector.Tests.Support;

/// <summary>How the property tests choose their cases: the same ones in every run, so that a run fails by what was changed and by nothing
/// else.</summary>
/// <remarks>The variable MAMBA_TEST_SEED chooses others: <c>random</c>, ones that nobody has tried; <c>1,3</c>, those of a seed and an odd second
/// number; what a failure prints, <c>(1,3)</c> all of its cases and <c>(1,3,70)</c> only the one that failed.</remarks>
internal static class PropertyConfig
{
    private const string Variable = "MAMBA_TEST_SEED";
    private const string Usual = "1,3";

    /// <param name="count">How many cases.</param>
    public static Config Of(int count)
    {
        Config config = Config.QuickThrowOnFailure.WithMaxTest(count);
        string seed = Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } given ? given : Usual;
        if (seed == "random")
        {
            return config;
        }

        string[] parts = seed.Trim('(', ')').Split(',');
        if (parts.Length is 2 or 3
            && ulong.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out ulong first)
            && ulong.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out ulong second)
            && second % 2 == 1)
        {
            if (parts.Length == 2)
            {
                return config.WithReplay(first, second);
            }

            if (int.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out int size))
            {
                return config.WithReplay(first, second, size);
            }
        }

        throw new InvalidOperationException($"{Variable} is '{seed}', and neither 'random' nor a seed such as '1,3' or '1,3,70' (the second number odd).");
    }
}
