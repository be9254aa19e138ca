using System.Numerics;

namespace MambaConnector.Numerics.Scan;

/// <summary>All states of h_t = a_t h_{t-1} + b_t.</summary>
internal static class ParallelScan
{
    /// <summary>One step after another: n steps, each waiting for the one before.</summary>
    public static T[] Sequential<T>(IReadOnlyList<AffineMap<T>> steps, T initial)
        where T : INumberBase<T>
    {
        T[] states = new T[steps.Count];
        T state = initial;
        for (int t = 0; t < states.Length; t++)
        {
            states[t] = state = steps[t].Apply(state);
        }

        return states;
    }

    /// <summary>The work-efficient scan of G. E. Blelloch, "Prefix sums and their applications" (CMU-CS-90-190): up a tree of pairs and down again,
    /// 2 log2 n rounds whose compositions do not wait for each other, 2 n of them in all.</summary>
    public static T[] Blelloch<T>(IReadOnlyList<AffineMap<T>> steps, T initial)
        where T : INumberBase<T>
    {
        int count = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(1, steps.Count));
        AffineMap<T>[] tree = new AffineMap<T>[count];
        Array.Fill(tree, AffineMap<T>.Identity);
        for (int t = 0; t < steps.Count; t++)
        {
            tree[t] = steps[t];
        }

        // Up: the last entry of every block becomes the block's composition.
        for (int half = 1; half < count; half *= 2)
        {
            for (int last = (2 * half) - 1; last < count; last += 2 * half)
            {
                tree[last] = tree[last - half].Then(tree[last]);
            }
        }

        // Down: it becomes the composition of all that is before the block.
        tree[count - 1] = AffineMap<T>.Identity;
        for (int half = count / 2; half >= 1; half /= 2)
        {
            for (int last = (2 * half) - 1; last < count; last += 2 * half)
            {
                (tree[last - half], tree[last]) = (tree[last], tree[last].Then(tree[last - half]));
            }
        }

        return [.. steps.Select((step, t) => tree[t].Then(step).Apply(initial))];
    }
}
