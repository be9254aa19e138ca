using System.CommandLine;
using MambaConnector.Samples.Soak;

Option<int> conversations = new("--conversations") { Description = "Conversations to hold.", DefaultValueFactory = _ => 10_000 };
Option<int> concurrency = new("--concurrency") { Description = "How many at a time.", DefaultValueFactory = _ => 32 };
Option<int> tokens = new("--max-tokens") { Description = "Tokens of a reply.", DefaultValueFactory = _ => 4 };
RootCommand root = new("Holds many short conversations at once, each kept and continued by its id, and watches the memory.")
{
    conversations, concurrency, tokens,
};
root.SetAction((parsed, cancellationToken) => SoakRun.RunAsync(
    parsed.GetValue(conversations), parsed.GetValue(concurrency), parsed.GetValue(tokens), Console.Out, cancellationToken));
return await root.Parse(args).InvokeAsync();
