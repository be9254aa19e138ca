using System.Runtime.InteropServices;

// The resolver finds the library; what the system would search otherwise leaves out the working directory.
[assembly: DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
