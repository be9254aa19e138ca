using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using MambaConnector.Cli.Output;

namespace MambaConnector.Cli.Calibration;

/// <summary>One run of <c>eval calibrate</c>: reads texts, writes the file, says what was found.</summary>
/// <param name="name">What the user calls the model.</param>
/// <param name="model">The model.</param>
/// <param name="trainingLength">T_train, tokens.</param>
/// <param name="tokens">The text.</param>
/// <param name="wantedTexts">Pieces of it to read; null: the default.</param>
/// <param name="output">The file to write.</param>
internal sealed class CalibrationRun(string name, MambaModel model, long trainingLength, int[] tokens, int? wantedTexts, string output)
{
    private const int DefaultTexts = 4;
    private const int DefaultSearchTexts = 2;

    /// <summary>The largest numbers of every head's state within the training length, over pieces of the text and over newlines.</summary>
    /// <param name="source">What the text is called.</param>
    /// <param name="progress">Told the fraction done.</param>
    /// <param name="cancellationToken">Ends the run.</param>
    public CalibrateDocument Baseline(string source, IProgress<double> progress, CancellationToken cancellationToken)
    {
        List<ReadOnlyMemory<int>> texts = [.. TextWindows.Choose(tokens, trainingLength, wantedTexts ?? DefaultTexts)];

        // The plainest text there is, on which collapse shows first (arXiv 2410.07145).
        if (Newline() is int newline)
        {
            texts.Add(Enumerable.Repeat(newline, (int)trainingLength).ToArray());
            source += " and newlines";
        }

        StateBaseline baseline = BaselineCalibrator.Run(model, texts, trainingLength, source, progress, cancellationToken);
        baseline.Save(output);
        return new CalibrateDocument(name, "baseline", output, trainingLength, baseline.Tokens, null, null, []);
    }

    /// <summary>A scale of dt for each layer, by the loss at the end of texts of the target length.</summary>
    /// <param name="targetLength">Tokens; 0: twice the training length.</param>
    /// <param name="iterations">Steps of the search.</param>
    /// <param name="seed">Of the search.</param>
    /// <param name="progress">Told the fraction done.</param>
    /// <param name="cancellationToken">Ends the run; it goes on from there when it is started again.</param>
    public CalibrateDocument DeltaScale(
        long targetLength, int iterations, int seed, IProgress<double> progress, CancellationToken cancellationToken)
    {
        long target = targetLength > 0 ? targetLength : 2 * trainingLength;
        RequireTail(target);
        int wanted = wantedTexts ?? DefaultSearchTexts;
        (ReadOnlyMemory<int>[] searched, ReadOnlyMemory<int>[] heldOut) = Split(target, wanted);
        int evaluations = ScaleSearch.Evaluations(iterations) + 2, done = 0;
        ScaleSearch search = new(
            scales => TailLoss.Measure(model, searched, LongContextPolicy.DeltaScale(scales), cancellationToken), model.Info.LayerCount, seed);
        string key = $"{model.Info.Fingerprint} {target} {searched.Length} {seed} {Convert.ToHexString(HashOf(tokens))}";
        string saved = $"{output}.partial";
        ScaleSearchState state = Resume(saved, key) ?? search.Begin(key, Evaluated);
        done = ScaleSearch.Evaluations(state.Iteration);
        while (state.Iteration < iterations)
        {
            Save(saved, state);
            state = search.Next(state, Evaluated);
        }

        List<CalibrationLossDocument> losses =
            [new("calibration", target, searched.Length, Number(state.InitialLoss), Number(state.BestLoss))];
        if (heldOut.Length > 0)
        {
            losses.Add(Compare("held out", target, heldOut, LongContextPolicy.DeltaScale(state.BestScales), Evaluated, cancellationToken));
        }

        AtomicOutput.Write(output, stream => JsonSerializer.Serialize(stream, state.BestScales, ToolJson.Instance.SingleArray));
        File.Delete(saved);
        return new CalibrateDocument(name, "delta-scale", output, trainingLength, target * searched.Length, state.BestScales, null, losses);

        void Evaluated() => progress.Report((double)++done / evaluations);
    }

