namespace MambaConnector.Tokenization;

/// <summary>How a vocabulary is written into a GGUF file, beside its tokens and their kinds.</summary>
/// <param name="Model"><c>tokenizer.ggml.model</c>: gpt2 or llama.</param>
/// <param name="Pre"><c>tokenizer.ggml.pre</c>.</param>
/// <param name="Merges"><c>tokenizer.ggml.merges</c>, for gpt2.</param>
/// <param name="Scores"><c>tokenizer.ggml.scores</c>, for llama.</param>
/// <param name="AddsSpacePrefix"><c>tokenizer.ggml.add_space_prefix</c>, for llama.</param>
/// <param name="Json"><c>tokenizer.huggingface.json</c>: the whole tokenizer.json, where the other keys do not say everything.</param>
internal sealed record GgufForm(string Model, string Pre, string[]? Merges, float[]? Scores, bool AddsSpacePrefix, string? Json);
