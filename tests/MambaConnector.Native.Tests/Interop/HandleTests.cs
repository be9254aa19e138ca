using MambaConnector.Native.Generated;
using Xunit;

namespace MambaConnector.Native.Tests.Interop;

/// <summary>Lifetimes and calls over the real library, on a small model of random weights.</summary>
public class HandleTests
{
    private const int Vocabulary = 64;

    [Fact]
    public void AMissingModelIsAMissingFile() =>
        Assert.Throws<FileNotFoundException>(() => ModelHandle.Open(Path.Combine(Path.GetTempPath(), "no-such-model.gguf")));

    [Fact]
    public void AChildKeepsItsParentsAlive()
    {
        ModelHandle model = CreateModel();
        EngineHandle engine = EngineHandle.Create(model, Options());
        SessionHandle session = SessionHandle.Create(engine);
        model.Dispose();
        engine.Dispose();
        Assert.Equal(0, session.GetInfo().token_count);
        SessionHandle clone = session.Clone();
        session.Dispose();
        Assert.Equal(0, clone.GetInfo().token_count);
        clone.Dispose();
        Assert.Throws<ObjectDisposedException>(() => clone.GetInfo());
        Assert.Throws<ObjectDisposedException>(() => engine.GetInfo());
    }

    [Fact]
    public void EvaluatesRollsBackSavesAndLoads()
    {
        using ModelHandle model = CreateModel();
        using EngineHandle engine = EngineHandle.Create(model, Options());
        using SessionHandle session = SessionHandle.Create(engine);
        float[] first = Evaluate(engine, session, [1, 2, 3]);
        Assert.Contains(first, value => value != first[0]);
        Assert.Equal(3, session.GetInfo().token_count);

        float[] further = Evaluate(engine, session, [4]);
        session.Rollback(1);
        Assert.Equal(3, session.GetInfo().token_count);
        Assert.Equal(further, Evaluate(engine, session, [4]));

        using SessionHandle loaded = SessionHandle.Load(engine, Save(session));
        Assert.Equal(session.GetInfo().token_hash, loaded.GetInfo().token_hash);
        Assert.Equal(Evaluate(engine, session, [5]), Evaluate(engine, loaded, [5]));

        session.Reset();
        Assert.Equal(first, Evaluate(engine, session, [1, 2, 3]));
    }

    [Fact]
    public void RollbackBeyondTheRingChangesNothing()
    {
        using ModelHandle model = CreateModel();
        using EngineHandle engine = EngineHandle.Create(model, Options());
        using SessionHandle session = SessionHandle.Create(engine);
        Evaluate(engine, session, [1, 2, 3]);
        ulong hash = session.GetInfo().token_hash;
        Assert.Throws<MambaRollbackException>(() => session.Rollback(4));
        Assert.Equal(hash, session.GetInfo().token_hash);
    }

    [Fact]
    public void ASessionThatUndoesNothingKeepsNothing()
    {
        using ModelHandle model = CreateModel();
        using EngineHandle engine = EngineHandle.Create(model, Options());
        using SessionHandle session = SessionHandle.Create(engine);
        session.SetRollbackTokens(0);
        Evaluate(engine, session, [1, 2, 3]);
        using SessionHandle clone = session.Clone();
        Evaluate(engine, clone, [4]);
        Assert.Equal(0, session.GetInfo().rollback_available);
        Assert.Equal(0, clone.GetInfo().rollback_available);
        Assert.Throws<MambaRollbackException>(() => clone.Rollback(1));
        Assert.ThrowsAny<MambaException>(() => session.SetRollbackTokens(-1));
    }

    [Fact]
    public void AStateOfAnotherModelIsRefused()
    {
        using ModelHandle model = CreateModel();
        using EngineHandle engine = EngineHandle.Create(model, Options());
        using SessionHandle session = SessionHandle.Create(engine);
        using ModelHandle other = CreateModel(seed: 2);
        using EngineHandle otherEngine = EngineHandle.Create(other, Options());
        byte[] state = Save(session);
        Assert.Throws<MambaStateMismatchException>(() => SessionHandle.Load(otherEngine, state));
        state[^1] ^= 1;
        Assert.Throws<MambaFormatException>(() => SessionHandle.Load(engine, state));
    }

    [Fact]
    public void ACancelledEvaluationMovesNothing()
    {
        using ModelHandle model = CreateModel();
        using EngineHandle engine = EngineHandle.Create(model, Options());
        using SessionHandle session = SessionHandle.Create(engine);
        Evaluate(engine, session, [1, 2, 3]);
        ulong hash = session.GetInfo().token_hash;
        using CancellationTokenSource source = new();
        source.Cancel();
        var exception = Assert.Throws<OperationCanceledException>(() => Evaluate(engine, session, [4], source.Token));
        Assert.Equal(source.Token, exception.CancellationToken);
        Assert.Equal(hash, session.GetInfo().token_hash);
    }

    [Fact]
    public void WhatAProgressReceiverThrowsReachesTheCaller()
    {
        using ModelHandle model = CreateModel();
        string path = Path.Combine(Path.GetTempPath(), $"mamba-{Guid.NewGuid():n}.gguf");
        Assert.Throws<InvalidTimeZoneException>(() => model.Write(path, 0, [], (_, _) => throw new InvalidTimeZoneException(), default));
        Assert.False(File.Exists(path));
    }

    [Fact]
    public void TheFirstDeviceIsAUsableCpu()
    {
        MambaDeviceInfo.__Internal first = NativeDevices.Get(0);
        Assert.Equal((int)MambaDeviceKind.MAMBA_DEVICE_CPU, first.kind);
        Assert.Equal(1, first.usable);
    }

    private static ModelHandle CreateModel(ulong seed = 1) => ModelHandle.CreateRandom(new MambaShape.__Internal
    {
        architecture = (int)MambaArchitecture.MAMBA_ARCH_MAMBA2,
        layer_count = 2,
        d_model = 32,
        d_state = 16,
        d_conv = 4,
        expand = 2,
        head_dim = 16,
        group_count = 1,
        vocab_size = Vocabulary,
        weight_type = (int)MambaWeightType.MAMBA_WEIGHT_F32,
        seed = seed,
    });

    private static MambaEngineOptions.__Internal Options() => new() { thread_count = 1, rollback_tokens = 4 };

    private static byte[] Save(SessionHandle session)
    {
        byte[] state = new byte[session.SavedBytes];
        session.Save(state);
        return state;
    }

    private static float[] Evaluate(EngineHandle engine, SessionHandle session, int[] tokens, CancellationToken cancellationToken = default)
    {
        float[] logits = new float[Vocabulary];
        MambaBatchItem.__Internal item = new() { session = session.Id, token_count = tokens.Length, logits_count = 1 };
        engine.Evaluate([item], tokens, logits, cancellationToken);
        return logits;
    }
}
