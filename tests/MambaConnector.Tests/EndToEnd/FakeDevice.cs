using System.Runtime.InteropServices;

namespace MambaConnector.Tests.EndToEnd;

/// <summary>Models on a device that the processor plays and that fails when it is told to. The native library opens one CUDA backend a
/// process, so this has one of its own.</summary>
internal static class FakeDevice
{
    public const string Command = "fake-device";
    public const string PathVariable = "MAMBA_CUDA_PATH";

    private static readonly int[] Prompt = [3, 1, 4, 1, 5, 9, 2, 6];
    private static readonly MambaShape Shape = new()
    {
        Architecture = MambaArchitecture.Mamba2,
        LayerCount = 2,
        DModel = 32,
        DState = 16,
        HeadDim = 16,
        VocabSize = 48,
        Seed = 7,
    };

    /// <returns>The library, beside the one under test or in the native build's folder; null where it is not built.</returns>
    public static string? Find()
    {
        List<string?> directories = [];
        if (Environment.GetEnvironmentVariable("MAMBA_NATIVE_PATH") is { Length: > 0 } native)
        {
            directories.Add(Directory.Exists(native) ? native : Path.GetDirectoryName(native));
        }

        DirectoryInfo? root = new(AppContext.BaseDirectory);
        while (root is not null && !File.Exists(Path.Combine(root.FullName, "MambaConnector.sln")))
        {
            root = root.Parent;
        }

        directories.Add(root is null ? null : Path.Combine(root.FullName, "native", "out", "release"));
        string file = OperatingSystem.IsWindows() ? "mamba_fake_device.dll"
            : OperatingSystem.IsMacOS() ? "libmamba_fake_device.dylib" : "libmamba_fake_device.so";
        return directories.OfType<string>().Select(directory => Path.Combine(directory, file)).FirstOrDefault(File.Exists);
    }

    public static void Run()
    {
        MambaDevice device = MambaModel.GetDevices()[1];
        Assert.True(device.IsUsable, device.Reason);
        Assert.Equal(("cuda:0", "Fake device"), (device.Id, device.Name));
        using MambaModel cpu = Create("cpu");
        using MambaModel cuda = Create("auto");
        Assert.Equal("cuda:0", cuda.EngineInfo.Device);

        using MambaSession session = cuda.CreateSession();
        session.Append(Prompt);
        float[] expected = session.GetLogits();
        Moves(cpu, cuda, session, expected);
        Rests(session, expected);
        IsUnderAPolicyAndWatched(cpu, cuda);
        LacksMemory(cuda, session, expected);
        IsMissing();
        Stops(cpu, cuda, session);
    }

    // Saved on one device, a session goes on on the other.
    private static void Moves(MambaModel cpu, MambaModel cuda, MambaSession session, float[] expected)
    {
        using MambaSession moved = cpu.LoadSession(Saved(session));
        AssertClose(expected, moved.GetLogits());
        moved.Append([7]);
        using MambaSession back = cuda.LoadSession(Saved(moved));
        AssertClose(moved.GetLogits(), back.GetLogits());
        Assert.Equal(moved.TokenHash, back.TokenHash);
    }

    private static void Rests(MambaSession session, float[] expected)
    {
        session.Offload();
        Assert.True(session.IsOffloaded);
        using MambaSession fork = session.Fork();
        Assert.Equal(expected, fork.GetLogits());
        Assert.False(fork.IsOffloaded);
        session.BringBack();
        Assert.False(session.IsOffloaded);
        session.Offload();
        Assert.Equal(expected, session.GetLogits());
        Assert.False(session.IsOffloaded);
    }

