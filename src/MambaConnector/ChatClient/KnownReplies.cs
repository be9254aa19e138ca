using System.Security.Cryptography;
using System.Text;
using MambaConnector.Chat;

namespace MambaConnector.ChatClient;

/// <summary>The tokens of replies that were generated here, the least recently used of which are forgotten first. Thread-safe.</summary>
/// <remarks>Kept apart from the states after these replies, for they take thousands of times less: when the state after an early turn has
/// gone, its tokens must still stand in the prompt, or the states after later turns fit no more.</remarks>
/// <param name="maxTokens">Tokens that are kept in all.</param>
internal sealed class KnownReplies(int maxTokens = 1 << 20)
{
    // What an entry takes beside its tokens, in tokens.
    private const int EntryTokens = 64;

    private readonly Lock _gate = new();
    private readonly Dictionary<(TokenChain Prompt, string Reply), LinkedListNode<Entry>> _entries = [];
    private readonly LinkedList<Entry> _recent = []; // the most recently used first
    private int _tokens;

    /// <summary>Remembers a reply.</summary>
    /// <param name="prompt">All tokens before it.</param>
    /// <param name="tokens">Its own, without the token that ended it.</param>
    /// <param name="reply">What it said.</param>
    public void Add(ReadOnlySpan<int> prompt, int[] tokens, ChatTurn reply)
    {
        Entry entry = new((TokenChain.Of(prompt), Digest(reply)), tokens);
        lock (_gate)
        {
            if (_entries.TryGetValue(entry.Key, out LinkedListNode<Entry>? same))
            {
                Remove(same);
            }

            _entries.Add(entry.Key, _recent.AddFirst(entry));
            _tokens += entry.Cost;
            while (_tokens > maxTokens)
            {
                Remove(_recent.Last!);
            }
        }
    }

    /// <summary>Looks replies up while one prompt is rendered, from its first to its last.</summary>
    public IKnownReplies ForOnePrompt() => new Lookup(this);

    private bool TryGet(TokenChain prompt, ChatTurn reply, out int[] tokens)
    {
        string digest = Digest(reply);
        lock (_gate)
        {
            if (!_entries.TryGetValue((prompt, digest), out LinkedListNode<Entry>? found))
            {
                tokens = [];
                return false;
            }

            _recent.Remove(found);
            _recent.AddFirst(found);
            tokens = found.Value.Tokens;
            return true;
        }
    }

    private void Remove(LinkedListNode<Entry> node)
    {
        _entries.Remove(node.Value.Key);
        _recent.Remove(node);
        _tokens -= node.Value.Cost;
    }

    private static string Digest(ChatTurn turn)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes($"{turn.Content.Length}:{turn.Content}"));
        foreach (ToolCall call in turn.ToolCalls)
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{call.Name.Length}:{call.Name}{call.Arguments}"));
        }

        return Convert.ToHexString(hash.GetHashAndReset());
    }

    private sealed record Entry((TokenChain Prompt, string Reply) Key, int[] Tokens)
    {
        public int Cost => Tokens.Length + EntryTokens;
    }

    /// <summary>Hashes a prompt once, however many replies are found in it: what stands before one of them does not change any
    /// more.</summary>
    private sealed class Lookup(KnownReplies replies) : IKnownReplies
    {
        private TokenChain _chain;
        private int _length;

        public bool TryGet(ReadOnlySpan<int> prompt, ChatTurn reply, out ReadOnlyMemory<int> tokens)
        {
            TokenChain chain = _chain.Add(prompt[_length..]);
            bool isKnown = replies.TryGet(chain, reply, out int[] found);
            if (isKnown)
            {
                _chain = chain.Add(found);
                _length = prompt.Length + found.Length;
            }

            tokens = found;
            return isKnown;
        }
    }
}
