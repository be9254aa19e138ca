using System.Diagnostics;
using System.Globalization;
using MambaConnector.Models;
using Microsoft.Extensions.AI;

namespace MambaConnector.Samples.Soak;

/// <summary>Conversations of two messages, as many at once as asked for. Every second message continues by id, and its response must say that all
/// tokens of the first were known: nothing is lost.</summary>
internal static class SoakRun
{
    private const int Reports = 20;

    /// <returns>0 when nothing was lost, else 1.</returns>
    public static async Task<int> RunAsync(int conversations, int concurrency, int tokens, TextWriter output, CancellationToken cancellationToken)
    {
        using MambaModel model = Mamba2Chat.Load();
        MemoryConversationStore store = new(new ConversationStoreOptions { MaxBytes = 512L << 20 });
        MambaChatClientOptions options = new() { MaxConcurrency = concurrency, PrefixCacheBytes = 128L << 20 };
        await using MambaChatClient client = new(model, options, store);
        int done = 0;
        int lost = 0;
        long total = 0;
        Stopwatch clock = Stopwatch.StartNew();
        await output.WriteLineAsync("conversations   lost   tokens/s   resident MB   managed MB");
        await Parallel.ForEachAsync(
            Enumerable.Range(0, conversations),
            new ParallelOptions { MaxDegreeOfParallelism = concurrency, CancellationToken = cancellationToken },
            async (index, token) =>
            {
                (bool isWhole, long count) = await TalkAsync(client, index, tokens, token);
                Interlocked.Add(ref total, count);
                if (!isWhole)
                {
                    Interlocked.Increment(ref lost);
                }

                int now = Interlocked.Increment(ref done);
                if (now % Math.Max(1, conversations / Reports) == 0)
                {
                    output.WriteLine(string.Create(
                        CultureInfo.InvariantCulture,
                        $"{now,13}{lost,7}{Interlocked.Read(ref total) / clock.Elapsed.TotalSeconds,11:f0}{Environment.WorkingSet / 1e6,14:f0}{GC.GetTotalMemory(false) / 1e6,13:f0}"));
                }
            });
        await output.WriteLineAsync(string.Create(
            CultureInfo.InvariantCulture,
            $"{done} conversations, {lost} lost, {total} tokens read and written in {clock.Elapsed.TotalSeconds:f0} s, {concurrency} at a time."));
        return lost == 0 ? 0 : 1;
    }

    private static async Task<(bool IsWhole, long Tokens)> TalkAsync(MambaChatClient client, int index, int tokens, CancellationToken cancellationToken)
    {
        // No token ends a reply, so every reply has the same length.
        ChatOptions options = new()
        {
            ConversationId = MambaChatClient.NewConversation,
            MaxOutputTokens = tokens,
            Seed = index,
            RawRepresentationFactory = _ => new GenerationOptions { StopTokenIds = [] },
        };
        ChatResponse first = await client.GetResponseAsync($"This is conversation {index}. Hello!", options, cancellationToken);
        options.ConversationId = first.ConversationId;
        ChatResponse second = await client.GetResponseAsync("And you?", options, cancellationToken);
        bool isWhole = first.Usage!.OutputTokenCount == tokens && second.Usage!.OutputTokenCount == tokens &&
            second.Usage.CachedInputTokenCount == first.Usage.InputTokenCount + tokens;
        return (isWhole, first.Usage.TotalTokenCount!.Value + second.Usage!.TotalTokenCount!.Value - second.Usage.CachedInputTokenCount!.Value);
    }
}
