using System.CommandLine;

namespace MambaConnector.Cli;

/// <summary>Checks of option values, so that a wrong one is bad usage.</summary>
internal static class OptionValidation
{
    /// <summary>Refuses values that do not satisfy <paramref name="accepts"/>.</summary>
    public static void MustBe<T>(this Option<T> option, Func<T, bool> accepts, string range) => option.Validators.Add(result =>
    {
        // A value that does not even parse has its error already.
        if (!result.Errors.Any() && result.Tokens.Count > 0 && !accepts(result.GetValueOrDefault<T>()!))
        {
            result.AddError($"{option.Name} must be {range}");
        }
    });
}
