using Microsoft.Extensions.Configuration;

namespace MambaConnector.DependencyInjection;

/// <summary>Lays configuration over options, without reflection. What cannot be understood is an error.</summary>
internal static class ServiceOptionsBinder
{
    /// <exception cref="InvalidOperationException">A key names no member, or a value cannot be one of it; the message names key and
    /// value.</exception>
    public static void Bind(IConfiguration configuration, MambaServiceOptions options)
    {
        RequireName<MambaIsa>(configuration, nameof(options.Isa));
        RequireName<MambaWeightType>(configuration, nameof(options.WeightType));
        GenerationOptions before = options.Generation;
        configuration.Bind(options, static binder => binder.ErrorOnUnknownConfiguration = true);
        GenerationSection section = new();
        configuration.GetSection(nameof(options.Generation)).Bind(section, static binder => binder.ErrorOnUnknownConfiguration = true);
        options.Generation = section.ToOptions().Or(before);
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
