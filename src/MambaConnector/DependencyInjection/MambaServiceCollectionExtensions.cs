using System.Diagnostics.Metrics;
using MambaConnector;
using MambaConnector.DependencyInjection;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers Mamba models as chat clients.</summary>
/// <remarks>Each registration adds singletons of <see cref="IChatClient"/>, <see cref="MambaChatClient"/> (the same object),
/// <see cref="IConversationStore"/> and <see cref="MambaModel"/>; of the last two the application's own are used where it has some. The
/// options, <see cref="MambaServiceOptions"/> under the key's text as their name, are checked when the host starts; the model is loaded
/// when the client is first asked for. The container disposes the client first, then the store, then the model. Registering again under the
/// same key only configures further.</remarks>
public static class MambaServiceCollectionExtensions
{
    /// <summary>Registers a chat client.</summary>
    /// <param name="services">Where.</param>
    /// <param name="configure">Sets the options; null: something else does, or a model is registered.</param>
    /// <returns><paramref name="services"/>.</returns>
    public static IServiceCollection AddMambaChatClient(this IServiceCollection services, Action<MambaServiceOptions>? configure = null) =>
        Add(services, null, null, configure);

    /// <summary>Registers a chat client with options from configuration.</summary>
    /// <param name="services">Where.</param>
    /// <param name="configuration">A section whose keys are members of <see cref="MambaServiceOptions"/>.</param>
    /// <param name="configure">Sets options after that; null: nothing more is to be set.</param>
    /// <returns><paramref name="services"/>.</returns>
    public static IServiceCollection AddMambaChatClient(
        this IServiceCollection services, IConfiguration configuration, Action<MambaServiceOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        return Add(services, null, configuration, configure);
    }

    /// <summary>Registers a chat client under a key. Clients of different keys have models of their own, unless they are given the same
    /// one.</summary>
    /// <param name="services">Where.</param>
    /// <param name="serviceKey">The key; null: none. Keys are told apart by their text as well, so it must be their own.</param>
    /// <param name="configure">Sets the options; null: something else does, or a model is registered.</param>
    /// <returns><paramref name="services"/>.</returns>
    /// <exception cref="ArgumentException">The key is <see cref="KeyedService.AnyKey"/>.</exception>
    public static IServiceCollection AddKeyedMambaChatClient(
        this IServiceCollection services, object? serviceKey, Action<MambaServiceOptions>? configure = null) =>
        Add(services, serviceKey, null, configure);

    /// <summary>Registers a chat client under a key with options from configuration.</summary>
    /// <param name="services">Where.</param>
    /// <param name="serviceKey">The key; null: none. Keys are told apart by their text as well, so it must be their own.</param>
    /// <param name="configuration">A section whose keys are members of <see cref="MambaServiceOptions"/>.</param>
    /// <param name="configure">Sets options after that; null: nothing more is to be set.</param>
    /// <returns><paramref name="services"/>.</returns>
    /// <exception cref="ArgumentException">The key is <see cref="KeyedService.AnyKey"/>.</exception>
    public static IServiceCollection AddKeyedMambaChatClient(
        this IServiceCollection services, object? serviceKey, IConfiguration configuration, Action<MambaServiceOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        return Add(services, serviceKey, configuration, configure);
    }

    private static IServiceCollection Add(
        IServiceCollection services, object? key, IConfiguration? configuration, Action<MambaServiceOptions>? configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        if (ReferenceEquals(key, KeyedService.AnyKey))
        {
            throw new ArgumentException("A chat client has one model, so its key cannot be KeyedService.AnyKey.", nameof(key));
        }

        string name = key?.ToString() ?? Options.Options.DefaultName;
        OptionsBuilder<MambaServiceOptions> options = services.AddOptions<MambaServiceOptions>(name);
        if (configuration is not null)
        {
            options.Configure(bound => ServiceOptionsBinder.Bind(configuration, bound));
        }

        if (configure is not null)
        {
            options.Configure(configure);
        }

        if (!services.Any(service => service.ServiceType == typeof(MambaChatClient) && Equals(service.ServiceKey, key)))
        {
            options.ValidateOnStart();
            AddServices(services, key, name);
        }

        return services;
    }

    private static void AddServices(IServiceCollection services, object? key, string name)
    {
        ServiceDescriptor model = ServiceDescriptor.KeyedSingleton(key, (provider, _) => CreateModel(provider, OptionsOf(provider)));
        ServiceDescriptor store = ServiceDescriptor.KeyedSingleton(key, (provider, _) => CreateStore(provider, key, OptionsOf(provider)));
        services.TryAdd(model);
        services.TryAdd(store);
        services.AddKeyedSingleton(key, (provider, _) => CreateClient(provider, key, OptionsOf(provider)));
        services.AddKeyedSingleton<IChatClient>(key, (provider, _) => provider.GetRequiredKeyedService<MambaChatClient>(key));

        // The collection is complete when this runs: what the application registered later counts too.
        services.AddSingleton<IValidateOptions<MambaServiceOptions>>(_ => new MambaServiceOptionsValidator(
            name, hasOwnModel: IsReplaced(model), hasOwnStore: IsReplaced(store), hasDistributedCache: HasDistributedCache()));

        MambaServiceOptions OptionsOf(IServiceProvider provider) =>
            provider.GetRequiredService<IOptionsMonitor<MambaServiceOptions>>().Get(name);

        bool IsReplaced(ServiceDescriptor own) =>
            services.Last(service => service.ServiceType == own.ServiceType && Equals(service.ServiceKey, key)) != own;

        bool HasDistributedCache() => services.Any(service =>
            service.ServiceType == typeof(IDistributedCache) && (service.ServiceKey is null || Equals(service.ServiceKey, key)));
    }

    private static MambaModel CreateModel(IServiceProvider provider, MambaServiceOptions options) =>
        options.ModelFactory is null
            ? MambaModel.Load(options.ModelPath!, options.ToModelOptions())
            : options.ModelFactory(provider) ?? throw new InvalidOperationException("MambaServiceOptions.ModelFactory returned no model.");

    private static IConversationStore CreateStore(IServiceProvider provider, object? key, MambaServiceOptions options)
    {
        if (options.UseDistributedCache)
        {
            return new DistributedCacheConversationStore(
                provider.GetKeyedService<IDistributedCache>(key) ?? provider.GetRequiredService<IDistributedCache>(),
                options.ConversationExpiration is TimeSpan unused ? new DistributedCacheEntryOptions { SlidingExpiration = unused } : null);
        }

        ConversationStoreOptions limits = new() { SlidingExpiration = options.ConversationExpiration };
        limits.MaxBytes = options.ConversationMaxBytes ?? limits.MaxBytes;
        TimeProvider? time = provider.GetService<TimeProvider>();
        return options.ConversationDirectory is string directory
            ? new DirectoryConversationStore(directory, limits, time)
            : new MemoryConversationStore(limits, time);
    }

    private static MambaChatClient CreateClient(IServiceProvider provider, object? key, MambaServiceOptions options)
    {
        // The order of disposal is the reverse of this one.
        MambaModel model = provider.GetRequiredKeyedService<MambaModel>(key);
        IConversationStore store = provider.GetRequiredKeyedService<IConversationStore>(key);
        return new MambaChatClient(model, options, store, provider.GetService<ILoggerFactory>(), provider.GetService<IMeterFactory>());
    }
}
