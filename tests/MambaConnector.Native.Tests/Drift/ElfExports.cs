using System.Buffers.Binary;
using System.Text;

namespace MambaConnector.Native.Tests.Drift;

/// <summary>The symbols that a 64-bit little-endian ELF library defines and exports, read from its dynamic symbol table.</summary>
internal static class ElfExports
{
    private const uint SectionDynamicSymbols = 11;
    private const int SymbolSize = 24;

    public static IReadOnlyList<string> Read(string path)
    {
        byte[] file = File.ReadAllBytes(path);
        if (!file.AsSpan().StartsWith("\x7f"u8) || file[4] != 2 || file[5] != 1)
        {
            throw new InvalidOperationException($"'{path}' is no 64-bit little-endian ELF file: this test reads the exports on Linux.");
        }

        long sections = (long)U64(file, 0x28);
        int sectionSize = U16(file, 0x3A);
        int sectionCount = U16(file, 0x3C);
        List<string> names = [];
        for (int index = 0; index < sectionCount; index++)
        {
            long section = sections + ((long)index * sectionSize);
            if (U32(file, section + 4) == SectionDynamicSymbols)
            {
                long stringSection = sections + (U32(file, section + 0x28) * (long)sectionSize);
                ReadSymbols(file, (long)U64(file, section + 0x18), (long)U64(file, section + 0x20), (long)U64(file, stringSection + 0x18), names);
            }
        }

        return names;
    }

    private static void ReadSymbols(byte[] file, long start, long length, long strings, List<string> names)
    {
        for (long symbol = start; symbol < start + length; symbol += SymbolSize)
        {
            bool isDefined = U16(file, symbol + 6) != 0;
            int binding = file[symbol + 4] >> 4;
            if (isDefined && binding is (1 or 2))
            {
                int name = (int)(strings + U32(file, symbol));
                names.Add(Encoding.ASCII.GetString(file.AsSpan(name, file.AsSpan(name).IndexOf((byte)0))));
            }
        }
    }

    private static ushort U16(byte[] file, long offset) => BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan((int)offset));

    private static uint U32(byte[] file, long offset) => BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan((int)offset));

    private static ulong U64(byte[] file, long offset) => BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan((int)offset));
}
