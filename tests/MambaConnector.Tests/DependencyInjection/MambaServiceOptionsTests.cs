using MambaConnector.Tests.Support;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Moq;

namespace MambaConnector.Tests.DependencyInjection;

/// <summary>What a host says about options when it starts.</summary>
public sealed class MambaServiceOptionsTests
{
    private static readonly string Missing = Path.Combine(AppContext.BaseDirectory, "no", "such.gguf");

    private static readonly string Present = typeof(MambaServiceOptionsTests).Assembly.Location;

    public static TheoryData<Action<MambaServiceOptions>, string> Mistakes => new()
    {
        {
            options => options.ModelFactory = null,
            "ModelPath is not set. Name a model directory or a GGUF file, or set ModelFactory, as UseEmbeddedModel() of " +
            "MambaConnector.Models.Mamba2Chat does."
        },
        {
            options => (options.ModelFactory, options.ModelPath) = (null, Missing),
            $"ModelPath is '{Missing}', and '{Missing}' does not exist."
        },
        { options => options.ModelPath = Present, $"there is a ModelFactory, and ModelPath is '{Present}': set one of them." },
        { options => options.Device = "tpu", "Device names the device 'tpu'; use 'cpu', 'auto' or 'cuda:N', for example 'cuda:0'." },
        { options => options.ThreadCount = 0, "ThreadCount is 0; use 1 or more, or leave it out for one a processor." },
        { options => options.Isa = (MambaIsa)99, "Isa is 99; use one of Auto, Scalar, Avx2, Avx512, Amx, Neon." },
        {
            options => options.WeightType = (MambaWeightType)99,
            $"WeightType is 99; use one of {string.Join(", ", Enum.GetNames<MambaWeightType>())}."
        },
        { options => options.TrainingLength = 0, "TrainingLength is 0; use 1 or more, or leave it out for what the checkpoint says." },
        { options => options.TokenizerPath = Missing, $"TokenizerPath is '{Missing}', and '{Missing}' does not exist." },
        {
            options => (options.UseDistributedCache, options.ConversationDirectory) = (true, "kept"),
            "UseDistributedCache is set, and ConversationDirectory is 'kept': set one of them."
        },
        {
            options => options.UseDistributedCache = true,
            "UseDistributedCache is set, and no IDistributedCache is registered: register one, for example with " +
            "AddStackExchangeRedisCache or AddDistributedMemoryCache."
        },
        { options => options.ConversationDirectory = Present, $"ConversationDirectory is '{Present}', which is no directory." },
        { options => options.ConversationMaxBytes = 0, "ConversationMaxBytes is 0; use 1 or more." },
        {
            options => options.ConversationExpiration = TimeSpan.Zero,
            "ConversationExpiration is 00:00:00; use more than zero, or leave it out."
        },
        { options => options.MaxConcurrency = 0, "MaxConcurrency" },
        { options => options.MaxQueueLength = -1, "MaxQueueLength" },
        { options => options.MaxInputTokens = 0, "MaxInputTokens" },
        { options => options.PrefillSliceTokens = 0, "PrefillSliceTokens" },
        { options => options.PrefixCacheBytes = -1, "PrefixCacheBytes" },
        { options => options.Generation = null!, "Generation" },
        { options => options.Generation = new GenerationOptions { Temperature = -1 }, "Generation: Temperature must be 0 or more." },
        { options => options.Generation = new GenerationOptions { TopP = 2 }, "Generation: TopP must be in (0, 1]." },
        { options => options.Generation = new GenerationOptions { MaxTokens = 0 }, "MaxTokens" },
        {
            options => options.Generation = new GenerationOptions { StopSequences = ["x", ""] },
            "Generation: a stop sequence is empty: it would end every reply at once."
        },
    };

