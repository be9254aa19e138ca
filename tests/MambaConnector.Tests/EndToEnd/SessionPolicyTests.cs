using MambaConnector.Tests.Support;
using Microsoft.Extensions.AI;

namespace MambaConnector.Tests.EndToEnd;

/// <summary>Long-context policies over the native library: what a session keeps of them, and that they do something.</summary>
public sealed class SessionPolicyTests
{
    private const int Heads = 4; // of 16 channels; Mamba-1 has one block of 64

    public static TheoryData<MambaArchitecture, LongContextPolicy> Policies
    {
        get
        {
            TheoryData<MambaArchitecture, LongContextPolicy> data = [];
            Add(MambaArchitecture.Mamba1, heads: 1, steps: 64);
            Add(MambaArchitecture.Mamba2, Heads, Heads);
            return data;

            void Add(MambaArchitecture architecture, int heads, int steps)
            {
                data.Add(architecture, LongContextPolicy.RestartWindow(64));
                data.Add(architecture, LongContextPolicy.DifferenceWindow(64));
                data.Add(architecture, LongContextPolicy.ForgetMore(0.9f, 0.75f));
                data.Add(architecture, LongContextPolicy.StateNorm([Fill(heads, 0.01f), Fill(heads, 0.02f)], 0.5f));
                data.Add(architecture, LongContextPolicy.DeltaScale(0.5f));
                data.Add(architecture, LongContextPolicy.DeltaScale(0.5f, 0.75f));
                data.Add(architecture, LongContextPolicy.DecayScale(2));
                data.Add(architecture, LongContextPolicy.DecayScale(1, 4));
                data.Add(architecture, new TokenFilterPolicy([Fill(steps, 1), Fill(steps, 0)], 100));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Policies))]
    public void APolicyGoesWithTheSession(MambaArchitecture architecture, LongContextPolicy policy)
    {
        using MambaModel model = Create(architecture);
        using MambaSession plain = model.CreateSession();
        using MambaSession session = model.CreateSession();
        session.Policy = policy;
        plain.Append(Tokens(200));
        session.Append(Tokens(200));
        Assert.Equal(policy, session.Policy);
        Assert.NotEqual(plain.GetLogits(), session.GetLogits());

        using MambaSession fork = session.Fork();
        using MemoryStream stream = new();
        session.Save(stream);
        stream.Position = 0;
        using MambaSession loaded = model.LoadSession(stream);
        Assert.Equal((policy, policy), (fork.Policy, loaded.Policy));

        session.Append(Tokens(90));
        fork.Append(Tokens(90));
        loaded.Append(Tokens(90));
        Assert.Equal(session.GetLogits(), fork.GetLogits());
        Assert.Equal(session.GetLogits(), loaded.GetLogits());

        float[] before = session.GetLogits();
        session.Append([1]);
        session.Append([2]);
        session.Rollback(2);
        Assert.Equal(policy, session.Policy);
        Assert.Equal(before, session.GetLogits());

        session.Reset();
        Assert.Equal((0, policy), (session.TokenCount, session.Policy));
        session.Append(Tokens(290));
        session.Policy = LongContextPolicy.None;
        Assert.Equal(LongContextPolicy.None, session.Policy);
    }

    [Theory]
    [InlineData(MambaArchitecture.Mamba1)]
    [InlineData(MambaArchitecture.Mamba2)]
    public void AutoIsNoneWithinTheTrainingLength(MambaArchitecture architecture)
    {
        using MambaModel model = Create(
            architecture, new MambaModelOptions { ThreadCount = 1, TrainingLength = 128, LongContextPolicy = LongContextPolicy.Auto });
        using MambaSession session = model.CreateSession();
        Assert.Equal(LongContextPolicy.RestartWindow(64), session.Policy);
        using MambaSession none = model.CreateSession();
        none.Policy = LongContextPolicy.None;
        none.Append(Tokens(128));
        session.Append(Tokens(128));
        Assert.Equal(none.GetLogits(), session.GetLogits());
        none.Append(Tokens(64));
        session.Append(Tokens(64));
        Assert.NotEqual(none.GetLogits(), session.GetLogits());
    }

    [Fact]
    public void AWindowHoldsASecondStateAtAnyLength()
    {
        using MambaModel model = Create(MambaArchitecture.Mamba2);
        using MambaSession session = model.CreateSession();
        long bytes = session.StateBytes;
        session.Policy = LongContextPolicy.RestartWindow(64);
        session.Append(Tokens(100));
        long windowed = session.StateBytes;
        Assert.InRange(windowed, bytes + 1, 2 * bytes);
        session.Append(Tokens(1000));
        Assert.Equal(windowed, session.StateBytes);
    }

    [Fact]
    public void TheTrainingLengthThatWasGivenIsSaved()
    {
        DirectoryInfo directory = Directory.CreateTempSubdirectory("mamba-policy-");
        try
        {
            string path = Path.Combine(directory.FullName, "model.gguf");
            using (MambaModel model = Create(MambaArchitecture.Mamba2, new MambaModelOptions { ThreadCount = 1, TrainingLength = 320 }))
            {
                model.Save(path);
            }

            Assert.Equal(320, MambaModel.Inspect(path).Info.TrainingLength);
            string copy = Path.Combine(directory.FullName, "copy.gguf");
            MambaModel.Convert(path, copy, trainingLength: 640);
            Assert.Equal(640, MambaModel.Inspect(copy).Info.TrainingLength);
            MambaModel.WriteRandom(SmallShape.Of(MambaArchitecture.Mamba1), copy, trainingLength: 128);
            Assert.Equal(128, MambaModel.Inspect(copy).Info.TrainingLength);
            Assert.Throws<ArgumentOutOfRangeException>(() => MambaModel.Convert(path, copy, trainingLength: 0));
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task AKeptConversationGoesOnUnderItsPolicy()
    {
        using MambaModel model = KeptConversation.CreateModel();
        MemoryConversationStore store = new();
        ChatMessage hello = new(ChatRole.User, new string('x', 300));
        ChatMessage more = new(ChatRole.User, "And you?");
        await using MambaChatClient scaled = new(model, new MambaChatClientOptions { LongContextPolicy = LongContextPolicy.DeltaScale(20) }, store);
        ChatResponse first = await scaled.GetResponseAsync([hello], KeptConversation.Options(MambaChatClient.NewConversation));

        // Goes on from the state in memory, which was never saved.
        ChatResponse expected = await scaled.GetResponseAsync([hello, .. first.Messages, more], KeptConversation.Options(null));
        Assert.True(expected.Usage!.CachedInputTokenCount > first.Usage!.InputTokenCount);

        await using MambaChatClient plain = new(model, conversations: store);
        Assert.Equal(expected.Text, (await plain.GetResponseAsync([more], KeptConversation.Options(first.ConversationId))).Text);
        Assert.NotEqual(expected.Text, (await plain.GetResponseAsync([hello, .. first.Messages, more], KeptConversation.Options(null))).Text);
    }

    private static float[] Fill(int count, float value) => [.. Enumerable.Repeat(value, count)];

    private static MambaModel Create(MambaArchitecture architecture, MambaModelOptions? options = null) =>
        MambaModel.CreateRandom(SmallShape.Of(architecture), options ?? new MambaModelOptions { ThreadCount = 1 });

    private static int[] Tokens(int count) => [.. Enumerable.Range(0, count).Select(index => (index * 37) % 100)];
}
