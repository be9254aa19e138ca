namespace MambaConnector.Models;

/// <summary>The model that comes with the library: mamba2-39m-chat, English small talk, 39.4M parameters, 42 MB.</summary>
/// <remarks>Its limits, training text and licence (CC BY-SA 4.0) are in MODEL_CARD.md beside this file's source and in the package.</remarks>
public static class Mamba2Chat
{
    private const string FileName = "mamba2-39m-chat.q8_0.gguf";
    private const string BaselineName = "mamba2-39m-chat.baseline.json";
    private static readonly Lazy<StateBaseline> _baseline = new(ReadBaseline);

    /// <summary>The model's short name.</summary>
    public static string Name => "mamba2-39m-chat";

    /// <summary>Where the build put the file: beside the program.</summary>
    public static string Path => System.IO.Path.Combine(AppContext.BaseDirectory, FileName);

    /// <summary>What the model's state looks like while it is healthy. <see cref="Load"/> gives it to the model (<see cref="MambaModel.Baseline"/>), unless it
    /// converts the weights: they are another model then.</summary>
    public static StateBaseline Baseline => _baseline.Value;

    /// <summary>Opens the model. Each call opens it anew; the weights are memory-mapped and shared by the system.</summary>
    /// <param name="options">Device, threads, instruction set; <see langword="null"/> for the defaults.</param>
    /// <returns>The model, owned by the caller.</returns>
    /// <exception cref="FileNotFoundException">The file was not copied beside the program.</exception>
    /// <exception cref="MambaException">The file is damaged, or the options cannot be met.</exception>
    public static MambaModel Load(MambaModelOptions? options = null) => File.Exists(Path)
        ? MambaModel.Load(Path, WithBaseline(options ?? new MambaModelOptions()))
        : throw new FileNotFoundException(
            $"'{FileName}' is not in '{AppContext.BaseDirectory}': publish the program with its content files, or load another model by path.", Path);

    private static MambaModelOptions WithBaseline(MambaModelOptions options) =>
        options.WeightType == MambaWeightType.AsStored ? options with { Baseline = options.Baseline ?? Baseline } : options;

    private static StateBaseline ReadBaseline()
    {
        using Stream stream = typeof(Mamba2Chat).Assembly.GetManifestResourceStream(BaselineName)!;
        return StateBaseline.Load(stream);
    }
}
