namespace MambaConnector.Tests.Models;

/// <summary>What options and shapes mean, and what is refused.</summary>
public class MambaModelOptionsTests
{
    [Theory]
    [InlineData("cpu", MambaDeviceKind.Cpu, 0)]
    [InlineData("CUDA", MambaDeviceKind.Cuda, 0)]
    [InlineData("cuda:3", MambaDeviceKind.Cuda, 3)]
    public void KnowsDevices(string id, MambaDeviceKind kind, int index) => Assert.Equal((kind, index), new MambaModelOptions { Device = id }.ResolveDevice());

    [Fact]
    public void AutoTakesADeviceThatCanBeUsed()
    {
        MambaDevice cpu = Device(MambaDeviceKind.Cpu, 0, "");
        MambaDevice old = Device(MambaDeviceKind.Cuda, 0, "it is too old");
        MambaDevice cuda = Device(MambaDeviceKind.Cuda, 1, "");

        Assert.Null(new MambaModelOptions { Device = "Auto" }.ResolveDevice());
        Assert.Equal(cuda, MambaDevice.Choose([cpu, old, cuda], null));
        Assert.Equal(cpu, MambaDevice.Choose([cpu, old], null));
        Assert.Equal(cpu, MambaDevice.Choose([cpu, cuda], (MambaDeviceKind.Cpu, 0)));
        Assert.Equal(cuda, MambaDevice.Choose([cpu, old, cuda], (MambaDeviceKind.Cuda, 1)));
    }

    [Fact]
    public void ADeviceThatCannotBeUsedIsRefusedWithItsReason()
    {
        MambaDevice cpu = Device(MambaDeviceKind.Cpu, 0, "");
        MambaDevice old = Device(MambaDeviceKind.Cuda, 0, "it is too old");

        MambaDevice cuda = Device(MambaDeviceKind.Cuda, 0, "");

        Assert.Equal("cuda:0 cannot be used: it is too old. These can be used: cpu.", Refusal([cpu, old], 0));
        Assert.Equal("cuda:3 cannot be used: it is too old. These can be used: cpu.", Refusal([cpu, old], 3));
        Assert.Equal("There is no device cuda:3. These can be used: cpu, cuda:0.", Refusal([cpu, cuda], 3));

        static string Refusal(MambaDevice[] devices, int index) =>
            Assert.Throws<MambaDeviceException>(() => MambaDevice.Choose(devices, (MambaDeviceKind.Cuda, index))).Message;
    }

    [Theory]
    [InlineData("gpu")]
    [InlineData("cuda:")]
    [InlineData("cuda:-1")]
    [InlineData("cuda:x")]
    public void AnUnknownDeviceIsNamed(string id) => Assert.Contains(
        $"'{id}'", Assert.Throws<ArgumentException>(() => new MambaModelOptions { Device = id }.ResolveDevice()).Message, StringComparison.Ordinal);

    [Fact]
    public void OptionsWinOverTheEnvironment()
    {
        MambaModelOptions options = new() { Isa = MambaIsa.Scalar, ThreadCount = 3 };
        Assert.Equal((MambaIsa.Scalar, 3), (options.ResolveIsa(), options.ResolveThreadCount()));
        Assert.Throws<ArgumentOutOfRangeException>(() => new MambaModelOptions { ThreadCount = -1 }.ResolveThreadCount());
    }

    [Fact]
    public void KnowsThePublishedShapes()
    {
        Assert.All(MambaShape.Names, name => Assert.True(MambaShape.Parse(name).LayerCount > 0));
        MambaShape large = MambaShape.Parse("mamba2-2.7b");
        Assert.Equal((MambaArchitecture.Mamba2, 64, 2560, 128), (large.Architecture, large.LayerCount, large.DModel, large.DState));
        MambaShape first = MambaShape.Parse("mamba1-130m");
        Assert.Equal((MambaArchitecture.Mamba1, 24, 768, 16), (first.Architecture, first.LayerCount, first.DModel, first.DState));
        Assert.Equal(MambaShape.Parse("mamba-130m"), first);
        Assert.Contains("mamba2-130m", Assert.Throws<ArgumentException>(() => MambaShape.Parse("mamba3-1b")).Message, StringComparison.Ordinal);
    }

    private static MambaDevice Device(MambaDeviceKind kind, int index, string reason) => new()
    {
        Kind = kind,
        Index = index,
        Name = "a device",
        IsUsable = reason.Length == 0,
        Reason = reason,
        Isa = MambaIsa.Auto,
        ComputeCapability = 0,
        UnitCount = 1,
        MemoryBytes = 1,
        FreeBytes = 1,
    };
}
