using System.CommandLine;
using MambaConnector.Cli.Output;

namespace MambaConnector.Cli.Commands;

/// <summary><c>mamba devices</c>: where a model can run, and why not elsewhere.</summary>
internal static class DevicesCommand
{
    public static Command Create(ToolConsole console)
    {
        Option<bool> json = JsonOption.Create();
        Command command = new("devices", "Lists the devices that a model can run on, and why not on others.") { json };
        command.SetAction(parsed =>
        {
            DeviceDocument[] devices = [.. MambaModel.GetDevices().Select(Describe)];
            if (parsed.GetValue(json))
            {
                console.WriteJson(new DevicesDocument(devices), ToolJson.Instance.DevicesDocument);
                return Tool.Success;
            }

            foreach (DeviceDocument device in devices)
            {
                console.Out.WriteLine(device.Usable
                    ? $"{device.Device,-8} {device.Name}, {device.UnitCount} units{(device.Isa is null ? "" : $", {device.Isa}")}, {device.MemoryBytes:N0} bytes, {device.FreeBytes:N0} free"
                    : $"{device.Device,-8} not usable: {device.Reason}");
            }

            return Tool.Success;
        });
        return command;
    }

    private static DeviceDocument Describe(MambaDevice device)
    {
        bool isCpu = device.Kind == MambaDeviceKind.Cpu;
        return new DeviceDocument(
            device.Id,
            device.Name,
            device.IsUsable,
            device.IsUsable ? null : device.Reason,
            isCpu ? device.Isa.Name() : null,
            isCpu ? null : device.ComputeCapability,
            device.UnitCount,
            device.MemoryBytes,
            device.FreeBytes);
    }
}
