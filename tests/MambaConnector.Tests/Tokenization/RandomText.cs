using System.Text;

namespace MambaConnector.Tests.Tokenization;

/// <summary>Texts made of what tokenizers trip over, the same ones in every run.</summary>
internal static class RandomText
{
    private static readonly string[] Parts =
    [
        " ", "  ", "\n", "\r\n", "\t", "\u00a0", "\u3000", "\u2028", "\u0085", "'s", "'T", "'ll", "a", "Z", "é", "e\u0301", "ß", "İ", "日",
            "本", "한", "𝒜", "𐐀", "😀", "👩‍👩‍👧", "0", "1", "9",
        "٣", "½", "Ⅷ", "𝟘", "!", ".", "$", "+", "=", "^", "`", "|", "<", ">", "。", "“", "\u0301", "\u0316", "the", "best", "HELLO", "▁",
            "Ġ", "\0", "\ufeff", "\ufffd",
    ];

    public static string Next(Random random, int maximumParts = 20)
    {
        var builder = new StringBuilder();
        for (var count = random.Next(maximumParts + 1); count > 0; count--)
        {
            if (random.Next(4) > 0)
            {
                builder.Append(Parts[random.Next(Parts.Length)]);
            }
            else
            {
                int point;
                do
                {
                    point = random.Next(random.Next(2) == 0 ? 0x3000 : 0x20000);
                }
                while (point is >= 0xD800 and < 0xE000);

                builder.Append(char.ConvertFromUtf32(point));
            }
        }

        return builder.ToString();
    }
}
