using System.Runtime.InteropServices;
using System.Text;

namespace MambaConnector.Numerics.Product;

/// <summary>The F32 tensors of a GGUF file that the library wrote, as its specification says (version 3), by name.</summary>
internal static class GgufTensors
{
    private const uint F32 = 0;
    private const uint Text = 8;
    private const uint List = 9;
    private const int Alignment = 32;

    public static Dictionary<string, double[]> Read(string path)
    {
        using BinaryReader reader = new(File.OpenRead(path));
        Assert.Equal("GGUF", Encoding.ASCII.GetString(reader.ReadBytes(4)));
        Assert.Equal(3u, reader.ReadUInt32());
        long tensors = reader.ReadInt64();
        for (long entries = reader.ReadInt64(); entries > 0; entries--)
        {
            ReadText(reader);
            SkipValue(reader, reader.ReadUInt32());
        }

        List<(string Name, long Count, long Offset)> table = [];
        for (; tensors > 0; tensors--)
        {
            string name = ReadText(reader);
            long count = 1;
            for (uint rank = reader.ReadUInt32(); rank > 0; rank--)
            {
                count *= reader.ReadInt64();
            }

            Assert.Equal(F32, reader.ReadUInt32());
            table.Add((name, count, reader.ReadInt64()));
        }

        long data = (reader.BaseStream.Position + Alignment - 1) / Alignment * Alignment;
        return table.ToDictionary(tensor => tensor.Name, tensor =>
        {
            reader.BaseStream.Position = data + tensor.Offset;
            byte[] bytes = reader.ReadBytes((int)tensor.Count * sizeof(float));
            return MemoryMarshal.Cast<byte, float>(bytes).ToArray().Select(value => (double)value).ToArray();
        });
    }

    private static string ReadText(BinaryReader reader) => Encoding.UTF8.GetString(reader.ReadBytes((int)reader.ReadInt64()));

    private static void SkipValue(BinaryReader reader, uint type)
    {
        if (type == Text)
        {
            ReadText(reader);
        }
        else if (type == List)
        {
            uint element = reader.ReadUInt32();
            for (long count = reader.ReadInt64(); count > 0; count--)
            {
                SkipValue(reader, element);
            }
        }
        else
        {
            // u8, i8, u16, i16, u32, i32, f32, bool, then (behind text and list) u64, i64, f64.
            reader.ReadBytes(type switch { 0 or 1 or 7 => 1, 2 or 3 => 2, 4 or 5 or 6 => 4, _ => 8 });
        }
    }
}
