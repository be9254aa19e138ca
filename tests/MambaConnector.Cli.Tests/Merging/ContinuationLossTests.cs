using System.Numerics.Tensors;
using MambaConnector.Cli.Merging;

namespace MambaConnector.Cli.Tests.Merging;

public sealed class ContinuationLossTests
{
    [Fact]
    public void SlicesOfLogitsGiveTheMeanOfAllTokensButTheFirst()
    {
        MambaShape shape = MambaShape.Parse("mamba2-39m") with { LayerCount = 1, DModel = 64, VocabSize = 64 };
        using MambaModel model = MambaModel.CreateRandom(shape, new MambaModelOptions { ThreadCount = 1 });
        int[] tokens = [.. Enumerable.Range(0, ContinuationLoss.Rows + 9).Select(index => index * 31 % 61)];
        using MambaSession session = model.CreateSession();
        session.Append([1, 2, 3]);
        using MambaSession steps = session.Fork();
        double expected = 0;
        for (int index = 0; index + 1 < tokens.Length; index++)
        {
            steps.Append(tokens.AsSpan(index, 1));
            float[] probabilities = new float[model.Info.PaddedVocabSize];
            TensorPrimitives.SoftMax(steps.GetLogits(), probabilities);
            expected -= Math.Log(probabilities[tokens[index + 1]]) / (tokens.Length - 1);
        }

        Assert.Equal(expected, ContinuationLoss.Of(session, tokens, CancellationToken.None), 1e-4);
        Assert.Equal(3 + tokens.Length - 1, session.TokenCount);
    }
}
