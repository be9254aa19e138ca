using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MambaConnector.Generation;

/// <summary>Where top-p ends, without a sort of the vocabulary: a bracket around the border's weight narrows, four times and more a pass
/// over the weights, until few enough are inside to be sorted.</summary>
internal static class NucleusBorder
{
    private const int FewEnough = 256;

    // So many are sorted where the sums cannot tell them apart.
    private const int SortedAtMost = 4096;

    // Passes sum a few dozen floats a lane before they go on in double precision, so a sum is off by 5e-6 of itself at most. Only what is
    // certain all the same moves the bracket.
    private const int VectorsPerBlock = 64;
    private const double Uncertainty = 1e-5;

    /// <summary>The smallest weight of the most likely tokens that together reach top-p.</summary>
    /// <param name="weights">The largest is 1, as far as rounding lets it.</param>
    /// <param name="total">Their sum.</param>
    /// <param name="topP">In (0, 1).</param>
    /// <param name="members">To work in; as long as the weights.</param>
    public static float Find(ReadOnlySpan<float> weights, float total, float topP, Span<float> members)
    {
        // The weights of at least low reach what is wanted, those of at least high do not. What lies below the first low weighs less than
        // 1 - p together. Floats that are not negative are ordered as their bits are, which are nearly their logarithm.
        double wanted = (double)total * topP;
        int low = BitConverter.SingleToInt32Bits(MathF.Min((1 - topP) * total / weights.Length, 1));
        int high = BitConverter.SingleToInt32Bits(1.01f);
        double lowSum = total;
        double highSum = 0;
        Span<double> sums = stackalloc double[3];
        bool isNarrower = true;
        for (int pass = 0; isNarrower && high - low > 1 && lowSum - highSum > (double)FewEnough * Weight(low); pass++)
        {
            // In turns: quarters, which always help, and a sixteenth on either side of where a straight line between the sums would have
            // it.
            int width = high - low;
            double guess = pass % 2 == 0 ? 0.5 : Math.Clamp((wanted - highSum) / (lowSum - highSum), 0, 1);
            int step = Math.Max(width / (pass % 2 == 0 ? 4 : 16), 1);
            int middle = Math.Clamp(high - (int)(guess * width), low, high - 1);
            int upper = Math.Min(middle + step, high - 1);
            int lower = Math.Max(middle - step, low);
            SumAtLeast(weights, Weight(upper), Weight(middle), Weight(lower), sums);
            isNarrower = false;
            ReadOnlySpan<int> borders = [upper, middle, lower];
            for (int index = 0; index < borders.Length; index++)
            {
                if (sums[index] * (1 + Uncertainty) < wanted)
                {
                    (high, highSum, isNarrower) = (borders[index], sums[index], true);
                }
                else if (sums[index] * (1 - Uncertainty) >= wanted)
                {
                    isNarrower |= borders[index] > low;
                    (low, lowSum) = (borders[index], sums[index]);
                    break;
                }
            }
        }

        float smallest = Weight(low);
        if (high - low == 1)
        {
            return smallest;
        }

        int count = Collect(weights, smallest, Weight(high), members, out double above);
        if (count > SortedAtMost)
        {
            // Together they weigh less than the sums are certain of, as where top-p is next to 1: all of them are kept.
            return smallest;
        }

        members = members[..count];
        members.Sort();
        int inside = count;
        while (inside > 0 && above < wanted)
        {
            above += members[--inside];
        }

        // None is inside only where rounding put the border between two weights.
        return inside < count ? members[inside] : smallest;
    }

    private static float Weight(int bits) => BitConverter.Int32BitsToSingle(bits);

    /// <summary>The sums of the weights of at least each of three borders, the largest border first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SumAtLeast(ReadOnlySpan<float> weights, float upper, float middle, float lower, Span<double> sums)
    {
        sums.Clear();
        Vector512<float> uppers = Vector512.Create(upper);
        Vector512<float> middles = Vector512.Create(middle);
        Vector512<float> lowers = Vector512.Create(lower);
        while (weights.Length >= Vector512<float>.Count)
        {
            int length = Math.Min(weights.Length, VectorsPerBlock * Vector512<float>.Count);
            Vector512<float> upperSum = Vector512<float>.Zero;
            Vector512<float> middleSum = Vector512<float>.Zero;
            Vector512<float> lowerSum = Vector512<float>.Zero;
            int id = 0;
            for (; id + Vector512<float>.Count <= length; id += Vector512<float>.Count)
            {
                Vector512<float> vector = Vector512.Create(weights[id..]);
                upperSum += AtLeast(vector, uppers);
                middleSum += AtLeast(vector, middles);
                lowerSum += AtLeast(vector, lowers);
            }

            sums[0] += Vector512.Sum(upperSum);
            sums[1] += Vector512.Sum(middleSum);
            sums[2] += Vector512.Sum(lowerSum);
            weights = weights[id..];
        }

        foreach (float weight in weights)
        {
            sums[0] += weight >= upper ? weight : 0;
            sums[1] += weight >= middle ? weight : 0;
            sums[2] += weight >= lower ? weight : 0;
        }
    }

    /// <summary>Collects the weights in [low, high), and sums those of at least high.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Collect(ReadOnlySpan<float> weights, float low, float high, Span<float> members, out double above)
    {
        Vector512<float> lows = Vector512.Create(low);
        Vector512<float> highs = Vector512.Create(high);
        Vector512<double> sum = Vector512<double>.Zero;
        int count = 0;
        for (; weights.Length >= Vector512<float>.Count; weights = weights[Vector512<float>.Count..])
        {
            Vector512<float> vector = Vector512.Create(weights);
            (Vector512<double> first, Vector512<double> second) = Vector512.Widen(AtLeast(vector, highs));
            sum += first + second;
            if (Vector512.GreaterThanOrEqualAny(vector, lows)
                && Vector512.AndNot(Vector512.GreaterThanOrEqual(vector, lows), Vector512.GreaterThanOrEqual(vector, highs))
                    != Vector512<float>.Zero)
            {
                count = CollectEach(weights[..Vector512<float>.Count], low, high, members, count);
            }
        }

        above = Vector512.Sum(sum);
        foreach (float weight in weights)
        {
            above += weight >= high ? weight : 0;
        }

        return CollectEach(weights, low, high, members, count);
    }

    private static int CollectEach(ReadOnlySpan<float> weights, float low, float high, Span<float> members, int count)
    {
        foreach (float weight in weights)
        {
            if (weight >= low && weight < high)
            {
                members[count++] = weight;
            }
        }

        return count;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> AtLeast(Vector512<float> values, Vector512<float> borders) =>
        Vector512.ConditionalSelect(Vector512.GreaterThanOrEqual(values, borders), values, Vector512<float>.Zero);
}