    // A window, sums of step sizes and statistics are there as they are on the processor, and move with the session.
    private static void IsUnderAPolicyAndWatched(MambaModel cpu, MambaModel cuda)
    {
        using MambaSession here = cuda.CreateSession();
        using MambaSession there = cpu.CreateSession();
        foreach (MambaSession session in new[] { here, there })
        {
            session.Policy = LongContextPolicy.RestartWindow(64);
            session.TracksDecay = true;
            session.Append([.. Enumerable.Range(0, 150).Select(t => t % 48)]);
        }

        AssertClose(there.GetLogits(), here.GetLogits());
        using MambaSession moved = cpu.LoadSession(Saved(here));
        Assert.Equal((LongContextPolicy.RestartWindow(64), true), (moved.Policy, moved.TracksDecay));
        using MambaSession back = cuda.LoadSession(Saved(moved));
        Assert.Equal((LongContextPolicy.RestartWindow(64), true), (back.Policy, back.TracksDecay));
        HeadStatistics expected = there.GetStateStatistics()[1, 0];
        foreach (MambaSession session in new[] { here, moved, back })
        {
            HeadStatistics head = session.GetStateStatistics()[1, 0];
            Assert.Equal(expected.Norm, head.Norm, 1e-4f * expected.Norm);
            Assert.Equal(expected.LogRetention, head.LogRetention, 1e-4 * Math.Abs(expected.LogRetention));
        }

        NotSupportedException exception = Assert.Throws<NotSupportedException>(() => here.Policy = LongContextPolicy.DifferenceWindow(64));
        Assert.Contains("restart-window", exception.Message, StringComparison.Ordinal);
        Assert.Equal(LongContextPolicy.RestartWindow(64), here.Policy);
    }

    private static void LacksMemory(MambaModel cuda, MambaSession session, float[] expected)
    {
        Fail("state_take", MambaErrorCode.OutOfMemory);
        Assert.Contains("cuda:0", Assert.Throws<MambaOutOfMemoryException>(() => cuda.CreateSession()).Message, StringComparison.Ordinal);
        Fail("open", MambaErrorCode.OutOfMemory);
        Assert.Throws<MambaOutOfMemoryException>(() => Create("cuda:0"));
        Fail("state_take_host", MambaErrorCode.OutOfMemory);
        Assert.Throws<MambaOutOfMemoryException>(session.Offload);
        Assert.Equal(expected, session.GetLogits());
    }

    private static void IsMissing()
    {
        Assert.Contains("no device cuda:1", Assert.Throws<MambaDeviceException>(() => Create("cuda:1")).Message, StringComparison.Ordinal);
        Fail("device_count", MambaErrorCode.Unsupported, call: 0);
        Assert.Equal("cpu", MambaModel.GetDevices().Single(device => device.IsUsable).Id);
        string message = Assert.Throws<MambaDeviceException>(() => Create("cuda:0")).Message;
        Assert.Contains("fails in device_count", message, StringComparison.Ordinal);
        using MambaModel other = Create("auto");
        Assert.Equal("cpu", other.EngineInfo.Device);
    }

    private static void Stops(MambaModel cpu, MambaModel cuda, MambaSession session)
    {
        Fail("run", MambaErrorCode.Device);
        Assert.Contains("new process", Assert.Throws<MambaDeviceException>(() => session.Append([1])).Message, StringComparison.Ordinal);
        Assert.Equal(MambaErrorCode.Device, Assert.Throws<MambaDeviceException>(() => session.GetLogits()).ErrorCode);
        Assert.Throws<MambaDeviceException>(() => cuda.CreateSession());
        using MambaSession other = cpu.CreateSession();
        other.Append(Prompt);
        Assert.Equal(Prompt.Length, other.TokenCount);
    }

    private static MambaModel Create(string device) =>
        MambaModel.CreateRandom(Shape, new MambaModelOptions { Device = device, ThreadCount = 1, RollbackTokens = 0 });

    private static MemoryStream Saved(MambaSession session)
    {
        MemoryStream stream = new();
        session.Save(stream);
        stream.Position = 0;
        return stream;
    }

    private static void AssertClose(float[] expected, float[] actual) =>
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 1e-4f));

    /// <summary>The next call of a function of the device fails; with <paramref name="call"/> 0, each.</summary>
    private static unsafe void Fail(string function, MambaErrorCode code, int call = 1)
    {
        nint library = NativeLibrary.Load(Environment.GetEnvironmentVariable(PathVariable)!);
        var fail = (delegate* unmanaged<byte*, int, int, void>)NativeLibrary.GetExport(library, "mamba_fake_fail");
        nint name = Marshal.StringToCoTaskMemUTF8(function);
        fail((byte*)name, call, (int)code);
        Marshal.FreeCoTaskMem(name);
    }
}
