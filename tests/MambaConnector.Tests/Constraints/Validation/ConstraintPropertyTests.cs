using System.Numerics;
using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using MambaConnector.Constraints;
using MambaConnector.Tests.Support;
using MambaConnector.Tests.Tokenization;

namespace MambaConnector.Tests.Constraints.Validation;

/// <summary>Constrained decoding against the judge, on random schemas: what it writes fits, whatever the model prefers and however little
/// it may write; what fits it can write; what does not fit it cannot.</summary>
/// <remarks>The schemas are the same in every run; MAMBA_TEST_SEED chooses others (<see cref="PropertyConfig"/>). A failure prints the schema, as
/// small as it gets, and the seed of the choices.</remarks>
public sealed class ConstraintPropertyTests
{
    private const int Unlimited = 1 << 20;

    private static readonly (MambaTokenizer Tokenizer, int End)[] Tokenizers =
        [(TestTokenizer.Create(), TestTokenizer.ImEnd), (MambaTokenizer.FromFile(Fixture.PathOf("mamba2-39m-chat/tokenizer.json")), 3)];

    [Theory]
    [InlineData(0, 300)]
    [InlineData(1, 200)]
    public void WhateverIsChosenTheTextFits(int tokenizer, int count) => Check(count, (schema, seed) =>
    {
        Random random = new(seed);
        if (Create(schema, tokenizer) is { } constraint)
        {
            string text = Write(constraint, tokenizer, constraint.MinimumTokens + random.Next(48), random);
            Assert.True(JsonSchemaValidator.IsValid(schema, JsonElement.Parse(text), out string? why), $"{why}\n{text}");
        }
    });

    [Theory]
    [InlineData(0, 300)]
    [InlineData(1, 200)]
    public void WhatFitsCanBeWrittenAndNothingElse(int tokenizer, int count) => Check(count, (schema, seed) => CheckValues(schema, tokenizer, seed));

    // With these choices the schema that asks less is {"type":"string","minLength":1}, and its "é" is written "\u00e9".
    [Theory]
    [InlineData("""{"anyOf":[{"const":{}},{"enum":["é","\"\\\n","a"],"type":"string","minLength":1}]}""", 1296595200)]
    [InlineData("""{"anyOf":[{"const":{}},{"enum":["é","😀","\"\\\n","a"],"type":"string","minLength":1}]}""", 1296595200)]
    public void AListedStringIsWrittenOneWayWhereASchemaThatAsksLessLeavesItFree(string schema, int seed) => CheckValues(JsonElement.Parse(schema), 0, seed);

    private static void CheckValues(JsonElement schema, int tokenizer, int seed)
    {
        Random random = new(seed);
        if (Create(schema, tokenizer) is null)
        {
            return;
        }

        // Values of this schema, and of one that asks a little less.
        string[] smaller = [.. RandomSchema.Shrink(schema.GetRawText()).DefaultIfEmpty("true")];
        foreach (JsonElement origin in (JsonElement[])[schema, schema, JsonElement.Parse(smaller[random.Next(smaller.Length)])])
        {
            if (new RandomValue(origin, random).Next() is string text)
            {
                bool fits = JsonSchemaValidator.IsValid(schema, JsonElement.Parse(text), out string? why);
                bool isAccepted = Accepts(schema, tokenizer, text);
                Assert.True(fits || !isAccepted, $"Accepted: {text}\n{why}");

                // What asks less, or a part of the schema, may leave a string free that the schema lists, and spell it otherwise.
                bool canBeWritten = isAccepted || Accepts(schema, tokenizer, ListedText.Respell(text, schema));
                Assert.True(canBeWritten || !fits, $"Refused: {text}");
            }
        }
    }

    private static void Check(int count, Action<JsonElement, int> property) =>
        Prop.ForAll(RandomSchema.Create(), Gen.Choose(0, int.MaxValue).ToArbitrary(), (text, seed) =>
        {
            try
            {
                property(JsonElement.Parse(text), seed);
            }
            catch (NotSupportedException)
            {
                // A schema that refers to itself for the same value: what it means is not defined.
            }
        }).Check(PropertyConfig.Of(count));

    /// <returns>Null for a schema that is refused: one that no value fits.</returns>
    private static JsonConstraint? Create(JsonElement schema, int tokenizer)
    {
        try
        {
            return JsonConstraint.Create(Grammar.Json(schema), Tokenizers[tokenizer].Tokenizer, [Tokenizers[tokenizer].End]);
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    /// <summary>Chooses any tokens that are allowed, as many as the budget has.</summary>
    private static string Write(JsonConstraint constraint, int tokenizer, int budget, Random random)
    {
        (MambaTokenizer tokens, int end) = Tokenizers[tokenizer];

        // Runs differ in how fast they go on: from the shortest of a few tokens to the longest.
        int candidates = random.Next(1, 4);
        bool prefersLong = random.Next(2) == 0;
        List<byte> bytes = [];
        for (int left = budget - 1; left >= 0 && !constraint.IsComplete; left--)
        {
            int token;
            do
            {
                int[] allowed = [.. Allowed(constraint.Mask)];
                Assert.True(allowed.Length > 0, $"Nothing may follow: {Encoding.UTF8.GetString([.. bytes])}");
                int[] some = [.. Enumerable.Range(0, candidates).Select(_ => allowed[random.Next(allowed.Length)])];
                token = prefersLong ? some.MaxBy(id => tokens.GetBytes(id).Length) : some.MinBy(id => tokens.GetBytes(id).Length);
                Assert.True(token == end || !tokens.IsSpecial(token), $"{tokens.GetToken(token)} is no text.");
                if (constraint.TryAccept(token, left))
                {
                    break;
                }

                Assert.DoesNotContain(token, Allowed(constraint.Mask));
            }
            while (true);

            if (token != end)
            {
                bytes.AddRange(tokens.GetBytes(token));
            }
        }

        string text = Encoding.UTF8.GetString([.. bytes]);
        Assert.True(constraint.IsComplete || Allowed(constraint.Mask).Contains(end), $"Not complete: {text}");
        Assert.Equal(bytes, Encoding.UTF8.GetBytes(text));
        return text;
    }

    private static bool Accepts(JsonElement schema, int tokenizer, string text)
    {
        JsonConstraint constraint = Create(schema, tokenizer)!;
        (MambaTokenizer tokens, int end) = Tokenizers[tokenizer];
        foreach (int token in tokens.Encode(text))
        {
            bool isAllowed = (constraint.Mask[token >> 5] >> token & 1) != 0;
            if (!isAllowed || !constraint.TryAccept(token, Unlimited))
            {
                return false;
            }
        }

        return constraint.IsComplete || Allowed(constraint.Mask).Contains(end);
    }

    private static List<int> Allowed(ReadOnlySpan<uint> mask)
    {
        List<int> allowed = [];
        for (int word = 0; word < mask.Length; word++)
        {
            for (uint bits = mask[word]; bits != 0; bits &= bits - 1)
            {
                allowed.Add((32 * word) + BitOperations.TrailingZeroCount(bits));
            }
        }

        return allowed;
    }
}
