namespace MambaConnector.Numerics.Product;

/// <summary>A model of one block with random weights, as the library runs it and in float64.</summary>
internal sealed class ModelPair : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("mamba-numerics-");
    private readonly MambaModel _model;

    public ModelPair(MambaArchitecture architecture)
    {
        MambaShape shape = new()
        {
            Architecture = architecture,
            LayerCount = 1,
            DModel = 32,
            DState = 16,
            HeadDim = 16,
            GroupCount = architecture == MambaArchitecture.Mamba2 ? 2 : 1,
            VocabSize = 60,
            WeightType = MambaWeightType.F32,
            Seed = 5,
        };
        string path = Path.Combine(_directory.FullName, "model.gguf");
        MambaModel.WriteRandom(shape, path);
        _model = MambaModel.Load(path, new MambaModelOptions { ThreadCount = 2 });
        Reference = new(path, shape);
    }

    public OneLayerModel Reference { get; }

    public static int[] Tokens(int count) => [.. Enumerable.Range(0, count).Select(t => (t * t * 7 % 59) + (t % 2))];

    /// <summary>The library's logits are the expected ones, however the tokens are cut into calls.</summary>
    /// <param name="expected">[T][vocabulary].</param>
    /// <param name="policy">What the session is under.</param>
    /// <param name="tolerance">The largest difference of two logits.</param>
    /// <param name="setAt">Tokens that are read before the policy is set.</param>
    public void CheckAllWays(double[][] expected, LongContextPolicy policy, double tolerance, int setAt = 0)
    {
        foreach (int piece in new[] { expected.Length, 64, 17, 1 })
        {
            using MambaSession session = _model.CreateSession();
            foreach (int[] tokens in Tokens(expected.Length)[..setAt].Chunk(piece))
            {
                session.Append(tokens);
            }

            session.Policy = policy;
            foreach (int[] tokens in Tokens(expected.Length)[setAt..].Chunk(piece))
            {
                int begin = (int)session.TokenCount;
                float[] logits = new float[tokens.Length * _model.Info.PaddedVocabSize];
                session.EvaluateLogits(tokens, logits);
                double[] rows = [.. expected[begin..(begin + tokens.Length)].SelectMany(row => row)];
                Close.Equal(rows, [.. logits.Select(value => (double)value)], tolerance);
            }
        }
    }

    public void Dispose()
    {
        _model.Dispose();
        _directory.Delete(recursive: true);
    }
}