    /// <summary>The least dt that each global head lets in, for prompts of each length.</summary>
    /// <param name="lengths">Tokens; none: 2, 4 and 8 times the training length.</param>
    /// <param name="theta">What makes a head global.</param>
    /// <param name="progress">Told the fraction done.</param>
    /// <param name="cancellationToken">Ends the run.</param>
    public CalibrateDocument TokenFilter(
        IReadOnlyList<long> lengths, double theta, IProgress<double> progress, CancellationToken cancellationToken)
    {
        if (lengths.Count == 0)
        {
            lengths = [2 * trainingLength, 4 * trainingLength, 8 * trainingLength];
        }

        if (lengths.FirstOrDefault(length => length <= trainingLength) is > 0 and long within)
        {
            throw new UsageException(
                $"--lengths has {within}, which is within the training length of {trainingLength}: prompts there are not filtered.");
        }

        ReadOnlyMemory<int>[] texts = TextWindows.Choose(tokens, trainingLength, wantedTexts ?? DefaultTexts);
        (TokenFilterTable table, int globalHeads) = TokenFilterCalibrator.Run(model, texts, lengths, theta, progress, cancellationToken);
        table.Save(output);
        List<CalibrationLossDocument> losses = [];
        foreach (long length in lengths.Where(length => length <= tokens.Length && length > TailLoss.TailLength))
        {
            losses.Add(Compare(
                "calibration", length, TextWindows.Choose(tokens, length, DefaultSearchTexts), LongContextPolicy.TokenFilter(table), () => { },
                cancellationToken));
        }

        return new CalibrateDocument(name, "token-filter", output, trainingLength, trainingLength * texts.Length, null, globalHeads, losses);
    }

    private static byte[] HashOf(int[] values) => SHA256.HashData(MemoryMarshal.AsBytes(values.AsSpan()));

    private static ScaleSearchState? Resume(string path, string key)
    {
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            using FileStream stream = File.OpenRead(path);
            ScaleSearchState? state = JsonSerializer.Deserialize(stream, ToolJson.Instance.ScaleSearchState);
            return state?.Key == key ? state : null;
        }
        catch (JsonException)
        {
            // Not ours, or of an older version: the search begins anew.
            return null;
        }
    }

    private static void Save(string path, ScaleSearchState state) =>
        AtomicOutput.Write(path, stream => JsonSerializer.Serialize(stream, state, ToolJson.Instance.ScaleSearchState));

    // A loss that was none is the worst there is in the search, and no number elsewhere.
    private static double Number(double loss) => loss == double.MaxValue ? double.NaN : loss;

    private static void RequireTail(long length)
    {
        if (length <= TailLoss.TailLength)
        {
            throw new UsageException(
                $"--target-length is {length}: the last {TailLoss.TailLength} tokens of a text are scored, so it has to be longer.");
        }
    }

    // Every second piece is held out, so that both kinds come from all over the text.
    private (ReadOnlyMemory<int>[] Searched, ReadOnlyMemory<int>[] HeldOut) Split(long length, int wanted)
    {
        ReadOnlyMemory<int>[] all = TextWindows.Choose(tokens, length, 2 * wanted);
        return ([.. all.Where((_, index) => index % 2 == 0)], [.. all.Where((_, index) => index % 2 == 1)]);
    }

    private CalibrationLossDocument Compare(
        string texts, long length, ReadOnlyMemory<int>[] pieces, LongContextPolicy policy, Action evaluated,
        CancellationToken cancellationToken)
    {
        double before = TailLoss.Measure(model, pieces, LongContextPolicy.None, cancellationToken);
        evaluated();
        double after = TailLoss.Measure(model, pieces, policy, cancellationToken);
        evaluated();
        return new CalibrationLossDocument(texts, length, pieces.Length, before, after);
    }

    private int? Newline() => model.HasTokenizer && model.Tokenizer.Encode("\n", parseSpecial: false, addBos: false) is [int token] ? token : null;
}
