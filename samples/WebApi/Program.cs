// A Mamba model behind HTTP: MambaChatClient from dependency injection, served to many callers at once.
//
//   dotnet run --project samples/WebApi --urls http://localhost:5080
//   curl -N localhost:5080/chat -H 'content-type: application/json' -d '{"message": "Hello! How are you?"}'
//   curl localhost:5080/chat/complete -H 'content-type: application/json' -d '{"message": "And then?", "conversationId": "..."}'
//   curl localhost:5080/health
//
// POST /chat           {message, conversationId?, maxTokens?, temperature?, seed?} -> server-sent events: "text" as the reply is made, then
//                      one "done" with the conversation id to go on with. A stream without "done" did not come to its end.
// POST /chat/complete  the same request -> the whole reply as JSON.
// GET  /health         the model, and what it runs on.
//
// Errors are problem details: 400 a request that asks for too much, 404 a conversation that is not kept, 409 one that was held with another
// model, 413 a body that is too large, 503 with Retry-After when as many requests wait as may. A caller who leaves ends the generation.

using System.Text.Json.Serialization;
using Microsoft.Extensions.AI;
using WebApi;

WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(args);
RequestLimits limits = builder.Configuration.GetSection("Limits").Get<RequestLimits>() ?? new RequestLimits();
builder.Services.AddSingleton(limits);
builder.WebHost.ConfigureKestrel(kestrel => kestrel.Limits.MaxRequestBodySize = limits.BodyBytes);
builder.Services.AddMambaChatClient(builder.Configuration.GetSection("Mamba"), options =>
{
    if (options.ModelPath is null)
    {
        options.UseEmbeddedModel();
    }
});
builder.Services.AddHealthChecks().AddCheck<ModelHealthCheck>(ModelHealthCheck.CheckName);
builder.Services.AddProblemDetails().AddExceptionHandler<ChatExceptionHandler>();
builder.Services.ConfigureHttpJsonOptions(json =>
{
    json.SerializerOptions.TypeInfoResolverChain.Insert(0, WebApiJson.Default);
    json.SerializerOptions.UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow;
    json.SerializerOptions.RespectNullableAnnotations = true;
    json.SerializerOptions.RespectRequiredConstructorParameters = true;
});

WebApplication app = builder.Build();
app.UseExceptionHandler();
app.UseStatusCodePages();
app.MapChat();
app.MapHealthChecks("/health", ModelHealthCheck.Options);

// Loads the model before the first request has to wait for it.
_ = app.Services.GetRequiredService<IChatClient>();
await app.RunAsync();
