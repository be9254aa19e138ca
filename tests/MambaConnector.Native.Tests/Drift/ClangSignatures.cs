using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json;

namespace MambaConnector.Native.Tests.Drift;

/// <summary>The functions that clang sees in the header, in the form of <see cref="BoundFunction.Signature"/>.</summary>
internal static class ClangSignatures
{
    private static readonly string[] Compilers = ["clang-14", "clang", "clang-15", "clang-16", "clang-17", "clang-18", "clang-19"];

    public static Dictionary<string, string> Read(string header)
    {
        using JsonDocument tree = JsonDocument.Parse(Dump(header));
        return tree.RootElement.GetProperty("inner").EnumerateArray()
            .Where(node => Kind(node) == "FunctionDecl" && Name(node).StartsWith("mamba_", StringComparison.Ordinal))
            .ToDictionary(Name, Describe);
    }

    private static string Describe(JsonElement function)
    {
        // "result (types)": none of the results is a function pointer, so the first parenthesis begins the parameters.
        string type = QualifiedType(function);
        IEnumerable<string> parameters = !function.TryGetProperty("inner", out JsonElement inner) ? [] : inner.EnumerateArray()
            .Where(node => Kind(node) == "ParmVarDecl")
            .Select(node => $"{ToClr(QualifiedType(node))} {Name(node)}");
        return $"{ToClr(type[..type.IndexOf('(', StringComparison.Ordinal)])} ({string.Join(", ", parameters)})";
    }

    private static string ToClr(string type)
    {
        string name = type.Replace("const ", "", StringComparison.Ordinal).Trim();
        string element = name.TrimEnd('*', ' ');
        int stars = name.Count(character => character == '*');
        return (element, stars) switch
        {
            ("void", 0) => "Void",
            ("double", 0) => "Double",
            ("int32_t", 0) => "Int32",
            ("int64_t", 0) => "Int64",
            ("uint64_t", 0) => "UInt64",
            ("size_t", 0) => "UIntPtr",
            ("mamba_progress", 0) => "IntPtr",
            ("uint8_t", 1) => "Byte*",
            ("int32_t", 1) => "Int32*",
            ("uint32_t", 1) => "UInt32*",
            ("uint64_t", 1) => "UInt64*",
            ("float", 1) => "Single*",
            ("size_t", 1) => "UIntPtr*",
            _ when stars == 1 && element.StartsWith("mamba_", StringComparison.Ordinal) => "IntPtr",
            _ => throw new InvalidOperationException($"The C ABI uses the type '{type}', which its rules leave out or this test does not know yet."),
        };
    }

    private static string Kind(JsonElement node) => node.GetProperty("kind").GetString()!;

    private static string Name(JsonElement node) => node.GetProperty("name").GetString()!;

    private static string QualifiedType(JsonElement node) => node.GetProperty("type").GetProperty("qualType").GetString()!;

    private static string Dump(string header)
    {
        foreach (string compiler in Compilers)
        {
            ProcessStartInfo start = new(compiler, ["-x", "c", "-fsyntax-only", "-Xclang", "-ast-dump=json", header])
            {
                RedirectStandardOutput = true,
            };
            try
            {
                using Process process = Process.Start(start)!;
                string output = process.StandardOutput.ReadToEnd();
                process.WaitForExit();
                return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{compiler} does not compile '{header}'.");
            }
            catch (Win32Exception)
            {
                // Not installed under this name.
            }
        }

        throw new InvalidOperationException("The signatures are compared through clang, and none is installed: install the package clang-14.");
    }
}
