#!/usr/bin/env python3
"""Writes NormalizationData.cs beside this file from Python's unicodedata (the Unicode version is printed into it)."""
import pathlib
import sys
import unicodedata as u


def hexes(text):
    return " ".join(f"{ord(c):X}" for c in text)


def rows(items):
    line, out = "", []
    for item in items:
        if len(line) + len(item) > 130:
            out.append(line.rstrip())
            line = ""
        line += item + ";"
    out.append(line)
    return "\n".join("        " + row for row in out)


points = [chr(i) for i in range(sys.maxunicode + 1) if not 0xD800 <= i <= 0xDFFF and not 0xAC00 <= i <= 0xD7A3]
canonical = [f"{ord(c):X}={hexes(u.normalize('NFD', c))}" for c in points if u.normalize("NFD", c) != c]
compatible = [f"{ord(c):X}={hexes(u.normalize('NFKD', c))}" for c in points if u.normalize("NFKD", c) != u.normalize("NFD", c)]
pairs = []
for c in points:
    parts = u.decomposition(c).split()
    if len(parts) == 2 and not parts[0].startswith("<") and u.normalize("NFC", c) == c:
        pairs.append(f"{int(parts[0], 16):X} {int(parts[1], 16):X}={ord(c):X}")
classes, run = [], None
for c in points + ["\0"]:
    k = u.combining(c)
    if run and k == run[2] and ord(c) == run[1] + 1:
        run[1] = ord(c)
        continue
    if run:
        classes.append(f"{run[0]:X} {run[1]:X}={run[2]}")
    run = [ord(c), ord(c), k] if k else None

pathlib.Path(__file__).with_name("NormalizationData.cs").write_text(f'''namespace MambaConnector.Tokenization;

/// <summary>Unicode {u.unidata_version} data for normalization. Written by generate-normalization-data.py; do not edit.</summary>
internal static class NormalizationData
{{
    /// <summary>Full canonical decompositions, Hangul syllables left out: <c>code point=code points;</c>, hexadecimal.</summary>
    public const string Canonical =
        """
{rows(canonical)}
        """;

    /// <summary>Full compatibility decompositions where they differ from the canonical ones.</summary>
    public const string Compatible =
        """
{rows(compatible)}
        """;

    /// <summary>Primary composites: <c>first second=composite;</c>.</summary>
    public const string Composites =
        """
{rows(pairs)}
        """;

    /// <summary>Canonical combining classes other than 0: <c>first last=class;</c>, the class decimal.</summary>
    public const string CombiningClasses =
        """
{rows(classes)}
        """;
}}
''', encoding="utf-8", newline="\n")
