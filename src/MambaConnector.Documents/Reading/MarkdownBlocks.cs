using Markdig;
using Markdig.Extensions.Tables;
using Markdig.Helpers;
using Markdig.Syntax;
using Markdig.Syntax.Inlines;

namespace MambaConnector.Documents.Reading;

/// <summary>Turns parts of a Markdown document into blocks, by Markdig.</summary>
/// <param name="sink">Takes the blocks.</param>
internal sealed class MarkdownBlocks(BlockSink sink)
{
    private const int MaxIndent = 8;

    private static readonly MarkdownPipeline _pipeline = new MarkdownPipelineBuilder().UsePipeTables().UsePreciseSourceLocation().Build();

    private readonly SourceText _text = new();
    private SourceText _part = new();

    /// <summary>Takes a part and clears it.</summary>
    public void Add(SourceText part)
    {
        if (!part.Chars.IsWhiteSpace())
        {
            _part = part;
            try
            {
                foreach (Block block in Markdown.Parse(part.ToString(), _pipeline))
                {
                    AddBlock(block);
                }
            }
            catch (ArgumentException)
            {
                // Nested deeper than Markdig allows (MarkdownPipeline.MaximumNestingDepth): the text as it stands.
                sink.Add(DocumentBlockKind.Paragraph, 0, part);
            }
        }

        part.Clear();
        _text.Clear();
    }

    private void AddBlock(Block block)
    {
        switch (block)
        {
            case HtmlBlock html:
                AddHtml(html.Span);
                return;
            case LinkReferenceDefinitionGroup or ThematicBreakBlock:
                return;
            case HeadingBlock heading:
                WriteInlines(heading.Inline);
                sink.Add(DocumentBlockKind.Heading, Math.Clamp(heading.Level, 1, 6), _text);
                return;
            default:
                Write(block, 0);
                sink.Add(KindOf(block), 0, _text);
                return;
        }
    }

    private static DocumentBlockKind KindOf(Block block) => block switch
    {
        ListBlock => DocumentBlockKind.List,
        QuoteBlock => DocumentBlockKind.Quote,
        CodeBlock => DocumentBlockKind.Code,
        Table => DocumentBlockKind.Table,
        _ => DocumentBlockKind.Paragraph,
    };

    private void AddHtml(SourceSpan span)
    {
        SourceText html = new();
        int start = Math.Clamp(span.Start, 0, _part.Count);
        html.Add(_part, start, Math.Clamp(span.End + 1, start, _part.Count) - start);
        HtmlParser parser = new(sink);
        parser.Add(html);
        parser.End();
    }

    private void Write(Block block, int depth)
    {
        switch (block)
        {
            case ListBlock list:
                WriteList(list, depth);
                break;
            case Table table:
                WriteTable(table);
                break;
            case HtmlBlock { Type: HtmlBlockType.Comment or HtmlBlockType.ProcessingInstruction or HtmlBlockType.DocumentType }:
                break;
            case HtmlBlock html:
                WriteSource(html.Span);
                break;
            case LinkReferenceDefinitionGroup or ThematicBreakBlock:
                break;
            case ContainerBlock container:
                foreach (Block child in container)
                {
                    EndLine();
                    Write(child, depth);
                }

                break;
            case LeafBlock { Inline: { } inline }:
                WriteInlines(inline);
                break;
            case LeafBlock leaf:
                WriteLines(leaf);
                break;
            default:
                break;
        }
    }

    private void WriteList(ListBlock list, int depth)
    {
        foreach (Block item in list)
        {
            EndLine();
            string mark = list.IsOrdered && item is ListItemBlock numbered ? FormattableString.Invariant($"{numbered.Order}. ") : "- ";
            Joint(new string(' ', 2 * Math.Min(depth, MaxIndent)) + mark);
            bool isFirst = true;
            foreach (Block child in (ContainerBlock)item)
            {
                if (!isFirst)
                {
                    EndLine();
                }

                isFirst = false;
                Write(child, depth + 1);
            }
        }
    }

    private void WriteTable(Table table)
    {
        foreach (Block row in table)
        {
            EndLine();
            bool isFirst = true;
            foreach (Block cell in (ContainerBlock)row)
            {
                if (!isFirst)
                {
                    Joint(" | ");
                }

                isFirst = false;
                foreach (Block child in (ContainerBlock)cell)
                {
                    Write(child, 0);
                }
            }
        }
    }

    private void WriteLines(LeafBlock leaf)
    {
        for (int index = 0; index < leaf.Lines.Count; index++)
        {
            EndLine();
            StringLine line = leaf.Lines.Lines[index];
            WriteSlice(line.Slice.ToString(), line.Slice.Text.Length == _part.Count ? line.Slice.Start : line.Position);
        }
    }

    private void WriteInlines(ContainerInline? inlines)
    {
        for (Inline? inline = inlines?.FirstChild; inline is not null; inline = inline.NextSibling)
        {
            switch (inline)
            {
                case LiteralInline literal:
                    WriteSlice(literal.Content.ToString(), literal.Span.Start);
                    break;
                case CodeInline code:
                    WriteSlice(code.Content, code.Span.Start + code.DelimiterCount);
                    break;
                case LineBreakInline lineBreak:
                    Joint(lineBreak.IsHard ? "\n" : " ");
                    break;
                case HtmlEntityInline entity:
                    WriteSlice(entity.Transcoded.ToString(), entity.Span.Start);
                    break;
                case AutolinkInline link:
                    WriteSlice(link.Url, link.Span.Start + 1);
                    break;
                case ContainerInline container:
                    WriteInlines(container);
                    break;
                default:
                    break;
            }
        }
    }

    /// <summary>Writes characters that stand in the part from a place on, or for one there.</summary>
    private void WriteSlice(string text, int start)
    {
        bool isSource = start >= 0 && start <= _part.Count - text.Length && _part.Chars.Slice(start, text.Length).SequenceEqual(text);
        int place = Math.Clamp(start, 0, _part.Count - 1);
        for (int index = 0; index < text.Length; index++)
        {
            if (isSource)
            {
                _text.Add(_part, start + index, 1);
            }
            else if (SourceDecoder.IsKept(text[index]))
            {
                _text.Add(text[index], _part.StartOf(place), (int)(_part.EndOf(place) - _part.StartOf(place)));
            }
        }
    }

    private void WriteSource(SourceSpan span)
    {
        int start = Math.Clamp(span.Start, 0, _part.Count);
        _text.Add(_part, start, Math.Clamp(span.End + 1, start, _part.Count) - start);
    }

    private void EndLine()
    {
        if (_text.Count > 0 && _text[_text.Count - 1] != '\n')
        {
            _text.AddJoint('\n');
        }
    }

    private void Joint(string text)
    {
        foreach (char value in text)
        {
            _text.AddJoint(value);
        }
    }
}
