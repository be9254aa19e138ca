using System.Text;
using MambaConnector.Constraints;

namespace MambaConnector.Tests.Constraints;

/// <summary>The inside of a JSON string, byte by byte.</summary>
public sealed class StringDecoderTests
{
    [Fact]
    public void EveryCharacterIsReadBack()
    {
        Span<byte> bytes = stackalloc byte[4];
        for (int value = 0x80; value <= 0x10FFFF; value = value == 0xD7FF ? 0xE000 : value + 1)
        {
            int length = new Rune(value).EncodeToUtf8(bytes);
            int partial = 0;
            bool isRead = true;
            for (int index = 0; index < length - 1; index++)
            {
                isRead &= StringDecoder.Step(ref partial, bytes[index], out _) == StringOutcome.Pending;
            }

            isRead &= StringDecoder.Step(ref partial, bytes[length - 1], out int codePoint) == StringOutcome.CodePoint;
            if (!isRead || codePoint != value || partial != 0)
            {
                Assert.Fail($"U+{value:X} is not read back.");
            }
        }
    }

    [Fact]
    public void EveryBeginningOfACharacterGoesOn()
    {
        for (int first = 0xC2; first <= 0xF4; first++)
        {
            int begun = 0;
            Assert.Equal(StringOutcome.Pending, StringDecoder.Step(ref begun, (byte)first, out _));
            Assert.Contains(Enumerable.Range(0x80, 0x40), second =>
            {
                int partial = begun;
                return StringDecoder.Step(ref partial, (byte)second, out _) != StringOutcome.Dead;
            });
        }
    }
}
