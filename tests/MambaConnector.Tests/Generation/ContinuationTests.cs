using MambaConnector.Generation;
using MambaConnector.Tests.Support;

namespace MambaConnector.Tests.Generation;

/// <summary>Constraints: what they see, what they forbid, and how they end a text.</summary>
public class ContinuationTests
{
    private static readonly int A = TestTokenizer.FirstByte + 'a';

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void OnlyTokensOfTheMaskAreChosen(float temperature)
    {
        // Everything else is far more likely.
        Constraint constraint = new(["abcabc"]);
        Continuation continuation = Create(constraint, new GenerationOptions { Temperature = temperature, MaxTokens = 20, PresencePenalty = 1 });
        float[] logits = new float[TestTokenizer.VocabSize + 4];
        Array.Fill(logits, 100);
        for (int letter = 0; letter < 3; letter++)
        {
            logits[A + letter] = -100;
        }

        Assert.Equal("abcabc", Text(continuation, logits, out GeneratedToken last));
        Assert.Equal((FinishReason.Stop, 0), (last.FinishReason, last.RemovedTokens));
        Assert.Equal(6, continuation.KeptTokens);
    }

    [Fact]
    public void ATextThatIsCompleteEndsAtOnceWithAllThatWasHeldBack()
    {
        Continuation continuation = Create(new Constraint(["ab\n"]), new GenerationOptions { StopSequences = ["\nUser:"] });
        Assert.Equal("ab\n", Text(continuation, Flat(), out GeneratedToken last));
        Assert.Equal((FinishReason.Stop, 0, 3), (last.FinishReason, last.RemovedTokens, continuation.KeptTokens));
    }

    [Fact]
    public void AStopSequenceEndsAConstrainedTextToo()
    {
        Continuation continuation = Create(new Constraint(["abcd"]), new GenerationOptions { StopSequences = ["bc"] });
        Assert.Equal("a", Text(continuation, Flat(), out GeneratedToken last));
        Assert.Equal((FinishReason.Stop, 2, 1), (last.FinishReason, last.RemovedTokens, continuation.KeptTokens));
    }

    [Fact]
    public void AStopTokenThatTheMaskAllowsEndsTheText()
    {
        Continuation continuation = Create(new Constraint(["ab"], endToken: TestTokenizer.ImEnd), new GenerationOptions());
        Assert.Equal("ab", Text(continuation, Flat(), out GeneratedToken last));
        Assert.Equal((TestTokenizer.ImEnd, FinishReason.Stop, 1), (last.Id, last.FinishReason, last.RemovedTokens));
    }

    [Fact]
    public void ATokenThatCannotBeCompletedInTimeIsReplaced()
    {
        // The long text is what the logits prefer; three tokens are enough for the short one only.
        Constraint constraint = new(["cccccc", "aab"]);
        Continuation continuation = Create(constraint, new GenerationOptions { Temperature = 0, MaxTokens = 3 });
        float[] logits = Flat();
        logits[A + 2] = 50;
        Assert.Equal("aab", Text(continuation, logits, out GeneratedToken last));
        Assert.Equal(FinishReason.Stop, last.FinishReason);
        Assert.Equal([(A + 2, 2, false), (A, 2, true), (A, 1, true), (A + 1, 0, true)], constraint.Offered);
    }

    [Fact]
    public void AConstraintThatAllowsNothingIsAnError()
    {
        Continuation continuation = Create(new Constraint([]), new GenerationOptions());
        Assert.Contains("allows no token", Assert.Throws<MambaException>(() => continuation.Next(Flat())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AConstraintThatRefusesWhatItAllowsIsAnError()
    {
        Continuation continuation = Create(new Constraint(["ab"]) { IsStubborn = true }, new GenerationOptions());
        Assert.Throws<InvalidOperationException>(() => continuation.Next(Flat()));
    }

    [Fact]
    public void AMaskedTokenAllocatesNothing()
    {
        uint[] mask = [.. Enumerable.Repeat(0xF00F_0000u, 1572)];
        float[] logits = [.. Enumerable.Range(0, 50_288).Select(id => (id * 7919 % 1000) / 100f)];
        Sampler sampler = new(SamplingParameters.Resolve(new GenerationOptions { TopP = 0.9f }, new GenerationDefaults()), 50_280);
        Assert.True(TokenMask.Contains(mask, sampler.Sample(logits, mask)));
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int token = 0; token < 20; token++)
        {
            sampler.Sample(logits, mask);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static Continuation Create(ITokenConstraint constraint, GenerationOptions options)
    {
        using MambaModel model = TestModel.Create(new ScriptedBackend(_ => 0, TestTokenizer.VocabSize));
        return new Continuation(model, GenerationPlan.Create(model, options with { Seed = 3 }), constraint);
    }

    private static float[] Flat() => new float[TestTokenizer.VocabSize + 4];

    private static string Text(Continuation continuation, float[] logits, out GeneratedToken last)
    {
        string text = "";
        do
        {
            last = continuation.Next(logits);
            text += last.Text;
        }
        while (last.FinishReason is null);

        return text;
    }

    /// <summary>Allows one of a few texts of bytes.</summary>
    private sealed class Constraint(string[] texts, int? endToken = null) : ITokenConstraint
    {
        private readonly uint[] _mask = new uint[(TestTokenizer.VocabSize / 32) + 1];
        private string[] _texts = texts;
        private int _position;

        public List<(int Token, int TokensLeft, bool IsTaken)> Offered { get; } = [];

        public bool IsStubborn { get; init; }

        public bool IsComplete { get; private set; }

        public ReadOnlySpan<uint> Mask
        {
            get
            {
                Array.Clear(_mask);
                foreach (string text in _texts)
                {
                    int token = _position < text.Length ? TestTokenizer.FirstByte + text[_position] : endToken!.Value;
                    _mask[token / 32] |= 1u << (token % 32);
                }

                return _mask;
            }
        }

        public bool TryAccept(int token, int tokensLeft)
        {
            string[] rest = [.. _texts.Where(text => _position == text.Length || TestTokenizer.FirstByte + text[_position] == token)];
            bool isTaken = !IsStubborn && rest.Any(text => text.Length - _position - 1 <= tokensLeft);
            Offered.Add((token, tokensLeft, isTaken));
            if (!isTaken)
            {
                _texts = IsStubborn ? _texts : [.. _texts.Except(rest)];
                return false;
            }

            _texts = rest;
            _position++;
            IsComplete = endToken is null && rest.All(text => text.Length == _position);
            return true;
        }
    }
}
