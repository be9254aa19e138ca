// Makes <name>.tokenizer.json and <name>.golden.json beside this file with Hugging Face's own tokenizers:
//   npm install @anush008/tokenizers@0.6.0 && node make-goldens.mjs
// The vocabularies are ours: byte pair merges learned here, from the texts themselves and across all borders, so that a wrong cut shows in the ids.
import fs from 'node:fs';
import tokenizers from '@anush008/tokenizers';

const here = new URL('.', import.meta.url);
const write = (name, value) => fs.writeFileSync(new URL(name, here), JSON.stringify(value) + '\n');

// ---- texts
const english = 'It was the best of times, it was the worst of times; the year 1775 had 365 days, and 12,345.67 pounds were paid.';
const texts = [
  '', ' ', '  ', 'a', ' a', 'a ', 'Hello, world!', ' Hello', '  leading and trailing  ', english,
  'tabs\tand\tmore\t\ttabs', 'new\nlines\n\nand\n\n\nmore', 'carriage\r\nreturns\r\n\r\nhere\r', ' \n \n  \n', '\n', '\n\n', '\t', '\r\n', 'a\n b', 'a \nb', 'a  \n\n  b',
  'def f(x):\n    if x > 0:\n        return x ** 2  # comment\n\treturn None\n', '{"key": [1, 2.5e-10, null], "k2": "v\\n"}', 'https://example.org/path?q=1&r=%20#frag', 'user@example.org',
  '0123456789', '1 12 123 1234 12345 123456 1234567', '3.14159265358979', '٠١٢٣٤٥٦٧٨٩ ۱۲۳ १२३४ ๑๒๓ 𝟘𝟙𝟚𝟛 ①②③ ⅓½¼ ²³ Ⅷ 〇一二三 ௰',
  "don't we'll I'm they've he'd it's you're o'clock", "DON'T WE'LL I'M THEY'VE HE'D IT'S YOU'RE", "Don'T It'S we'Ll x'ſ 'K ''s '' ' s", 'don’t it’s “quoted” ‘single’ — dash – en … «guillemets»',
  'café naïve résumé Ångström', 'cafe\u0301 nai\u0308ve A\u030Angstro\u0308m q\u0323\u0307 q\u0307\u0323', 'e\u0301\u0301\u0301 \u0301 a\u0300\u0316b', 'ﬁne ﬂow ﬃ ſ ß ẞ İ ı ǅ ΐ Ω Ω K Å',
  'Привет, мир! Съешь ещё этих мягких французских булок', 'Καλημέρα κόσμε ΣΊΣΥΦΟΣ', 'שלום עולם', 'مرحبا بالعالم، كيف الحال؟', 'नमस्ते दुनिया क्षत्रिय', 'สวัสดีชาวโลก', 'こんにちは世界。カタカナ・テスト', '你好，世界！中文字符测试，２０２４年１２月。', '안녕하세요 세계 한국어', '\u1112\u1161\u11ab\u1100\u1173\u11af', 'Tiếng Việt có dấu thanh', 'ქართული ენა', 'Հայերեն', 'አማርኛ', 'ᏣᎳᎩ ꮳꮃꭹ',
  '𝒜𝓁𝓅𝒽𝒶 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𐐀𐐨 𠀀𠀁 𞤀𞤢 𐍈', 'a𝒜b𐐀c 1𝟙2', '😀😃 👍🏽 👩‍👩‍👧‍👦 🏳️‍🌈 🇩🇪🇫🇷 ❤️ ☺ ♥︎', 'text😀text 😀', '\u200b\u200c\u200d\ufeff\u2060 zero\u200bwidth', 'nb\u00a0sp \u00a0\u00a0 \u3000ideographic\u3000 \u2003em\u2009thin\u202fnarrow\u205fmath \u1680ogham \u180emongolian',
  'nel\u0085ls\u2028ps\u2029vt\u000bff\u000c', '\u0000\u0001\u0002\u001b[31m\u007f', '\u001c\u001d\u001e\u001f', '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~', '!!! ??? ... ,,, --- === ### *** ___ ~~~', '$100 +5 <tag> a=b a^b `code` x|y ~z', '。，、！？；：「」『』（）【】《》', '€£¥¢ ©®™ ±×÷ ∑∏∫ ←→↔ ★☆', 'end of line  \n   next $\n  \n', 'x'.repeat(40) + ' ' + 'ab'.repeat(30), 'a'.repeat(700), ' '.repeat(150), '\n'.repeat(60) + 'x', ' a'.repeat(60), '9'.repeat(50), '!'.repeat(70) + '\n\n', 'aB cD EfGh iOS macOS HTMLParser XMLHttpRequest camelCaseWord',
  '<|endoftext|>', 'a<|endoftext|>b', ' <|endoftext|> <|endoftext|>', '<|endoftext |> <| endoftext|>', 'The  double   triple    quad     five', '\ttab then  two', 'ZZtop\ufffd\ufffd', '\u{10FFFF}\ue000',
];
write('texts.json', texts);

