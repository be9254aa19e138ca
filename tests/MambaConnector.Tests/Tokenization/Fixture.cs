using System.Runtime.CompilerServices;

namespace MambaConnector.Tests.Tokenization;

/// <summary>Paths of the tokenizer fixtures, in the source tree.</summary>
internal static class Fixture
{
    public static string PathOf(string name) => Path.Combine(ThisDirectory(), "..", "Fixtures", "tokenizers", name);

    private static string ThisDirectory([CallerFilePath] string here = "") => Path.GetDirectoryName(here)!;
}
