using System.Runtime.CompilerServices;

namespace MambaConnector.Tests.EndToEnd;

/// <summary>Evaluations with the best instruction set that the processor has, each followed by a null reference on the same thread. The runtime
/// turns the fault into an exception on a copy of the thread's registers that has no room for those of matrix units (AMX): where one tile is
/// live on the thread, the process dies.</summary>
internal static class MatrixUnits
{
    public const string Command = "evaluate-and-fault";
    public const int Threads = 16;
    public const int Rounds = 60;

    /// <returns>How many null references were caught.</returns>
    public static int Run()
    {
        int caught = 0;
        foreach (MambaWeightType type in (MambaWeightType[])[MambaWeightType.BF16, MambaWeightType.Q8_0])
        {
            using MambaModel model = CreateModel(type);
            Thread[] threads = [.. Enumerable.Range(0, Threads).Select(_ => new Thread(() => Interlocked.Add(ref caught, EvaluateAndFault(model))))];
            Array.ForEach(threads, thread => thread.Start());
            Array.ForEach(threads, thread => thread.Join());
        }

        return caught;
    }

    /// <summary>Products large enough for whole tiles, in prompts and in single tokens.</summary>
    private static MambaModel CreateModel(MambaWeightType type) => MambaModel.CreateRandom(
        new MambaShape
        {
            Architecture = MambaArchitecture.Mamba2,
            LayerCount = 2,
            DModel = 128,
            DState = 64,
            HeadDim = 64,
            VocabSize = 512,
            WeightType = type,
            Seed = 3,
        },
        new MambaModelOptions { Isa = MambaModel.GetDevices()[0].Isa, ThreadCount = 2 });

    private static int EvaluateAndFault(MambaModel model)
    {
        using MambaSession session = model.CreateSession();
        int[] prompt = [.. Enumerable.Range(0, 70)];
        int caught = 0;
        for (int round = 0; round < Rounds; round++)
        {
            session.Append(round % 2 == 0 ? prompt : [round]);
            session.GetLogits();
            try
            {
                Read(null!);
            }
            catch (NullReferenceException)
            {
                caught++;
            }
        }

        return caught;
    }

    // Reads through the null: the processor faults, and the runtime finds out why.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Read(StrongBox<int> box) => box.Value;
}