// ---- vocabularies
const alphabet = (() => {
  const map = [];
  let next = 256;
  for (let b = 0; b < 256; b++) map.push(String.fromCodePoint((b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174 ? b : next++));
  return map;
})();
const bytes = (text) => [...Buffer.from(text, 'utf8')].map((b) => alphabet[b]);

// Learns merges; every word is a list of symbols. Ties are broken by spelling, so that the result is the same everywhere.
function learn(words, count) {
  words = words.map((w) => [...w]);
  const merges = [];
  while (merges.length < count) {
    const counts = new Map();
    for (const w of words) for (let i = 0; i + 1 < w.length; i++) counts.set(w[i] + '\u0000' + w[i + 1], (counts.get(w[i] + '\u0000' + w[i + 1]) ?? 0) + 1);
    let best = null, most = 1;
    for (const [pair, n] of counts) if (n > most || (n === most && best !== null && pair < best)) { best = pair; most = n; }
    if (best === null) break;
    const [l, r] = best.split('\u0000');
    merges.push([l, r]);
    for (const w of words) {
      for (let i = 0; i + 1 < w.length; i++) if (w[i] === l && w[i + 1] === r) w.splice(i, 2, l + r);
    }
  }
  return merges;
}
const training = texts.filter((t) => t.length < 200 && !t.includes('<|')).flatMap((t) => [t, t]).concat(Array(3).fill(english), Array(3).fill(' '.repeat(16)), Array(3).fill('aaaaaaaa'));
const byteMerges = learn(training.map(bytes), 700);
const byteVocabulary = () => Object.fromEntries([...alphabet, ...new Set(byteMerges.map((m) => m.join('')))].map((t, i) => [t, i]));
const bpe = (vocab, merges, more = {}) => ({ type: 'BPE', dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null, fuse_unk: false, byte_fallback: false, ignore_merges: false, vocab, merges, ...more });
const added = (id, content, more = {}) => ({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true, ...more });
const size = Object.keys(byteVocabulary()).length;

// ---- parts
const byteLevel = (use_regex, add_prefix_space = false) => ({ type: 'ByteLevel', add_prefix_space, trim_offsets: true, use_regex });
const split = (regex, behavior = 'Isolated', invert = false) => ({ type: 'Split', pattern: { Regex: regex }, behavior, invert });
const sequence = (...pretokenizers) => ({ type: 'Sequence', pretokenizers });
const digits = (individual_digits) => ({ type: 'Digits', individual_digits });
const llama3 = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const upper = '\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}', lower = '\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}';
const tekken = `[^\\r\\n\\p{L}\\p{N}]?[${upper}]*[${lower}]+|[^\\r\\n\\p{L}\\p{N}]?[${upper}]+[${lower}]*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;
const gpt2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
const ideographs = '[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+';
const letters = '\\s?[A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf\u01c4-\u0293\u0295-\u02af\u0370-\u0373\u0376\u0377\u037b-\u037d\u037f\u0386\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03f5\u03f7-\u0481\u048a-\u052f\u0531-\u0556\u10a0-\u10c5\u13a0-\u13f5\u13f8-\u13fd\u1c90-\u1cba\u1cbd-\u1cbf\u1d00-\u1d2b\u1d6b-\u1d77\u1d79-\u1d9a\u1e00-\u1f15\u1f18-\u1f1d\u1f20-\u1f45\u1f48-\u1f4d\u1f50-\u1f57\u1f59\u1f5b\u1f5d\u1f5f-\u1f7d\u1f80-\u1fb4\u1fb6-\u1fbc\u1fbe\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-\u1fd3\u1fd6-\u1fdb\u1fe0-\u1fec\u1ff2-\u1ff4\u1ff6-\u1ffc\u2102\u2107\u210a-\u2113\u2115\u2119-\u211d\u2124\u2126\u2128\u212a-\u212d\u212f-\u2134\u2139\u213c-\u213f\u2145-\u2149\u214e\u2183\u2184\u2c00-\u2c7b\u2c7e-\u2ce4\u2ceb-\u2cee\u2cf2\u2cf3\ua640-\ua66d\ua680-\ua69b\ua722-\ua76f\ua771-\ua787\ua78b-\ua78e\uab70-\uabbf\ufb00-\ufb06\ufb13-\ufb17\uff21-\uff3a\uff41-\uff5a\u{10400}-\u{1044f}\u{104b0}-\u{104d3}\u{104d8}-\u{104fb}\u{10c80}-\u{10cb2}\u{10cc0}-\u{10cf2}\u{118a0}-\u{118df}\u{1e900}-\u{1e943}]+';
const punctuation = '\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+';
const endoftext = [added(size, '<|endoftext|>')];
const spaceRuns = Array.from({ length: 8 }, (_, i) => added(size + 1 + i, ' '.repeat(9 - i), { special: false, normalized: true }));
const numbered = (tokens) => { // those that the vocabulary has keep its id
  let next = size + 1;
  return tokens.map(([content, flags]) => added(byteVocabulary()[content] ?? next++, content, { special: false, ...flags }));
};
const byteModel = (more) => bpe(byteVocabulary(), byteMerges, more);
const byteFile = (pre_tokenizer, more = {}) => ({ version: '1.0', truncation: null, padding: null, added_tokens: endoftext, normalizer: null, pre_tokenizer, post_processor: null, decoder: byteLevel(true, true), model: byteModel(), ...more });

// SentencePiece's kind: characters, merges over words that begin with U+2581, bytes for the rest.
const marked = training.map((t) => [...('\u2581' + t.replaceAll(' ', '\u2581'))].filter((c) => c.codePointAt(0) < 0x3000 && c.codePointAt(0) > 31));
const markedMerges = learn(marked.flatMap((w) => w.join('').split(/(?=(?<!\u2581)\u2581)/u).map((s) => [...s])), 400);
const byteTokens = Array.from({ length: 256 }, (_, b) => '<0x' + b.toString(16).toUpperCase().padStart(2, '0') + '>');
const characters = [...new Set(marked.flat())].filter((c) => c.charCodeAt(0) < 0x500 || c === '\u2581').sort();
const usable = markedMerges.filter((m) => [...m.join('')].every((c) => characters.includes(c)));
const markedVocabulary = (withBytes) => Object.fromEntries(['<unk>', '<s>', '</s>', ...(withBytes ? byteTokens : []), ...characters, ...new Set(usable.map((m) => m.join('')))].map((t, i) => [t, i]));
const sentencePieceTokens = [added(0, '<unk>'), added(1, '<s>'), added(2, '</s>')];
const sentencePieceDecoder = { type: 'Sequence', decoders: [{ type: 'Replace', pattern: { String: '\u2581' }, content: ' ' }, { type: 'ByteFallback' }, { type: 'Fuse' }, { type: 'Strip', content: ' ', start: 1, stop: 0 }] };

// ---- tokenizers
const files = {
  neox: byteFile(byteLevel(true), { normalizer: { type: 'NFC' }, added_tokens: [...endoftext, ...spaceRuns] }),
  llama3: byteFile(sequence(split(llama3), byteLevel(false)), {
    model: byteModel({ ignore_merges: true }),
    post_processor: { type: 'Sequence', processors: [byteLevel(true), { type: 'TemplateProcessing', single: [{ SpecialToken: { id: '<|endoftext|>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }], pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }], special_tokens: { '<|endoftext|>': { id: '<|endoftext|>', ids: [size], tokens: ['<|endoftext|>'] } } }] },
  }),
  granite: byteFile(sequence(split(llama3, 'Removed', true), byteLevel(false))),
  qwen2: byteFile(sequence(split(llama3.replace('{1,3}', '')), byteLevel(false)), { normalizer: { type: 'NFC' } }),
  tekken: byteFile(sequence(split(tekken), byteLevel(false)), { model: byteModel({ ignore_merges: true }) }),
  'deepseek-llm': byteFile(sequence(split('[\r\n]'), split(letters), split(punctuation), split('\\s+$'), split(ideographs), digits(true), byteLevel(false))),
  'deepseek-coder': byteFile(sequence(split('[\r\n]'), split('\\s?\\p{L}+'), split('\\s?\\p{P}+'), split(ideographs), digits(true), byteLevel(false))),
  falcon: byteFile(sequence({ type: 'Punctuation', behavior: 'Contiguous' }, byteLevel(true), digits(false), split('[0-9][0-9][0-9]'))),
  starcoder: byteFile(sequence(digits(true), byteLevel(true))),
  default: byteFile(sequence(split('[\\p{P}$+<=>^~|]+'), split(gpt2), digits(false), split('[0-9][0-9][0-9]'), byteLevel(false))),
  'prefix-space': byteFile(byteLevel(true, true)),
  'sentencepiece': { version: '1.0', truncation: null, padding: null, added_tokens: sentencePieceTokens, normalizer: { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: '\u2581' }, { type: 'Replace', pattern: { String: ' ' }, content: '\u2581' }] }, pre_tokenizer: null, post_processor: null, decoder: sentencePieceDecoder, model: bpe(markedVocabulary(true), usable, { unk_token: '<unk>', fuse_unk: true, byte_fallback: true }) },
  'metaspace-first': { version: '1.0', truncation: null, padding: null, added_tokens: sentencePieceTokens, normalizer: null, pre_tokenizer: { type: 'Metaspace', replacement: '\u2581', prepend_scheme: 'first', split: false }, post_processor: null, decoder: sentencePieceDecoder, model: bpe(markedVocabulary(true), usable, { unk_token: '<unk>', fuse_unk: true, byte_fallback: true }) },
  'metaspace-always': { version: '1.0', truncation: null, padding: null, added_tokens: sentencePieceTokens, normalizer: null, pre_tokenizer: { type: 'Metaspace', replacement: '\u2581', prepend_scheme: 'always', split: true }, post_processor: null, decoder: { type: 'Metaspace', replacement: '\u2581', prepend_scheme: 'always', split: true }, model: bpe(markedVocabulary(false), usable, { unk_token: '<unk>', fuse_unk: true }) },
  'unknown-apart': { version: '1.0', truncation: null, padding: null, added_tokens: sentencePieceTokens, normalizer: { type: 'Sequence', normalizers: [{ type: 'NFKD' }, { type: 'StripAccents' }, { type: 'Lowercase' }, { type: 'Strip', strip_left: true, strip_right: false }, { type: 'Replace', pattern: { Regex: '\\s+' }, content: '\u2581' }] }, pre_tokenizer: { type: 'Metaspace', replacement: '\u2581', prepend_scheme: 'never', split: true }, post_processor: null, decoder: { type: 'Metaspace', replacement: '\u2581', prepend_scheme: 'never', split: true }, model: bpe(markedVocabulary(false), usable, { unk_token: '<unk>' }) },
  'words-nfkc': byteFile(sequence({ type: 'Whitespace' }, { type: 'Punctuation', behavior: 'MergedWithPrevious' }, split('o', 'MergedWithNext'), byteLevel(false)), { normalizer: { type: 'NFKC' } }),
  'bert-nfd': byteFile(sequence({ type: 'BertPreTokenizer' }, { type: 'Split', pattern: { String: 'es' }, behavior: 'MergedWithPrevious', invert: false }, { type: 'CharDelimiterSplit', delimiter: '-' }, digits(false), byteLevel(false)), { normalizer: { type: 'NFD' } }),
  'added-flags': byteFile(byteLevel(true), {
    normalizer: { type: 'Lowercase' },
    added_tokens: [...endoftext, ...numbered([['best', { single_word: true }], ['TIMES', { normalized: true }], ['b', { single_word: true, lstrip: true, rstrip: true }], ['世界', { lstrip: true }], ['ho', {}], ['Hello', {}], ['👍', { rstrip: true }], ['ǅ', { normalized: true }]])],
  }),
};
for (const [name, file] of Object.entries(files)) {
  write(`${name}.tokenizer.json`, file);
  const tokenizer = tokenizers.Tokenizer.fromString(JSON.stringify(file));
  const goldens = [];
  for (const text of texts) {
    const ids = (await tokenizer.encode(text, null, { addSpecialTokens: false })).getIds();
    goldens.push({ ids, decoded: await tokenizer.decode(ids, false), decoded_skip_special: await tokenizer.decode(ids, true) });
  }
  write(`${name}.golden.json`, goldens);
  console.log(name, texts.length, Object.keys(file.model.vocab).length);
}
