using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace MambaConnector.Documents.Responders;

/// <summary>Writes no text twice: what a journal has is taken from there, in one piece, and what is finished goes there.</summary>
/// <param name="inner">Who writes.</param>
/// <param name="identity">What <see cref="IResponder.Identity"/> names, and what the caller adds to it.</param>
/// <param name="journal">Where finished texts are kept.</param>
/// <param name="isOptional">Whether a journal that can no longer be written is given up; otherwise that is an error, behind the text's end.</param>
internal sealed class RememberingResponder(IResponder inner, string identity, ResponseJournal journal, bool isOptional) : IResponder
{
    private bool _isGivenUp;

    /// <inheritdoc/>
    public string? Identity => identity;

    /// <inheritdoc/>
    public int MaxPassage => inner.MaxPassage;

    /// <inheritdoc/>
    public bool HasDocument => inner.HasDocument;

    /// <inheritdoc/>
    public async IAsyncEnumerable<ResponsePiece> RespondAsync(
        DocumentPlace place, string instruction, GenerationOptions generation, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string key = ResponseJournal.Key(identity, Describe(place), instruction, Describe(generation));
        if (journal.TryGet(key, out ResponsePiece known))
        {
            yield return known;
            yield break;
        }

        StringBuilder text = new();
        FinishReason reason = FinishReason.Stop;
        await foreach (ResponsePiece piece in inner.RespondAsync(place, instruction, generation, cancellationToken).ConfigureAwait(false))
        {
            text.Append(piece.Text);
            reason = piece.FinishReason ?? reason;
            IOException? failure = piece.FinishReason is not null && !piece.IsCutOff ? Keep(key, new ResponsePiece(text.ToString(), reason)) : null;
            yield return piece;
            if (failure is not null)
            {
                throw new IOException($"The journal of summaries cannot be written: {failure.Message}", failure);
            }
        }
    }

    /// <returns>Why the caller has to know that it was not kept; null: no reason.</returns>
    private IOException? Keep(string key, ResponsePiece text)
    {
        if (_isGivenUp)
        {
            return null;
        }

        try
        {
            journal.Add(key, text);
            return null;
        }
        catch (IOException exception)
        {
            _isGivenUp = isOptional;
            return isOptional ? null : exception;
        }
    }

    private static string Describe(DocumentPlace place) => place switch
    {
        DocumentPlace.Alone alone => string.Create(CultureInfo.InvariantCulture, $"alone {alone.Section.Start} {alone.Section.End}"),
        DocumentPlace.Behind behind => string.Create(CultureInfo.InvariantCulture, $"behind {behind.Section.End}"),
        DocumentPlace.Passage passage => $"passage {passage.Content}",
        _ => "whole",
    };

    private static string Describe(GenerationOptions generation) => string.Create(
        CultureInfo.InvariantCulture,
        $"{generation.MaxTokens} {generation.Temperature} {generation.TopK} {generation.TopP} {generation.MinP} {generation.RepetitionPenalty} " +
        $"{generation.FrequencyPenalty} {generation.PresencePenalty} {generation.PenaltyWindow} {generation.Seed} " +
        $"{string.Join('\0', generation.StopSequences ?? [])}\0{string.Join(' ', generation.StopTokenIds ?? [])}");
}
