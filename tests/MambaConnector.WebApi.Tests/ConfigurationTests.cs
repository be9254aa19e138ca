using MambaConnector.Models;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace MambaConnector.WebApi.Tests;

/// <summary>The section <c>Mamba</c> of the sample's settings.</summary>
public sealed class ConfigurationTests
{
    [Fact]
    public void AModelByPathTakesThePlaceOfTheEmbeddedOneOnTheDeviceThatIsAskedFor()
    {
        using WebApiServer server = new();
        using WebApplicationFactory<Program> factory = server.WithWebHostBuilder(builder => builder
            .UseSetting("Mamba:ModelPath", Mamba2Chat.Path)
            .UseSetting("Mamba:ModelId", "mine")
            .UseSetting("Mamba:ThreadCount", "1"));
        Assert.Equal("mine", factory.Services.GetRequiredService<IChatClient>().GetService<ChatClientMetadata>()!.DefaultModelId);
        Assert.Equal(1, factory.Services.GetRequiredService<MambaModel>().EngineInfo.ThreadCount);
    }

    [Fact]
    public void TheEmbeddedModelRunsAsTheOptionsSay()
    {
        using WebApiServer server = new();
        using WebApplicationFactory<Program> factory = server.WithWebHostBuilder(builder => builder
            .UseSetting("Mamba:ThreadCount", "1")
            .UseSetting("Mamba:Isa", "scalar"));
        MambaEngineInfo engine = factory.Services.GetRequiredService<MambaModel>().EngineInfo;
        Assert.Equal((1, MambaIsa.Scalar), (engine.ThreadCount, engine.Isa));
    }

    [Fact]
    public void AMistakeEndsTheStart()
    {
        using WebApiServer server = new();
        using WebApplicationFactory<Program> factory = server.WithWebHostBuilder(builder => builder
            .UseSetting("Mamba:MaxConcurrency", "0"));
        OptionsValidationException exception = Assert.Throws<OptionsValidationException>(() => factory.Services);
        Assert.Contains("MaxConcurrency", exception.Message, StringComparison.Ordinal);
    }
}
