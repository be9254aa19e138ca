using System.Net.Http.Json;
using System.Text;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using WebApi;

namespace MambaConnector.WebApi.Tests;

/// <summary>The sample as it ships, on the embedded model.</summary>
public class WebApiServer : WebApplicationFactory<Program>
{
    /// <summary>Replaces services of the sample.</summary>
    internal WebApplicationFactory<Program> With(Action<IServiceCollection> services) =>
        WithWebHostBuilder(builder => builder.ConfigureTestServices(services));

    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.UseSetting("Limits:MessageTokens", "50").UseSetting("Limits:ReplyTokens", "40").UseSetting("Limits:BodyBytes", "4096");
    }

    internal static JsonContent Body(ChatBody body) => JsonContent.Create(body, WebApiJson.Default.ChatBody);

    internal static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");
}
