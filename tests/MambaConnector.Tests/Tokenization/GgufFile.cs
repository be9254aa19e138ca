using System.Text;

namespace MambaConnector.Tests.Tokenization;

/// <summary>Takes the raw key/value records out of a GGUF file, by the specification and without any of the code under test.</summary>
internal static class GgufFile
{
    public static ModelMetadata ReadMetadata(string path)
    {
        var file = File.ReadAllBytes(path);
        Assert.Equal("GGUF"u8.ToArray(), file[..4]);
        var count = BitConverter.ToInt64(file, 16);
        var position = 24;
        return new ModelMetadata(ReadRecords(file, ref position, count));
    }

    public static List<KeyValuePair<string, object>> ReadRecords(byte[] file, ref int position, long count)
    {
        List<KeyValuePair<string, object>> records = [];
        for (var i = 0; i < count; i++)
        {
            var length = (int)BitConverter.ToInt64(file, position);
            var key = Encoding.UTF8.GetString(file, position + 8, length);
            position += 8 + length;
            var start = position;
            var type = BitConverter.ToUInt32(file, position);
            position += 4;
            Skip(file, type, ref position);
            records.Add(new(key, ModelMetadata.ParseValue(file.AsSpan(start..position), key)));
        }

        return records;
    }

    private static void Skip(byte[] file, uint type, ref int position)
    {
        int[] sizes = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];
        if (type == 8)
        {
            position += 8 + (int)BitConverter.ToInt64(file, position);
        }
        else if (type == 9)
        {
            var element = BitConverter.ToUInt32(file, position);
            var count = BitConverter.ToInt64(file, position + 4);
            position += 12;
            for (var i = 0; i < count; i++)
            {
                Skip(file, element, ref position);
            }
        }
        else
        {
            position += sizes[type];
        }
    }
}