    [Theory]
    [MemberData(nameof(Mistakes))]
    public async Task AMistakeEndsTheStart(Action<MambaServiceOptions> mistake, string sentence)
    {
        string failure = Assert.Single(await FailuresAsync(services => services.AddMambaChatClient(options =>
        {
            options.ModelFactory = _ => throw new InvalidOperationException("The model is loaded before anyone asks for it.");
            mistake(options);
        })).ConfigureAwait(true));
        Assert.StartsWith("MambaServiceOptions: ", failure, StringComparison.Ordinal);
        Assert.Contains(sentence, failure, StringComparison.Ordinal);
    }

    [Fact]
    public async Task EveryMistakeIsNamedAtOnceWithItsKey()
    {
        string[] failures = await FailuresAsync(services => services.AddKeyedMambaChatClient("small", options =>
        {
            options.Device = "tpu";
            options.ThreadCount = -1;
        })).ConfigureAwait(true);
        Assert.Equal(3, failures.Length);
        Assert.All(failures, failure => Assert.StartsWith("MambaServiceOptions 'small': ", failure, StringComparison.Ordinal));
    }

    [Fact]
    public async Task AModelOfTheApplicationNeedsNoPathAndTakesNoOptionsOfLoading()
    {
        using MambaModel model = TestModel.Create(TestModel.Reply("yes", () => 0), ChatTemplate.ChatMl);
        Assert.Empty(await FailuresAsync(services => services.AddMambaChatClient().AddSingleton(model)).ConfigureAwait(true));

        const string Sentence = "MambaServiceOptions: the application registered a MambaModel, so ModelPath, ModelFactory, Device, " +
            "ThreadCount, WeightType, Isa, TokenizerPath and TrainingLength say nothing: leave them out.";
        string[] before = await FailuresAsync(services => services
            .AddSingleton(model)
            .AddMambaChatClient(options => options.ThreadCount = 2)).ConfigureAwait(true);
        Assert.Equal([Sentence], before);
        string[] after = await FailuresAsync(services => services
            .AddMambaChatClient(options => options.ModelPath = Present)
            .AddSingleton(model)).ConfigureAwait(true);
        Assert.Equal([Sentence], after);
    }

    [Fact]
    public async Task AStoreOfTheApplicationTakesNoOptionsOfStores()
    {
        string[] failures = await FailuresAsync(services => services
            .AddSingleton(Mock.Of<IConversationStore>())
            .AddMambaChatClient(options =>
            {
                options.ModelPath = Present;
                options.ConversationMaxBytes = 1000;
            })).ConfigureAwait(true);
        Assert.Equal(
            "MambaServiceOptions: the application registered an IConversationStore, so ConversationDirectory, UseDistributedCache, " +
            "ConversationMaxBytes and ConversationExpiration say nothing: leave them out.",
            Assert.Single(failures));
    }

    [Fact]
    public async Task ADistributedCacheLimitsItsSizeItself()
    {
        string[] failures = await FailuresAsync(services => services
            .AddSingleton(Mock.Of<IDistributedCache>())
            .AddMambaChatClient(options =>
            {
                options.ModelPath = Present;
                options.UseDistributedCache = true;
                options.ConversationMaxBytes = 1000;
            })).ConfigureAwait(true);
        Assert.Equal(
            "MambaServiceOptions: UseDistributedCache is set, and the cache limits its size itself: leave ConversationMaxBytes out.",
            Assert.Single(failures));
    }

    [Fact]
    public async Task ADistributedCacheThatIsRegisteredLaterCounts()
    {
        Assert.Empty(await FailuresAsync(services => services
            .AddMambaChatClient(options =>
            {
                options.ModelPath = Present;
                options.UseDistributedCache = true;
            })
            .AddSingleton(Mock.Of<IDistributedCache>())).ConfigureAwait(true));
    }

    /// <summary>Starts a host and returns what it says against it.</summary>
    private static async Task<string[]> FailuresAsync(Action<IServiceCollection> register)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        register(builder.Services);
        using IHost host = builder.Build();
        try
        {
            await host.StartAsync().ConfigureAwait(true);
            await host.StopAsync().ConfigureAwait(true);
            return [];
        }
        catch (OptionsValidationException exception)
        {
            return [.. exception.Failures];
        }
    }
}
