namespace MambaConnector.Models;

/// <summary>The model that comes with the library: mamba2-39m-chat, English small talk, 39.4M parameters, 42 MB.</summary>
/// <remarks>Its limits, training text and licence (CC BY-SA 4.0) are in MODEL_CARD.md beside this file's source and in the package.</remarks>
public static class Mamba2Chat
{
    private const string FileName = "mamba2-39m-chat.q8_0.gguf";

    /// <summary>The model's short name.</summary>
    public static string Name => "mamba2-39m-chat";

    /// <summary>Where the build put the file: beside the program.</summary>
    public static string Path => System.IO.Path.Combine(AppContext.BaseDirectory, FileName);

    /// <summary>Opens the model. Each call opens it anew; the weights are memory-mapped and shared by the system.</summary>
    /// <param name="options">Device, threads, instruction set; <see langword="null"/> for the defaults.</param>
    /// <returns>The model, owned by the caller.</returns>
    /// <exception cref="FileNotFoundException">The file was not copied beside the program.</exception>
    /// <exception cref="MambaException">The file is damaged, or the options cannot be met.</exception>
    public static MambaModel Load(MambaModelOptions? options = null) => File.Exists(Path)
        ? MambaModel.Load(Path, options)
        : throw new FileNotFoundException(
            $"'{FileName}' is not in '{AppContext.BaseDirectory}': publish the program with its content files, or load another model by path.", Path);
}
