namespace MambaConnector.Constraints;

/// <summary>The fewest tokens that spell a text, from each of its bytes to its end.</summary>
/// <param name="Costs">[length + 1]: how many; <see cref="CostTable.Infinite"/> where no tokens spell it.</param>
/// <param name="Tokens">[length]: the first of them.</param>
internal sealed record Segmentation(int[] Costs, int[] Tokens)
{
    public static Segmentation Create(ReadOnlySpan<byte> bytes, Vocabulary? vocabulary)
    {
        int[] costs = new int[bytes.Length + 1];
        int[] tokens = new int[bytes.Length];
        for (int start = bytes.Length - 1; start >= 0; start--)
        {
            costs[start] = vocabulary is null ? costs[start + 1] + 1 : CostTable.Infinite;
            if (vocabulary is null)
            {
                continue;
            }

            int node = 0;
            for (int end = start; end < bytes.Length; end++)
            {
                node = vocabulary.Child(node, bytes[end]);
                if (node < 0)
                {
                    break;
                }

                int token = vocabulary.TokenAt(node);
                int cost = costs[end + 1] + 1;
                if (token >= 0 && cost < costs[start])
                {
                    costs[start] = cost;
                    tokens[start] = token;
                }
            }
        }

        return new Segmentation(costs, tokens);
    }
}
