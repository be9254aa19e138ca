using MambaConnector.Numerics.Selective;

namespace MambaConnector.Numerics.Product;

/// <summary>A language model of one block, in float64, out of a GGUF file's F32 tensors: docs/architecture.md, The mathematics.</summary>
internal sealed class OneLayerModel(string path, MambaShape shape)
{
    private const double NormEpsilon = 1e-5;

    private readonly Dictionary<string, double[]> _tensors = GgufTensors.Read(path);

    private int Inner => shape.Expand * shape.DModel;

    /// <summary>The logits [T][vocabulary] of a Mamba-2, whose heads are scanned by <paramref name="scan"/>.</summary>
    /// <param name="tokens">Token ids.</param>
    /// <param name="scan">From a head's inputs to its outputs [T][head_dim].</param>
    public double[][] Logits(int[] tokens, Func<StateSpaceDuality, double[][]> scan) => Logits(tokens, residual =>
    {
        int states = shape.GroupCount * shape.DState;
        int heads = Inner / shape.HeadDim;
        double[][] projected = Project("ssm_in.weight", residual);
        double[][] mixed = Convolve([.. projected.Select(row => row[Inner..((2 * Inner) + (2 * states))])]);
        double[] a = Tensor("ssm_a");
        double[] d = Tensor("ssm_d");
        double[] bias = Tensor("ssm_dt.bias");
        double[][] outputs = [.. tokens.Select(_ => new double[Inner])];
        for (int head = 0; head < heads; head++)
        {
            int x = head * shape.HeadDim;
            int b = Inner + (head / (heads / shape.GroupCount) * shape.DState);
            double[][] ofHead = scan(new(
                Columns(mixed, x, shape.HeadDim), [.. projected.Select(row => Softplus(row[^(heads - head)] + bias[head]))],
                Columns(mixed, b, shape.DState), Columns(mixed, b + states, shape.DState), a[head], d[head]));
            for (int t = 0; t < tokens.Length; t++)
            {
                ofHead[t].CopyTo(outputs[t], x);
            }
        }

        int group = Inner / shape.GroupCount;
        double[] weight = Tensor("ssm_norm.weight");
        return [.. outputs.Select((row, t) => Gate(row, projected[t]).Chunk(group)
            .SelectMany((part, g) => Norm(part, weight[(g * group)..((g + 1) * group)])).ToArray())];
    });

    /// <summary>The logits [T][vocabulary] of a Mamba-1, scanned by <paramref name="scan"/>.</summary>
    /// <param name="tokens">Token ids.</param>
    /// <param name="scan">From the inputs of the scan to its outputs [T][d_inner].</param>
    public double[][] Logits(int[] tokens, Func<SelectiveScan, double[][]> scan) => Logits(tokens, residual =>
    {
        int rank = (shape.DModel + 15) / 16;
        double[][] projected = Project("ssm_in.weight", residual);
        double[][] x = Convolve(Columns(projected, 0, Inner));
        double[][] selected = Project("ssm_x.weight", x);
        double[] bias = Tensor("ssm_dt.bias");
        double[][] dt = [.. Project("ssm_dt.weight", Columns(selected, 0, rank)).Select(row => row.Zip(bias, (r, b) => Softplus(r + b)).ToArray())];
        double[] flat = Tensor("ssm_a");
        double[,] a = new double[Inner, shape.DState];
        for (int i = 0; i < flat.Length; i++)
        {
            a[i / shape.DState, i % shape.DState] = flat[i];
        }

        double[][] b = Columns(selected, rank, shape.DState);
        double[][] c = Columns(selected, rank + shape.DState, shape.DState);
        return [.. scan(new(x, dt, b, c, a, Tensor("ssm_d"))).Select((row, t) => Gate(row, projected[t][Inner..]))];
    });

    // x = Emb[token]; x += W_out mix(rms(x)); logits = Emb rms(x).
    private double[][] Logits(int[] tokens, Func<double[][], double[][]> mix)
    {
        double[] embedding = _tensors["token_embd.weight"];
        double[][] residual = [.. tokens.Select(token => embedding[(token * shape.DModel)..((token + 1) * shape.DModel)])];
        double[][] mixed = Project("ssm_out.weight", mix([.. residual.Select(row => Norm(row, Tensor("attn_norm.weight")))]));
        double[][] sums = [.. residual.Zip(mixed, (left, right) => left.Zip(right, (x, y) => x + y).ToArray())];
        return Multiply(embedding, [.. sums.Select(row => Norm(row, _tensors["output_norm.weight"]))]);
    }

    private double[] Tensor(string name) => _tensors["blk.0." + name];

    private double[][] Project(string name, double[][] rows) => Multiply(Tensor(name), rows);

    // weights: [outputs, inputs]; the causal convolution's [channels, taps], the last tap on the newest token.
    private static double[][] Multiply(double[] weights, double[][] rows) => [.. rows.Select(row =>
    {
        double[] product = new double[weights.Length / row.Length];
        for (int i = 0; i < weights.Length; i++)
        {
            product[i / row.Length] += weights[i] * row[i % row.Length];
        }

        return product;
    })];

    private double[][] Convolve(double[][] rows)
    {
        double[] weights = Tensor("ssm_conv1d.weight");
        double[] bias = Tensor("ssm_conv1d.bias");
        return [.. rows.Select((row, t) => row.Select((_, channel) =>
        {
            double sum = bias[channel];
            for (int tap = 0; tap < shape.DConv && tap <= t; tap++)
            {
                sum += weights[(channel * shape.DConv) + shape.DConv - 1 - tap] * rows[t - tap][channel];
            }

            return Silu(sum);
        }).ToArray())];
    }

    private static double[] Norm(double[] row, double[] weight)
    {
        double rms = Math.Sqrt((row.Sum(value => value * value) / row.Length) + NormEpsilon);
        return [.. row.Zip(weight, (value, w) => value / rms * w)];
    }

    private static double[] Gate(double[] row, double[] gate) => [.. row.Select((y, i) => y * Silu(gate[i]))];

    private static double[][] Columns(double[][] rows, int begin, int count) => [.. rows.Select(row => row[begin..(begin + count)])];

    private static double Silu(double value) => value / (1 + Math.Exp(-value));

    private static double Softplus(double value) => value > 20 ? value : Math.Log(1 + Math.Exp(value));
}
