using MambaConnector.Tests.Support;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Moq;

namespace MambaConnector.Tests.DependencyInjection;

public sealed class MambaServiceCollectionTests
{
    [Fact]
    public void OneLineRegistersTheClientByBothOfItsTypes()
    {
        MambaModel model = CreateModel();
        using ServiceProvider provider = new ServiceCollection()
            .AddMambaChatClient(options => options.ModelFactory = _ => model)
            .BuildServiceProvider();

        MambaChatClient client = provider.GetRequiredService<MambaChatClient>();
        Assert.Same(client, provider.GetRequiredService<IChatClient>());
        Assert.Same(model, provider.GetRequiredService<MambaModel>());
        Assert.Same(model, ((IChatClient)client).GetService<MambaModel>());
        Assert.Same(provider.GetRequiredService<IConversationStore>(), ((IChatClient)client).GetService<IConversationStore>());
        Assert.IsType<MemoryConversationStore>(provider.GetRequiredService<IConversationStore>());
    }

    [Fact]
    public void TheModelIsMadeOnceAndOnlyWhenTheClientIsAskedFor()
    {
        int made = 0;
        using ServiceProvider provider = new ServiceCollection()
            .AddMambaChatClient(options => options.ModelFactory = _ =>
            {
                made++;
                return CreateModel();
            })
            .BuildServiceProvider();

        _ = provider.GetRequiredService<IOptionsMonitor<MambaServiceOptions>>().CurrentValue;
        Assert.Equal(0, made);
        _ = provider.GetRequiredService<IChatClient>();
        _ = provider.GetRequiredService<MambaModel>();
        Assert.Equal(1, made);
    }

    [Fact]
    public void ClientsOfDifferentKeysHaveModelsStoresAndOptionsOfTheirOwn()
    {
        using ServiceProvider provider = new ServiceCollection()
            .AddKeyedMambaChatClient("a", options => (options.ModelFactory, options.ModelId) = (_ => CreateModel(), "model-a"))
            .AddKeyedMambaChatClient(DayOfWeek.Friday, options => (options.ModelFactory, options.ModelId) = (_ => CreateModel(), "model-b"))
            .BuildServiceProvider();

        IChatClient first = provider.GetRequiredKeyedService<IChatClient>("a");
        IChatClient second = provider.GetRequiredKeyedService<IChatClient>(DayOfWeek.Friday);
        Assert.Equal("model-a", first.GetService<ChatClientMetadata>()!.DefaultModelId);
        Assert.Equal("model-b", second.GetService<ChatClientMetadata>()!.DefaultModelId);
        Assert.NotSame(first.GetService<MambaModel>(), second.GetService<MambaModel>());
        Assert.NotSame(first.GetService<IConversationStore>(), second.GetService<IConversationStore>());
        Assert.Null(provider.GetService<IChatClient>());
        Assert.Null(provider.GetService<MambaModel>());
    }

    [Fact]
    public void ClientsOfDifferentKeysShareAModelThatTheyAreGiven()
    {
        using MambaModel model = CreateModel();
        using ServiceProvider provider = new ServiceCollection()
            .AddSingleton(model)
            .AddKeyedMambaChatClient("a", options => options.ModelFactory = services => services.GetRequiredService<MambaModel>())
            .AddKeyedMambaChatClient("b", options => options.ModelFactory = services => services.GetRequiredService<MambaModel>())
            .BuildServiceProvider();

        Assert.Same(model, provider.GetRequiredKeyedService<IChatClient>("a").GetService<MambaModel>());
        Assert.Same(model, provider.GetRequiredKeyedService<IChatClient>("b").GetService<MambaModel>());
    }

    [Fact]
    public void NoKeyAndANullKeyAreTheSame()
    {
        using ServiceProvider provider = new ServiceCollection()
            .AddKeyedMambaChatClient(null, options => options.ModelFactory = _ => CreateModel())
            .BuildServiceProvider();
        Assert.Same(provider.GetRequiredService<MambaChatClient>(), provider.GetRequiredService<IChatClient>());
    }

