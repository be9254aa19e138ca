using MambaConnector;
using MambaConnector.Models;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>The embedded model for <c>AddMambaChatClient</c>.</summary>
public static class Mamba2ChatServiceOptionsExtensions
{
    /// <summary>Serves the model that comes with this package, on the device and with the threads that the options name.</summary>
    /// <param name="options">The options.</param>
    /// <returns><paramref name="options"/>.</returns>
    public static MambaServiceOptions UseEmbeddedModel(this MambaServiceOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.ModelFactory = _ => Mamba2Chat.Load(options.ToModelOptions());
        return options;
    }
}
