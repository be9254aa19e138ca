using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using MambaConnector.LongContext;

namespace MambaConnector.Documents.Indexing;

/// <summary>Policies and monitors as texts that tell any two of them apart: with hashes of the values of heads, which a policy's own text leaves
/// out.</summary>
internal static class ReadingText
{
    /// <summary>Of a policy.</summary>
    public static string Of(LongContextPolicy policy) => policy switch
    {
        StateNormPolicy norm => $"{norm} {Hash(norm.Caps)}",
        TokenFilterPolicy filter => $"{filter} {Hash(filter.Thresholds)}",
        TokenFilterTablePolicy table => $"{table} {string.Join(' ', table.Table.Rows.Select(row => Hash(row.Thresholds)))}",
        _ => policy.ToString(),
    };

    /// <summary>Of all that decides when a monitor changes the state, and to what.</summary>
    public static string Of(CollapseMonitorOptions monitor, MambaModel model)
    {
        string action = monitor.Action switch
        {
            CollapseAction.SwitchPolicyAction change => $"switch {Of(change.Policy)}",
            CollapseAction.ResetAndReinjectAction reset => $"reset {reset.Text}",
            _ => "",
        };
        string baseline = (monitor.Baseline ?? model.Baseline) is { } healthy
            ? Hash(JsonSerializer.SerializeToUtf8Bytes(healthy, LongContextJson.Default.StateBaseline))
            : "";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{monitor.IntervalTokens} {monitor.ResolveTrainingLength(model.Info)} {monitor.WatchNormRatio} {monitor.CollapseNormRatio} " +
            $"{monitor.CollapseVarianceRatio} {monitor.VarianceJump} {monitor.OutlierLimit} {monitor.RetentionLimit} {monitor.HorizonShare} " +
            $"{monitor.LossRatio} {monitor.ActionLevel} {baseline} {action}");
    }

    private static string Hash(ImmutableArray<ImmutableArray<float>> values) => Hash(MemoryMarshal.AsBytes(LayerValues.Flatten(values).AsSpan()));

    private static string Hash(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
