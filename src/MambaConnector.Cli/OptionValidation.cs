using System.CommandLine;
using System.CommandLine.Parsing;

namespace MambaConnector.Cli;

/// <summary>Checks of option values, so that a wrong one is bad usage.</summary>
internal static class OptionValidation
{
    /// <summary>Refuses values that do not satisfy <paramref name="accepts"/>.</summary>
    public static void MustBe<T>(this Option<T> option, Func<T, bool> accepts, string range) => option.Validators.Add(result =>
    {
        if (result.Tokens.Count > 0 && !(TryGetValue(result, out T? value) && accepts(value!)))
        {
            result.AddError($"{option.Name} must be {range}");
        }
    });

    // The parser converts when it is asked, and throws.
    private static bool TryGetValue<T>(OptionResult result, out T? value)
    {
        try
        {
            value = result.GetValueOrDefault<T>();
            return true;
        }
        catch (InvalidOperationException)
        {
            value = default;
            return false;
        }
    }
}
