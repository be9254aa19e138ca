using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using MambaConnector.Native.Generated;
using Xunit;

namespace MambaConnector.Native.Tests.Drift;

/// <summary>Every struct has the same size and the same fields at the same places on both sides.</summary>
public partial class LayoutTests
{
    [Fact]
    public void StructsAreLaidOutAsTheLibraryLaysThemOut()
    {
        string[] native = NativeAbi.Layout().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.True(native.Length > 100, "The library describes hardly any fields.");
        Assert.Equal(native.Order(StringComparer.Ordinal), ManagedLayout().Order(StringComparer.Ordinal));
    }

    private static IEnumerable<string> ManagedLayout() =>
        from type in typeof(c_api).Assembly.GetTypes()
        where type.Namespace == typeof(c_api).Namespace && type.IsClass && type.Name.StartsWith("Mamba", StringComparison.Ordinal)
        let layout = type.GetNestedType("__Internal", BindingFlags.Public | BindingFlags.NonPublic)
        where layout is not null
        let fields = layout.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
        where fields.Length > 0
        let name = WordStart().Replace(type.Name, "_$0").ToLowerInvariant()
        from line in fields.Select(field => $"{name} {field.Name} {Marshal.OffsetOf(layout, field.Name)} {SizeOf(field.FieldType)}").Append($"{name} * 0 {SizeOf(layout)}")
        select line;

    private static int SizeOf(Type type) =>
        (int)typeof(Unsafe).GetMethod(nameof(Unsafe.SizeOf))!.MakeGenericMethod(type).Invoke(null, null)!;

    [GeneratedRegex("(?<!^)[A-Z]")]
    private static partial Regex WordStart();
}
