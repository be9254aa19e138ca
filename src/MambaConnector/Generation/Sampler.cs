using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MambaConnector.Generation;

/// <summary>Chooses a token from a row of logits: penalties, temperature, top-k, top-p, min-p, then one random number. Allocates nothing a
/// token. One generation's own; not thread-safe. Loops over the vocabulary are optimised when they are first run: the runtime's quick first
/// code for vectors is some hundred times slower, and stays for a second.</summary>
internal sealed class Sampler
{
    private const int ScaledAtOnce = 4096;
    private const int DrawnAtOnce = 512;

    private readonly SamplingParameters _parameters;
    private readonly PenaltyHistory? _history;
    private readonly int _vocabSize;
    private Xoshiro256 _random;

    /// <param name="parameters">What to apply.</param>
    /// <param name="vocabSize">Only ids below it are chosen: what lies above pads the head.</param>
    public Sampler(SamplingParameters parameters, int vocabSize)
    {
        _parameters = parameters;
        _history = parameters.HasPenalties ? new PenaltyHistory(parameters.PenaltyWindow) : null;
        _random = new Xoshiro256(parameters.Seed);
        _vocabSize = vocabSize;
    }

    /// <summary>Counts a token towards the penalties.</summary>
    public void Observe(int token) => _history?.Add(token);

    /// <summary>Counts tokens towards the penalties, of many only those that their window reaches.</summary>
    public void Observe(ReadOnlySpan<int> tokens)
    {
        if (_history is not null)
        {
            foreach (int token in tokens[Math.Max(0, tokens.Length - _parameters.PenaltyWindow)..])
            {
                _history.Add(token);
            }
        }
    }

    /// <summary>Chooses the next token.</summary>
    /// <param name="logits">[padded_vocab_size].</param>
    /// <param name="mask">The tokens to choose among, as <see cref="ITokenConstraint.Mask"/> has them; empty: all.</param>
    /// <exception cref="MambaException">No logit is a number: the weights are damaged. Or the mask allows no token.</exception>
    public int Sample(ReadOnlySpan<float> logits, ReadOnlySpan<uint> mask = default)
    {
        SamplerScratch scratch = SamplerScratch.OfThread(_vocabSize);
        Span<float> scaled = scratch.Scaled.AsSpan(0, _vocabSize);
        if (mask.IsEmpty)
        {
            logits[..scaled.Length].CopyTo(scaled);
        }
        else
        {
            TokenMask.Copy(logits, mask, scaled);
        }

        Penalise(scaled);
        float largest = Largest(scaled);
        if (!float.IsFinite(largest))
        {
            throw new MambaException(
                MambaErrorCode.Internal,
                mask.IsEmpty || mask.ContainsAnyExcept(0u)
                    ? "The model gave logits that are not finite: its weights are damaged, or its state has overflowed."
                    : "The constraint allows no token.");
        }

        if (_parameters.Temperature == 0)
        {
            // As bits, which are searched a vector at a time; but zeros of both signs are equal and have different ones.
            return largest == 0
                ? TensorPrimitives.IndexOfMax<float>(scaled)
                : MemoryMarshal.Cast<float, int>(scaled).IndexOf(BitConverter.SingleToInt32Bits(largest));
        }

        if (_parameters.TopK > 0 && _parameters.TopK < scaled.Length)
        {
            Scale(scaled, largest, []);
            return SampleTopK(scaled, scratch);
        }

        Span<float> weights = scratch.Weights.AsSpan(0, _vocabSize);
        Scale(scaled, largest, weights);
        return SampleAll(weights, scratch);
    }

    /// <summary>The largest value; NaN if any value is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Largest(ReadOnlySpan<float> values)
    {
        Vector512<float> largest = Vector512.Create(float.NegativeInfinity);
        Vector512<float> isNumber = Vector512<float>.AllBitsSet;
        ReadOnlySpan<float> rest = values;
        for (; rest.Length >= Vector512<float>.Count; rest = rest[Vector512<float>.Count..])
        {
            Vector512<float> vector = Vector512.Create(rest);
            largest = Vector512.MaxNative(vector, largest);
            isNumber &= Vector512.Equals(vector, vector);
        }

        float result = isNumber.AsInt32() == Vector512<int>.AllBitsSet ? float.NegativeInfinity : float.NaN;
        for (int lane = 0; lane < Vector512<float>.Count; lane++)
        {
            result = MathF.Max(result, largest[lane]);
        }

        foreach (float value in rest)
        {
            result = MathF.Max(result, value);
        }

        return result;
    }

