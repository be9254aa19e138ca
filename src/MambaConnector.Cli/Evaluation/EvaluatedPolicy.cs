using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace MambaConnector.Cli.Evaluation;

/// <summary>A policy that is compared with others.</summary>
/// <param name="Label">What the user calls it.</param>
/// <param name="Policy">The policy, resolved for the model; a token filter's table is that of a prompt only once its length is known.</param>
internal sealed record EvaluatedPolicy(string Label, LongContextPolicy Policy)
{
    /// <summary>The policy, spelled so that no other has the same: results are kept under it.</summary>
    public string Key { get; } = Policy switch
    {
        StateNormPolicy norm => $"{norm} {Hash(norm.Caps)}",
        TokenFilterTablePolicy filter => string.Create(
            CultureInfo.InvariantCulture,
            $"{filter} past {filter.Table.TrainingLength} {Hash([.. filter.Table.Rows.SelectMany(row => row.Thresholds)])}"),
        _ => Policy.ToString(),
    };

    /// <summary>A policy for a model, as the user spelled it.</summary>
    /// <exception cref="UsageException">It does not fit the model.</exception>
    public static EvaluatedPolicy Create(PolicyChoice choice, MambaModelInfo model)
    {
        try
        {
            LongContextPolicy policy = choice.Policy is TokenFilterTablePolicy ? choice.Policy : choice.Policy.Resolve(model);

            // A table has no session before the length of a prompt is known; whether it fits the model can be told now.
            choice.Policy.ForPrompt(long.MaxValue).Resolve(model);
            return new EvaluatedPolicy(policy is StateNormPolicy or TokenFilterTablePolicy ? choice.Text : policy.ToString(), policy);
        }
        catch (ArgumentException exception)
        {
            throw new UsageException($"--policy {choice.Text}: {exception.Message}");
        }
    }

    private static string Hash(ImmutableArray<ImmutableArray<float>> rows)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (ImmutableArray<float> row in rows)
        {
            hash.AppendData(MemoryMarshal.AsBytes(row.AsSpan()));
        }

        return $"sha256:{Convert.ToHexStringLower(hash.GetHashAndReset())}";
    }
}
