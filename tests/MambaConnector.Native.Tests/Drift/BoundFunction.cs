using System.Reflection;
using System.Runtime.InteropServices;
using MambaConnector.Native.Generated;

namespace MambaConnector.Native.Tests.Drift;

/// <summary>An extern of the generated binding.</summary>
internal sealed record BoundFunction(string EntryPoint, string Signature)
{
    public static IReadOnlyList<BoundFunction> All { get; } = [.. typeof(c_api.__Internal)
        .GetMethods(BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public | BindingFlags.DeclaredOnly)
        .Select(method => (Method: method, Import: method.GetCustomAttribute<DllImportAttribute>()))
        .Where(pair => pair.Import is not null)
        .Select(pair => new BoundFunction(pair.Import!.EntryPoint!, Describe(pair.Method)))];

    /// <summary><c>result (type name, type name)</c>, in the CLR's names of the types.</summary>
    private static string Describe(MethodInfo method) =>
        $"{method.ReturnType.Name} ({string.Join(", ", method.GetParameters().Select(parameter => $"{parameter.ParameterType.Name} {parameter.Name}"))})";
}
