using System.Reflection;
using System.Runtime.InteropServices;
using MambaConnector.Native.Generated;

namespace MambaConnector.Native;

/// <summary>Loads the native library once a process and checks that it speaks this build's ABI. Thread-safe.</summary>
internal static class NativeRuntime
{
    /// <summary>The name that the generated externs import from.</summary>
    public const string LibraryName = "mamba";

    /// <summary>The ABI version that this assembly was written for; see <c>mamba_abi_version</c>.</summary>
    public const int AbiVersion = 1;

    private static readonly Lazy<(nint Handle, string Path)> Library = new(() => NativeLibraryProbe.ForProcess().Load());
    private static readonly Lazy<string> Checked = new(LoadAndCheck);

    /// <summary>The path of the loaded library. Every way into native code begins here.</summary>
    /// <exception cref="MambaNativeLibraryException">The library does not load, or speaks another ABI version.</exception>
    public static string EnsureLoaded() => Checked.Value;

    /// <summary>The handle of the loaded library, for reading its exports.</summary>
    public static nint Handle => Library.Value.Handle;

    private static string LoadAndCheck()
    {
        NativeLibrary.SetDllImportResolver(typeof(NativeRuntime).Assembly, Resolve);
        string path = Library.Value.Path;
        int version = c_api.__Internal.MambaAbiVersion();
        return version == AbiVersion
            ? path
            : throw new MambaNativeLibraryException(
                $"The native library '{path}' speaks ABI version {version}, but this build of MambaConnector needs {AbiVersion}: " +
                "use the library that came with it, or rebuild it with ./build/native.");
    }

    // Asked once for every imported function, hence the cached handle.
    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? searchPath) =>
        name == LibraryName ? Library.Value.Handle : 0;
}
