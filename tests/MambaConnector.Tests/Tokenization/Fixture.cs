using System.Runtime.CompilerServices;

namespace MambaConnector.Tests.Tokenization;

/// <summary>Paths of the tokenizer fixtures, in the source tree.</summary>
internal static class Fixture
{
    public static string PathOf(string name, [CallerFilePath] string here = "") =>
        Path.Combine(Path.GetDirectoryName(here)!, "..", "Fixtures", "tokenizers", name);
}
