using System.Text;
using System.Text.Json;

namespace MambaConnector.Chat;

/// <summary>Finds calls in a reply that comes in pieces. What cannot be part of a call any more is text at once; what began like a call
/// and is none is text, too: nothing is lost. One reply's own; not thread-safe.</summary>
/// <remarks>The pieces must have the form's control tokens in them (<see cref="ToolCallFormat.ControlTokens"/>).</remarks>
/// <param name="format">How the model calls.</param>
internal sealed class ToolCallParser(ToolCallFormat format)
{
    // Longest first: where a separator is there, it goes with the call.
    private readonly string[] _beginnings =
        format.Separator.Length > 0 ? [format.Separator + format.Trigger, format.Trigger] : [format.Trigger];
    private readonly HashSet<string> _ids = [];

    // What is neither text nor a call yet: the beginning of a trigger, or a call.
    private readonly StringBuilder _held = new();
    private Place _place = Place.Text;
    private int _jsonStart;
    private int _jsonEnd;
    private int _depth;
    private bool _isInString;
    private bool _isEscaped;
    private int _closed;

    private enum Place
    {
        Text,
        BeforeJson,
        Json,
        AfterJson,
    }

    /// <summary>How many calls there were.</summary>
    public int CallCount { get; private set; }

    /// <summary>Takes a piece in.</summary>
    /// <returns>The parts that are certain now, in order.</returns>
    public IReadOnlyList<ReplyPart> Append(string text)
    {
        List<ReplyPart> parts = [];
        StringBuilder said = new();
        Take(text, said, parts);
        AddText(said, parts);
        return parts;
    }

    /// <summary>Ends the reply: what is still held is text.</summary>
    public IReadOnlyList<ReplyPart> Flush()
    {
        List<ReplyPart> parts = [];
        StringBuilder said = new();
        while (_place != Place.Text)
        {
            Abandon(said, parts);
        }

        said.Append(_held);
        _held.Clear();
        AddText(said, parts);
        return parts;
    }

    private static void AddText(StringBuilder said, List<ReplyPart> parts)
    {
        if (said.Length > 0)
        {
            parts.Add(new ReplyPart(said.ToString(), null));
            said.Clear();
        }
    }

    private void Take(string text, StringBuilder said, List<ReplyPart> parts)
    {
        foreach (char character in text)
        {
            _held.Append(character);
            bool isPossible = _place switch
            {
                Place.Text => TakeText(said),
                Place.BeforeJson => TakeBeforeJson(character),
                Place.Json => TakeJson(character, said, parts),
                _ => TakeAfterJson(character, said, parts),
            };
            if (!isPossible)
            {
                Abandon(said, parts);
            }
        }
    }

    // Gives out what cannot be the beginning of a trigger.
    private bool TakeText(StringBuilder said)
    {
        int start = 0;
        while (start < _held.Length && !Array.Exists(_beginnings, beginning => IsBeginning(beginning, start)))
        {
            said.Append(_held[start++]);
        }

        _held.Remove(0, start);
        if (Array.Exists(_beginnings, beginning => _held.Length == beginning.Length && IsBeginning(beginning, 0)))
        {
            _place = Place.BeforeJson;
            _jsonStart = _held.Length;
        }

        return true;
    }

    private bool IsBeginning(string beginning, int start)
    {
        int length = _held.Length - start;
        if (length > beginning.Length)
        {
            return false;
        }

        for (int index = 0; index < length; index++)
        {
            if (_held[start + index] != beginning[index])
            {
                return false;
            }
        }

        return true;
    }

    private bool TakeBeforeJson(char character)
    {
        if (character != format.Opening)
        {
            return IsJsonSpace(character);
        }

        _place = Place.Json;
        (_depth, _isInString, _isEscaped) = (1, false, false);
        return true;
    }

    // Only looks for the end; whether it is JSON is seen when all is there.
    private bool TakeJson(char character, StringBuilder said, List<ReplyPart> parts)
    {
        if (_isEscaped)
        {
            _isEscaped = false;
        }
        else if (_isInString)
        {
            _isEscaped = character == '\\';
            _isInString = character != '"';
        }
        else
        {
            _isInString = character == '"';
            _depth += character is '{' or '[' ? 1 : character is '}' or ']' ? -1 : 0;
            if (_depth == 0)
            {
                (_jsonEnd, _closed, _place) = (_held.Length, 0, Place.AfterJson);
                return format.Closing.Length > 0 || TryComplete(said, parts);
            }
        }

        return true;
    }

    private bool TakeAfterJson(char character, StringBuilder said, List<ReplyPart> parts)
    {
        if (character != format.Closing[_closed])
        {
            return _closed == 0 && IsJsonSpace(character);
        }

        return ++_closed < format.Closing.Length || TryComplete(said, parts);
    }

    private bool TryComplete(StringBuilder said, List<ReplyPart> parts)
    {
        List<ToolCall> calls = [];
        try
        {
            using JsonDocument document = JsonDocument.Parse(_held.ToString(_jsonStart, _jsonEnd - _jsonStart));
            if (!format.TryRead(document.RootElement, calls))
            {
                return false;
            }
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            return false; // no JSON, or strings with half a character
        }

        AddText(said, parts);
        foreach (ToolCall call in calls)
        {
            // Results name the id, so each has its own.
            string id = call.Id is not null && _ids.Add(call.Id) ? call.Id : format.CreateCallId();
            _ids.Add(id);
            parts.Add(new ReplyPart("", call with { Id = id }));
        }

        CallCount += calls.Count;
        _held.Clear();
        _place = Place.Text;
        return true;
    }

    // What began like a call is none: its first character is text, and the rest may hold another beginning.
    private void Abandon(StringBuilder said, List<ReplyPart> parts)
    {
        string rest = _held.ToString(1, _held.Length - 1);
        said.Append(_held[0]);
        _held.Clear();
        _place = Place.Text;
        Take(rest, said, parts);
    }

    private static bool IsJsonSpace(char character) => character is ' ' or '\n' or '\r' or '\t';
}
