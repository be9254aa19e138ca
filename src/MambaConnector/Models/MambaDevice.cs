using System.Globalization;
using System.Text;
using MambaConnector.Native;
using NativeDeviceInfo = MambaConnector.Native.Generated.MambaDeviceInfo;

namespace MambaConnector;

/// <summary>A device that the native library knows, usable or not. Immutable.</summary>
public sealed record MambaDevice
{
    /// <summary>What kind of device it is.</summary>
    public required MambaDeviceKind Kind { get; init; }

    /// <summary>Its number among the devices of its kind.</summary>
    public required int Index { get; init; }

    /// <summary>The name that <see cref="MambaModelOptions.Device"/> takes: <c>cpu</c>, <c>cuda:0</c>.</summary>
    public string Id => FormatId(Kind, Index);

    /// <summary>The maker's name of it.</summary>
    public required string Name { get; init; }

    /// <summary>Whether a model can run on it.</summary>
    public required bool IsUsable { get; init; }

    /// <summary>Why it cannot be used; empty when it can.</summary>
    public required string Reason { get; init; }

    /// <summary>CPU: the best instruction set that processor and build share. <see cref="MambaIsa.Auto"/> for other kinds.</summary>
    public required MambaIsa Isa { get; init; }

    /// <summary>CUDA: the compute capability, 10 * major + minor. 0 for other kinds.</summary>
    public required int ComputeCapability { get; init; }

    /// <summary>CPU: processors that the process may use. CUDA: multiprocessors.</summary>
    public required int UnitCount { get; init; }

    /// <summary>Memory in all, bytes.</summary>
    public required long MemoryBytes { get; init; }

    /// <summary>Memory that is free now, bytes.</summary>
    public required long FreeBytes { get; init; }

    /// <summary>The name of a device: <c>cpu</c> or <c>cuda:N</c>.</summary>
    internal static string FormatId(MambaDeviceKind kind, int index) =>
        kind == MambaDeviceKind.Cpu ? "cpu" : string.Create(CultureInfo.InvariantCulture, $"cuda:{index}");

    /// <summary>Reads <c>cpu</c>, <c>cuda</c>, <c>cuda:N</c> or <c>auto</c>.</summary>
    /// <returns>Null for <c>auto</c>.</returns>
    /// <exception cref="ArgumentException">It is none of them; the message names <paramref name="origin"/>.</exception>
    internal static (MambaDeviceKind Kind, int Index)? ParseId(string id, string origin)
    {
        if (id.Equals("auto", StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        if (id.Equals("cpu", StringComparison.OrdinalIgnoreCase))
        {
            return (MambaDeviceKind.Cpu, 0);
        }

        if (id.Equals("cuda", StringComparison.OrdinalIgnoreCase))
        {
            return (MambaDeviceKind.Cuda, 0);
        }

        return id.StartsWith("cuda:", StringComparison.OrdinalIgnoreCase)
            && int.TryParse(id.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out int index)
            ? (MambaDeviceKind.Cuda, index)
            : throw new ArgumentException($"{origin} names the device '{id}'; use 'cpu', 'auto' or 'cuda:N', for example 'cuda:0'.");
    }

    /// <summary>The device to run on, as <see cref="Choose"/> finds it. For the CPU no other device is looked for, which would start its
    /// driver.</summary>
    internal static (MambaDeviceKind Kind, int Index) Resolve((MambaDeviceKind Kind, int Index)? wanted)
    {
        if (wanted is { Kind: MambaDeviceKind.Cpu } cpu)
        {
            return cpu;
        }

        // Behind the CPU stand the devices of the one other kind. Of several, only the one that is wanted is started.
        if (wanted is (_, int index) && index < NativeDevices.Count - 1 && FromNative(NativeDevices.Get(index + 1)).IsUsable)
        {
            return wanted.Value;
        }

        MambaDevice device = Choose(MambaModel.GetDevices(), wanted);
        return (device.Kind, device.Index);
    }

    /// <summary>The device to run on, which can be used.</summary>
    /// <param name="devices">Those there are.</param>
    /// <param name="wanted">One of them; null: the first that is more than the CPU, or else that.</param>
    /// <exception cref="MambaDeviceException">It is not there, or cannot be used; the message says why.</exception>
    internal static MambaDevice Choose(IReadOnlyList<MambaDevice> devices, (MambaDeviceKind Kind, int Index)? wanted)
    {
        if (wanted is not (MambaDeviceKind kind, int index))
        {
            return devices.FirstOrDefault(device => device.Kind != MambaDeviceKind.Cpu && device.IsUsable) ?? devices[0];
        }

        string id = FormatId(kind, index);
        string others = $"These can be used: {string.Join(", ", devices.Where(device => device.IsUsable).Select(device => device.Id))}.";
        MambaDevice? found = devices.FirstOrDefault(device => device.Kind == kind && device.Index == index)
            ?? devices.FirstOrDefault(device => device.Kind == kind && !device.IsUsable);
        return found is null
            ? throw new MambaDeviceException(MambaErrorCode.NotFound, $"There is no device {id}. {others}")
            : found.IsUsable ? found
            : throw new MambaDeviceException(MambaErrorCode.Unsupported, $"{id} cannot be used: {found.Reason}. {others}");
    }

    internal static unsafe MambaDevice FromNative(in NativeDeviceInfo.__Internal info)
    {
        fixed (byte* name = info.name)
        fixed (byte* reason = info.reason)
        {
            return new MambaDevice
            {
                Kind = (MambaDeviceKind)info.kind,
                Index = info.index,
                Name = Encoding.UTF8.GetString(name, Math.Clamp(info.name_length, 0, 128)),
                IsUsable = info.usable != 0,
                Reason = Encoding.UTF8.GetString(reason, Math.Clamp(info.reason_length, 0, 256)),
                Isa = (MambaIsa)info.isa,
                ComputeCapability = info.compute_capability,
                UnitCount = info.unit_count,
                MemoryBytes = info.memory_bytes,
                FreeBytes = info.free_bytes,
            };
        }
    }
}
