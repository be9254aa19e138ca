using System.CommandLine;
using System.Text.Json.Nodes;
using MambaConnector.Cli.Output;

namespace MambaConnector.Cli.Commands;

/// <summary><c>mamba inspect model</c>: shape, sizes, tokenizer, template and metadata of a checkpoint.</summary>
internal static class InspectModelCommand
{
    public static Command Create(ToolConsole console)
    {
        Option<bool> json = JsonOption.Create();
        Command command = new("model", "Shows the shape, sizes, tokenizer, template and metadata of a model.") { json };
        ModelOptions model = ModelOptions.AddTo(command, computes: false);
        command.SetAction(parsed =>
        {
            MambaModelDescription description = MambaModel.Inspect(model.Path(parsed));
            InspectModelDocument document = Describe(model.Name(parsed), description);
            if (parsed.GetValue(json))
            {
                console.WriteJson(document, ToolJson.Instance.InspectModelDocument);
            }
            else
            {
                Print(console.Out, document);
                if (StateCapacity.Of(description.Info).Warning is string warning)
                {
                    console.Out.WriteLine(warning);
                }
            }

            return Tool.Success;
        });
        return command;
    }

    private static InspectModelDocument Describe(string name, MambaModelDescription model)
    {
        MambaModelInfo info = model.Info;
        return new InspectModelDocument
        {
            Model = name,
            Architecture = info.Architecture.ToString().ToLowerInvariant(),
            Weights = info.WeightType.Name(),
            LayerCount = info.LayerCount,
            DModel = info.DModel,
            DInner = info.DInner,
            DState = info.DState,
            DConv = info.DConv,
            DtRank = info.DtRank,
            HeadCount = info.HeadCount,
            HeadDim = info.HeadDim,
            GroupCount = info.GroupCount,
            VocabSize = info.VocabSize,
            PaddedVocabSize = info.PaddedVocabSize,
            TiedEmbeddings = info.TiedEmbeddings,
            TrainingLength = info.TrainingLength > 0 ? info.TrainingLength : null,
            ParameterCount = info.ParameterCount,
            WeightBytes = info.WeightBytes,
            StateBytes = info.StateBytes,
            StateGrowthBytes = info.StateGrowthBytes,
            Fingerprint = info.Fingerprint,
            TokenizerVocabSize = model.HasTokenizer ? model.Tokenizer.VocabularySize : null,
            ChatTemplate = model.ChatTemplate?.Name,
            EndTokenIds = model.GenerationDefaults.EndTokenIds,
            Metadata = MetadataView.ToJson(model.Metadata),
        };
    }

    private static void Print(TextWriter output, InspectModelDocument document)
    {
        LabelledRows.Write(output,
        [
            ("model", document.Model),
            ("architecture", document.Architecture),
            ("shape", $"{document.LayerCount} layers, d_model {document.DModel}, d_inner {document.DInner}, d_state {document.DState}, " +
                $"d_conv {document.DConv}"),
            ("mixer", document.HeadCount > 0
                ? $"{document.HeadCount} heads x {document.HeadDim}, {document.GroupCount} groups"
                : $"dt_rank {document.DtRank}"),
            ("vocabulary", $"{document.VocabSize} tokens, {document.PaddedVocabSize} rows, " +
                (document.TiedEmbeddings ? "tied" : "untied")),
            ("training length", document.TrainingLength is long length ? $"{length} tokens" : "not known"),
            ("parameters", $"{document.ParameterCount:N0}"),
            ("weights", $"{document.Weights}, {document.WeightBytes:N0} bytes"),
            ("state", document.StateGrowthBytes == 0
                ? $"{document.StateBytes:N0} bytes a session, at any length"
                : $"{document.StateBytes:N0} bytes a session, and {document.StateGrowthBytes:N0} a token"),
            ("tokenizer", document.TokenizerVocabSize is int size ? $"{size} tokens" : "none"),
            ("chat template", document.ChatTemplate ?? "none"),
            ("end tokens", document.EndTokenIds.Count > 0 ? string.Join(", ", document.EndTokenIds) : "none"),
            ("fingerprint", document.Fingerprint),
        ]);
        output.WriteLine("metadata");
        foreach ((string key, JsonNode? value) in document.Metadata)
        {
            string text = value!.ToJsonString(ToolJson.Instance.Options);
            output.WriteLine($"  {key,-40} {(text.Length > 90 ? $"{text[..87]}..." : text)}");
        }
    }
}
