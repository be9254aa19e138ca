using System.Net;
using System.Net.Http.Json;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Moq;
using WebApi;

namespace MambaConnector.WebApi.Tests;

public sealed class ChatEndpointTests(WebApiServer server) : IClassFixture<WebApiServer>
{
    private static readonly ChatBody Hello = new("Hello! How are you?", MaxTokens: 20, Temperature: 0);

    [Fact]
    public async Task AReplyIsStreamedAndEndsWithItsCostAndTheConversation()
    {
        using HttpClient client = server.CreateClient();
        using HttpResponseMessage response = await PostAsync(client, "/chat", Hello).ConfigureAwait(true);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.MediaType);

        List<ServerEvent> events = await ServerEvent.ReadAsync(response).ConfigureAwait(true);
        Assert.True(events.Count > 2, "The reply came in one piece.");
        Assert.All(events[..^1], sent => Assert.Equal(("text", true), (sent.Type, sent.Data.Text?.Length > 0)));
        Assert.Equal("done", events[^1].Type);
        ChatReply done = events[^1].Data.Done!;
        Assert.NotEmpty(done.ConversationId!);
        Assert.InRange(done.Usage.OutputTokens, 1, 20);
        Assert.True(done.Usage.InputTokens > 0);

        // Greedy: the other endpoint says the same.
        ChatReply whole = await CompleteAsync(client, Hello).ConfigureAwait(true);
        Assert.Equal(whole.Text, string.Concat(events[..^1].Select(sent => sent.Data.Text)));
        Assert.Equal(whole.FinishReason, done.FinishReason);
        Assert.Equal(whole.Usage.OutputTokens, done.Usage.OutputTokens);
    }

    [Fact]
    public async Task AConversationGoesOnByTheIdOfItsLastReplyAndAnOldIdIsAFork()
    {
        using HttpClient client = server.CreateClient();
        ChatReply first = await CompleteAsync(client, Hello).ConfigureAwait(true);
        ChatBody next = Hello with { Message = "Do you like music?", ConversationId = first.ConversationId };
        ChatReply second = await CompleteAsync(client, next).ConfigureAwait(true);
        ChatReply fork = await CompleteAsync(client, next).ConfigureAwait(true);

        Assert.NotEqual(first.ConversationId, second.ConversationId);
        Assert.NotEqual(second.ConversationId, fork.ConversationId);
        Assert.Equal(second.Text, fork.Text);
        Assert.True(second.Usage.InputTokens > first.Usage.InputTokens);
        Assert.True(second.Usage.CachedInputTokens >= first.Usage.InputTokens, "The first turn was read again.");
    }

    [Theory]
    [InlineData("/chat")]
    [InlineData("/chat/complete")]
    public async Task AnUnknownConversationIsNotFoundAndNamed(string path)
    {
        using HttpClient client = server.CreateClient();
        using HttpResponseMessage response = await PostAsync(client, path, Hello with { ConversationId = "gone-42" }).ConfigureAwait(true);
        ProblemDetails problem = await ProblemAsync(response, HttpStatusCode.NotFound).ConfigureAwait(true);
        Assert.Contains("gone-42", problem.Detail, StringComparison.Ordinal);
        Assert.Equal("gone-42", problem.Extensions["conversationId"]?.ToString());
    }

    [Theory]
    [InlineData("""{ "message": "  " }""", "message is empty")]
    [InlineData("""{ "message": "Hi", "maxTokens": 0 }""", "maxTokens is 0; use 1 to 40.")]
    [InlineData("""{ "message": "Hi", "maxTokens": 41 }""", "maxTokens is 41; use 1 to 40.")]
    [InlineData("""{ "message": "Hi", "temperature": -1 }""", "Temperature must be 0 or more.")]
    public async Task ARequestThatAsksForTooMuchIsRefusedWithAReason(string json, string reason)
    {
        using HttpClient client = server.CreateClient();
        foreach (string path in new[] { "/chat", "/chat/complete" })
        {
            using StringContent body = WebApiServer.Json(json);
            using HttpResponseMessage response = await client.PostAsync(new Uri(path, UriKind.Relative), body).ConfigureAwait(true);
            ProblemDetails problem = await ProblemAsync(response, HttpStatusCode.BadRequest).ConfigureAwait(true);
            Assert.Contains(reason, problem.Detail, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("{")]
    [InlineData("{}")]
    [InlineData("""{ "message": null }""")]
    [InlineData("""{ "message": "Hi", "mesage": "Hi" }""")]
    public async Task ABodyThatIsNoRequestIsRefused(string json)
    {
        using HttpClient client = server.CreateClient();
        using StringContent body = WebApiServer.Json(json);
        using HttpResponseMessage response = await client.PostAsync(new Uri("/chat", UriKind.Relative), body).ConfigureAwait(true);
        _ = await ProblemAsync(response, HttpStatusCode.BadRequest).ConfigureAwait(true);
    }

    [Fact]
    public async Task AMessageOfTooManyTokensIsRefusedWithBothNumbers()
    {
        using HttpClient client = server.CreateClient();
        ChatBody tooLong = Hello with { Message = string.Join(' ', Enumerable.Repeat("music", 100)) };
        using HttpResponseMessage response = await PostAsync(client, "/chat", tooLong).ConfigureAwait(true);
        ProblemDetails problem = await ProblemAsync(response, HttpStatusCode.BadRequest).ConfigureAwait(true);
        int tokens = server.Services.GetRequiredService<MambaModel>().Tokenizer.CountTokens(tooLong.Message);
        Assert.Equal($"message has {tokens} tokens; 50 are allowed.", problem.Detail);
    }

    [Fact]
    public async Task ABodyOfTooManyBytesIsRefused()
    {
        // Kestrel counts them, so this runs on it.
        using WebApiServer kestrel = new();
        kestrel.UseKestrel(0);
        kestrel.StartServer();
        using HttpClient client = kestrel.CreateClient();
        ChatBody tooLarge = Hello with { Message = new string('a', 5000) };
        using HttpResponseMessage response = await PostAsync(client, "/chat", tooLarge).ConfigureAwait(true);
        _ = await ProblemAsync(response, HttpStatusCode.RequestEntityTooLarge).ConfigureAwait(true);
    }

    [Fact]
    public async Task ABusyModelSaysWhenToComeBack()
    {
        Mock<IChatClient> busy = new();
        busy.Setup(client => client.GetStreamingResponseAsync(
                It.IsAny<IEnumerable<ChatMessage>>(), It.IsAny<ChatOptions>(), It.IsAny<CancellationToken>()))
            .Throws(new MambaBusyException(4, 2));
        using WebApplicationFactory<Program> factory = server.With(services => services.AddSingleton(busy.Object));
        using HttpClient client = factory.CreateClient();
        using HttpResponseMessage response = await PostAsync(client, "/chat", Hello).ConfigureAwait(true);
        ProblemDetails problem = await ProblemAsync(response, HttpStatusCode.ServiceUnavailable).ConfigureAwait(true);
        Assert.Contains("4 requests run", problem.Detail, StringComparison.Ordinal);
        Assert.Equal(TimeSpan.FromSeconds(1), response.Headers.RetryAfter?.Delta);
    }

    [Theory]
    [InlineData("/chat")]
    [InlineData("/chat/complete")]
    public async Task AConversationOfAnotherModelIsAConflict(string path)
    {
        MambaStateMismatchException mismatch = new(MambaErrorCode.Mismatch, "The state belongs to the model 12ab.");
        Mock<IChatClient> other = new();
        other.Setup(client => client.GetStreamingResponseAsync(
                It.IsAny<IEnumerable<ChatMessage>>(), It.IsAny<ChatOptions>(), It.IsAny<CancellationToken>()))
            .Throws(mismatch);
        other.Setup(client => client.GetResponseAsync(
                It.IsAny<IEnumerable<ChatMessage>>(), It.IsAny<ChatOptions>(), It.IsAny<CancellationToken>()))
            .ThrowsAsync(mismatch);
        using WebApplicationFactory<Program> factory = server.With(services => services.AddSingleton(other.Object));
        using HttpClient client = factory.CreateClient();
        using HttpResponseMessage response = await PostAsync(client, path, Hello with { ConversationId = "old-7" }).ConfigureAwait(true);
        ProblemDetails problem = await ProblemAsync(response, HttpStatusCode.Conflict).ConfigureAwait(true);
        Assert.Contains("begin a new one", problem.Detail, StringComparison.Ordinal);
        Assert.Contains("12ab", problem.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ACallerWhoLeavesEndsTheGeneration()
    {
        EndlessChatClient endless = new();
        using WebApplicationFactory<Program> factory = server.With(services => services.AddSingleton<IChatClient>(endless));
        using HttpClient client = factory.CreateClient();
        HttpResponseMessage response = await PostAsync(client, "/chat", Hello).ConfigureAwait(true);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        response.Dispose();

        await endless.Cancelled.WaitAsync(TimeSpan.FromMinutes(1)).ConfigureAwait(true);
    }

    [Fact]
    public async Task AFailureThatIsNotTheCallersDoingSaysNothingAboutItself()
    {
        Mock<IChatClient> broken = new();
        broken.Setup(client => client.GetResponseAsync(
                It.IsAny<IEnumerable<ChatMessage>>(), It.IsAny<ChatOptions>(), It.IsAny<CancellationToken>()))
            .ThrowsAsync(new IOException("the disk at /secret is full"));
        using WebApplicationFactory<Program> factory = server.With(services => services.AddSingleton(broken.Object));
        using HttpClient client = factory.CreateClient();
        using HttpResponseMessage response = await PostAsync(client, "/chat/complete", Hello).ConfigureAwait(true);
        Assert.Equal(HttpStatusCode.InternalServerError, response.StatusCode);
        Assert.DoesNotContain("secret", await response.Content.ReadAsStringAsync().ConfigureAwait(true), StringComparison.Ordinal);
    }

    [Fact]
    public async Task HealthNamesTheModelAndWhatItRunsOn()
    {
        using HttpClient client = server.CreateClient();
        Uri path = new("/health", UriKind.Relative);
        HealthReply? health = await client.GetFromJsonAsync(path, WebApiJson.Default.HealthReply).ConfigureAwait(true);
        MambaModel model = server.Services.GetRequiredService<MambaModel>();
        Assert.Equal("Healthy", health!.Status);
        Assert.Equal(
            new ModelHealth(
                server.Services.GetRequiredService<IChatClient>().GetService<ChatClientMetadata>()!.DefaultModelId, model.EngineInfo.Device,
                model.EngineInfo.Isa.ToString(), model.EngineInfo.ThreadCount, model.Info.StateBytes),
            health.Model);
        Assert.True(health.Model!.StateBytes > 0);
    }

    private static async Task<HttpResponseMessage> PostAsync(HttpClient client, string path, ChatBody body)
    {
        using HttpRequestMessage request = new(HttpMethod.Post, path) { Content = WebApiServer.Body(body) };
        return await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead).ConfigureAwait(true);
    }

    private static async Task<ChatReply> CompleteAsync(HttpClient client, ChatBody body)
    {
        using HttpResponseMessage response = await PostAsync(client, "/chat/complete", body).ConfigureAwait(true);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return (await response.Content.ReadFromJsonAsync(WebApiJson.Default.ChatReply).ConfigureAwait(true))!;
    }

    private static async Task<ProblemDetails> ProblemAsync(HttpResponseMessage response, HttpStatusCode status)
    {
        Assert.Equal(status, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        return (await response.Content.ReadFromJsonAsync<ProblemDetails>().ConfigureAwait(true))!;
    }

    /// <summary>Says one word and goes on until it is cancelled.</summary>
    private sealed class EndlessChatClient : IChatClient
    {
        private readonly TaskCompletionSource _cancelled = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Cancelled => _cancelled.Task;

        public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
            IEnumerable<ChatMessage> messages, ChatOptions? options = null,
            [EnumeratorCancellation] CancellationToken cancellationToken = default)
        {
            yield return new ChatResponseUpdate(ChatRole.Assistant, "Well");
            TaskCompletionSource never = new();
            using CancellationTokenRegistration registration = cancellationToken.Register(() => never.SetCanceled(cancellationToken));
            try
            {
                await never.Task.ConfigureAwait(false);
            }
            finally
            {
                _cancelled.SetResult();
            }
        }

        public Task<ChatResponse> GetResponseAsync(
            IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default) =>
            throw new NotSupportedException();

        public object? GetService(Type serviceType, object? serviceKey = null) => null;

        public void Dispose()
        {
        }
    }
}