    [Fact]
    public void AnyKeyIsRefused()
    {
        ArgumentException exception = Assert.Throws<ArgumentException>(
            () => new ServiceCollection().AddKeyedMambaChatClient(KeyedService.AnyKey));
        Assert.Contains("AnyKey", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void RegisteringAgainConfiguresTheSameClientFurther()
    {
        IServiceCollection services = new ServiceCollection()
            .AddMambaChatClient(options =>
            {
                options.ModelFactory = _ => CreateModel();
                options.ModelId = "first";
                options.MaxConcurrency = 3;
            })
            .AddMambaChatClient(options => options.ModelId = "second");
        using ServiceProvider provider = services.BuildServiceProvider();

        Assert.Equal("second", Assert.Single(provider.GetServices<IChatClient>()).GetService<ChatClientMetadata>()!.DefaultModelId);
        Assert.Equal(3, provider.GetRequiredService<IOptionsMonitor<MambaServiceOptions>>().CurrentValue.MaxConcurrency);
        Assert.Single(services, service => service.ServiceType == typeof(IValidateOptions<MambaServiceOptions>));
    }

    [Fact]
    public void AnotherChatClientOfTheApplicationStaysRegistered()
    {
        IChatClient other = Mock.Of<IChatClient>();
        using ServiceProvider provider = new ServiceCollection()
            .AddSingleton(other)
            .AddMambaChatClient(options => options.ModelFactory = _ => CreateModel())
            .BuildServiceProvider();
        Assert.Equal([other, provider.GetRequiredService<MambaChatClient>()], provider.GetServices<IChatClient>());
    }

    [Fact]
    public void OptionsComeFromConfigurationAndThenFromCode()
    {
        IConfiguration configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(new Dictionary<string, string?>
            {
                ["ModelId"] = "configured",
                ["MaxConcurrency"] = "3",
                ["Generation:TopK"] = "4",
            })
            .Build();
        using ServiceProvider provider = new ServiceCollection()
            .AddMambaChatClient(configuration, options => (options.ModelFactory, options.MaxConcurrency) = (_ => CreateModel(), 5))
            .AddKeyedMambaChatClient("keyed", configuration, options => options.ModelFactory = _ => CreateModel())
            .BuildServiceProvider();

        IOptionsMonitor<MambaServiceOptions> options = provider.GetRequiredService<IOptionsMonitor<MambaServiceOptions>>();
        MambaServiceOptions unkeyed = options.CurrentValue;
        Assert.Equal(("configured", 5, 4), (unkeyed.ModelId, unkeyed.MaxConcurrency, unkeyed.Generation.TopK));
        Assert.Equal(3, options.Get("keyed").MaxConcurrency);
        Assert.Equal("configured", provider.GetRequiredKeyedService<IChatClient>("keyed").GetService<ChatClientMetadata>()!.DefaultModelId);
    }

    [Fact]
    public void WithoutAHostAMistakeShowsWhenTheClientIsAskedFor()
    {
        using ServiceProvider provider = new ServiceCollection().AddMambaChatClient().BuildServiceProvider();
        Assert.Throws<OptionsValidationException>(provider.GetRequiredService<IChatClient>);
    }

    [Fact]
    public void AFactoryThatMakesNoModelIsNamed()
    {
        using ServiceProvider provider = new ServiceCollection()
            .AddMambaChatClient(options => options.ModelFactory = _ => null!)
            .BuildServiceProvider();
        InvalidOperationException exception = Assert.Throws<InvalidOperationException>(provider.GetRequiredService<IChatClient>);
        Assert.Contains("ModelFactory", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ADirectoryKeepsConversations()
    {
        string directory = Directory.CreateTempSubdirectory("mamba-").FullName;
        try
        {
            using ServiceProvider provider = new ServiceCollection()
                .AddMambaChatClient(options => (options.ModelFactory, options.ConversationDirectory) = (_ => CreateModel(), directory))
                .BuildServiceProvider();
            Assert.IsType<DirectoryConversationStore>(provider.GetRequiredService<IConversationStore>());
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData("key")]
    public async Task ADistributedCacheKeepsConversationsAndThatOfTheKeyComesFirst(string? key)
    {
        Mock<IDistributedCache> unkeyed = new();
        Mock<IDistributedCache> keyed = new();
        ServiceProvider provider = new ServiceCollection()
            .AddSingleton(unkeyed.Object)
            .AddKeyedSingleton("key", keyed.Object)
            .AddKeyedMambaChatClient(key, options => (options.ModelFactory, options.UseDistributedCache) = (_ => CreateModel(), true))
            .BuildServiceProvider();
        await using System.Runtime.CompilerServices.ConfiguredAsyncDisposable disposal = provider.ConfigureAwait(true);

        IConversationStore store = provider.GetRequiredKeyedService<IConversationStore>(key);
        _ = await store.LoadAsync("id").ConfigureAwait(true);
        Assert.Equal((key is null, key is not null), (unkeyed.Invocations.Count > 0, keyed.Invocations.Count > 0));
    }

    [Fact]
    public void AStoreOfTheApplicationComesFirst()
    {
        IConversationStore own = Mock.Of<IConversationStore>();
        using ServiceProvider provider = new ServiceCollection()
            .AddSingleton(own)
            .AddMambaChatClient(options => options.ModelFactory = _ => CreateModel())
            .BuildServiceProvider();
        Assert.Same(own, provider.GetRequiredService<IChatClient>().GetService<IConversationStore>());
    }

    [Fact]
    public void TheContainerDisposesTheClientThenTheStoreThenTheModel()
    {
        List<string> order = [];
        ScriptedBackend backend = TestModel.Reply("yes", () => 0);
        backend.Disposing = () => order.Add("model");
        IChatClient? client = null;
        Mock<IConversationStore> store = new();
        store.As<IDisposable>().Setup(disposed => disposed.Dispose()).Callback(() =>
        {
            Assert.Throws<ObjectDisposedException>(() => client!.GetStreamingResponseAsync([]));
            order.Add("store, after the client");
        });
        ServiceProvider provider = new ServiceCollection()
            .AddMambaChatClient(options => options.ModelFactory = _ => TestModel.Create(backend, ChatTemplate.ChatMl))
            .AddSingleton(_ => store.Object)
            .BuildServiceProvider();
        client = provider.GetRequiredService<IChatClient>();
        provider.Dispose();

        Assert.Equal(["store, after the client", "model"], order);
    }

    private static MambaModel CreateModel() => TestModel.Create(TestModel.Reply("yes", () => 0), ChatTemplate.ChatMl);
}
