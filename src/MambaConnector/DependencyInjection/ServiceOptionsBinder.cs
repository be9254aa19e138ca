using Microsoft.Extensions.Configuration;

namespace MambaConnector.DependencyInjection;

/// <summary>Lays configuration over options, without reflection. What cannot be understood is an error.</summary>
internal static class ServiceOptionsBinder
{
    /// <exception cref="InvalidOperationException">A key names no member, or a value cannot be one of it; the message names key and
    /// value.</exception>
    public static void Bind(IConfiguration configuration, MambaServiceOptions options)
    {
        if (configuration.GetSection(nameof(options.CollapseMonitor)) is { } monitor && monitor.Exists())
        {
            throw new InvalidOperationException($"{monitor.Path} is set in code, on the options of AddMambaChatClient, and not in configuration.");
        }

        RequireName<MambaIsa>(configuration, nameof(options.Isa));
        RequireName<MambaWeightType>(configuration, nameof(options.WeightType));
        if (configuration.GetSection(nameof(options.LongContextPolicy)) is { Value.Length: > 0 } policy)
        {
            options.LongContextPolicy = ReadPolicy(policy);
        }

        GenerationOptions before = options.Generation;
        // The generated binder knows the key LongContextPolicy and leaves it alone (the warnings SYSLIB1100 and SYSLIB1101, off in the project).
        configuration.Bind(options, static binder => binder.ErrorOnUnknownConfiguration = true);
        GenerationSection section = new();
        configuration.GetSection(nameof(options.Generation)).Bind(section, static binder => binder.ErrorOnUnknownConfiguration = true);
        options.Generation = section.ToOptions().Or(before);
    }

    private static LongContextPolicy ReadPolicy(IConfigurationSection section)
    {
        try
        {
            return LongContextPolicy.Parse(section.Value!);
        }
        catch (Exception exception) when (exception is FormatException or IOException or UnauthorizedAccessException or MambaFormatException)
        {
            throw new InvalidOperationException($"{section.Path}: {exception.Message}", exception);
        }
    }

    // The binder's own message does not say which names there are.
    private static void RequireName<TEnum>(IConfiguration configuration, string key)
        where TEnum : struct, Enum
    {
        IConfigurationSection section = configuration.GetSection(key);
        if (section.Value is { Length: > 0 } name && !Enum.TryParse<TEnum>(name, ignoreCase: true, out _))
        {
            throw new InvalidOperationException($"{section.Path} is '{name}'; use one of {string.Join(", ", Enum.GetNames<TEnum>())}.");
        }
    }
}