    /// <summary>Turns logits into log-weights, the largest 0, and these into weights unless there is no room for them. By blocks that stay
    /// in the first-level cache.</summary>
    private void Scale(Span<float> logits, float largest, Span<float> weights)
    {
        // exp underflows to 0 far from the largest, which a temperature near 0 would turn into 0 * infinity. A product takes a tenth of the
        // time of a quotient.
        float inverseTemperature = 1 / MathF.Max(_parameters.Temperature, 1e-6f);
        while (!logits.IsEmpty)
        {
            // The last block takes the rest: of fewer values than a vector has, exp is computed in another way.
            Span<float> block = logits.Length < 2 * ScaledAtOnce ? logits : logits[..ScaledAtOnce];
            TensorPrimitives.Subtract(block, largest, block);
            TensorPrimitives.Multiply(block, inverseTemperature, block);
            if (!weights.IsEmpty)
            {
                TensorPrimitives.Exp(block, weights);
                weights = weights[block.Length..];
            }

            logits = logits[block.Length..];
        }
    }

    private void Penalise(Span<float> logits)
    {
        if (_history is null)
        {
            return;
        }

        foreach ((int token, int count) in _history.Counts)
        {
            if ((uint)token < (uint)logits.Length)
            {
                float logit = logits[token];
                logit = logit > 0 ? logit / _parameters.RepetitionPenalty : logit * _parameters.RepetitionPenalty;
                logits[token] = logit - (count * _parameters.FrequencyPenalty) - _parameters.PresencePenalty;
            }
        }
    }

    /// <summary>Keeps k tokens, sorts them, and filters from the top.</summary>
    /// <param name="scaled">Log-weights, the largest 0.</param>
    /// <param name="scratch">To work in.</param>
    private int SampleTopK(ReadOnlySpan<float> scaled, SamplerScratch scratch)
    {
        int count = SelectLargest(scaled, _parameters.TopK, scratch);
        Span<int> ids = scratch.Candidates.AsSpan(0, count);
        Span<float> weights = scratch.Weights.AsSpan(0, count);
        SortDescending(scratch.Keys.AsSpan(0, count), ids);
        TensorPrimitives.Exp(scratch.Keys.AsSpan(0, count), weights);
        double kept = _parameters.TopP < 1 ? Nucleus(weights, Sum(weights) * _parameters.TopP, out count) : Sum(weights);
        while (count > 1 && weights[count - 1] < _parameters.MinP)
        {
            kept -= weights[--count];
        }

        return ids[Draw(weights[..count], kept)];
    }

    /// <summary>Filters the whole vocabulary.</summary>
    /// <param name="weights">The largest is 1.</param>
    /// <param name="scratch">To work in.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int SampleAll(Span<float> weights, SamplerScratch scratch)
    {
        float total = TensorPrimitives.Sum<float>(weights);
        float border = _parameters.TopP < 1 ? NucleusBorder.Find(weights, total, _parameters.TopP, scratch.Keys) : 0;
        float floor = MathF.Max(_parameters.MinP, border);
        if (floor > 0)
        {
            Span<float> kept = weights;
            Vector512<float> floors = Vector512.Create(floor);
            for (; kept.Length >= Vector512<float>.Count; kept = kept[Vector512<float>.Count..])
            {
                Vector512<float> vector = Vector512.Create<float>(kept);
                Vector512.ConditionalSelect(Vector512.GreaterThanOrEqual(vector, floors), vector, Vector512<float>.Zero).CopyTo(kept);
            }

            for (int id = 0; id < kept.Length; id++)
            {
                kept[id] = kept[id] >= floor ? kept[id] : 0;
            }

            total = TensorPrimitives.Sum<float>(weights);
        }

        return Draw(weights, total);
    }

    /// <summary>How many of the weights, largest first, reach <paramref name="wanted"/> (at least one), and their sum.</summary>
    private static double Nucleus(ReadOnlySpan<float> weights, double wanted, out int count)
    {
        double sum = 0;
        count = 0;
        while (count < weights.Length && (count == 0 || sum < wanted))
        {
            sum += weights[count++];
        }

        return sum;
    }

    private static double Sum(ReadOnlySpan<float> weights)
    {
        double sum = 0;
        foreach (float weight in weights)
        {
            sum += weight;
        }

        return sum;
    }

    /// <summary>Draws an index with probability weight / total.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int Draw(ReadOnlySpan<float> weights, double total)
    {
        double target = _random.NextDouble() * total;
        int index = 0;
        for (; index + DrawnAtOnce <= weights.Length; index += DrawnAtOnce)
        {
            Vector512<float> sums = Vector512<float>.Zero;
            for (int place = index; place < index + DrawnAtOnce; place += Vector512<float>.Count)
            {
                sums += Vector512.Create(weights[place..]);
            }

            float sum = Vector512.Sum(sums);
            if (sum > target)
            {
                break;
            }

            target -= sum;
        }

        for (; index + Vector<float>.Count <= weights.Length; index += Vector<float>.Count)
        {
            float sum = Vector.Sum(new Vector<float>(weights[index..]));
            if (sum > target)
            {
                break;
            }

            target -= sum;
        }

        for (; index < weights.Length; index++)
        {
            if (weights[index] > target)
            {
                return index;
            }

            target -= weights[index];
        }

        // Rounding left a rest: it belongs to the last that can be chosen.
        return weights.LastIndexOfAnyExcept(0f);
    }

    /// <summary>Collects the k largest into the scratch's keys and candidates, unsorted. A vector of values at a time is compared with the
    /// smallest kept, so most of the vocabulary costs one comparison a vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int SelectLargest(ReadOnlySpan<float> values, int k, SamplerScratch scratch)
    {
        Span<float> heap = scratch.Keys.AsSpan(0, k);
        Span<int> ids = scratch.Candidates.AsSpan(0, k);
        for (int id = 0; id < k; id++)
        {
            heap[id] = values[id];
            ids[id] = id;
        }

        for (int node = (k / 2) - 1; node >= 0; node--)
        {
            SiftDown(heap, ids, node);
        }

        int index = k;
        for (; index + Vector<float>.Count <= values.Length; index += Vector<float>.Count)
        {
            if (Vector.GreaterThanAny(new Vector<float>(values[index..]), new Vector<float>(heap[0])))
            {
                for (int lane = 0; lane < Vector<float>.Count; lane++)
                {
                    ReplaceSmallest(heap, ids, values[index + lane], index + lane);
                }
            }
        }

        for (; index < values.Length; index++)
        {
            ReplaceSmallest(heap, ids, values[index], index);
        }

        return k;
    }

    private static void ReplaceSmallest(Span<float> heap, Span<int> ids, float value, int id)
    {
        if (value > heap[0])
        {
            heap[0] = value;
            ids[0] = id;
            SiftDown(heap, ids, 0);
        }
    }

    // A min-heap: the smallest kept value is at the root.
    private static void SiftDown(Span<float> heap, Span<int> ids, int node)
    {
        while (true)
        {
            int child = (2 * node) + 1;
            if (child >= heap.Length)
            {
                return;
            }

            if (child + 1 < heap.Length && heap[child + 1] < heap[child])
            {
                child++;
            }

            if (heap[node] <= heap[child])
            {
                return;
            }

            (heap[node], heap[child]) = (heap[child], heap[node]);
            (ids[node], ids[child]) = (ids[child], ids[node]);
            node = child;
        }
    }

    private static void SortDescending(Span<float> keys, Span<int> ids)
    {
        keys.Sort(ids);
        keys.Reverse();
        ids.Reverse();
    }
}
