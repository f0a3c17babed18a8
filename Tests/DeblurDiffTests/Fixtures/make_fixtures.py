#!/usr/bin/env python3
"""Makes the expected numbers beside this file with PyTorch 2.13 (CPU), NumPy, regex and ftfy: python3 make_fixtures.py

Floats are written as the integers that have the same bits, so that nothing is lost in decimal.
"""
import fractions
import gzip
import html.entities
import json
import math
import pathlib

import ftfy
import numpy as np
import regex
import torch
import torch.nn.functional as F

FOLDER = pathlib.Path(__file__).parent


def bits(values):
    return [int(v) for v in np.asarray(values, dtype=np.float32).reshape(-1).view(np.uint32)]


def summary(values):
    """All of a short list; the ends and the sum of the bits of a long one."""
    all_bits = bits(values)
    return {"count": len(all_bits), "first": all_bits[:20], "last": all_bits[-20:], "sum": sum(all_bits)}


def save(name, value):
    (FOLDER / name).write_text(json.dumps(value, separators=(",", ":")) + "\n")


def random_numbers():
    result = []
    for seed in (231, 12345678901234567):
        torch.manual_seed(seed)
        sizes = [1, 5, 15, 16, 17, 31, 3, 1000, 7, 4 * 64 * 64, 2]
        result.append({"seed": seed, "calls": [summary(torch.randn(n).numpy()) for n in sizes]})
    save("random_numbers.json", result)


def timesteps(steps):
    """As the released code has it: the stride is added up in float64, and halves go to the even number."""
    kept, current = [], 0.0
    for _ in range(steps):
        kept.append(round(current))
        current += 999 / max(steps - 1, 1)
    return kept


def timesteps_apart():
    """For each number of steps the [index, timestep] that are not the exact multiple of the stride, rounded."""
    result = {}
    for steps in range(2, 1001):
        exact = [round(fractions.Fraction(999 * k, steps - 1)) for k in range(steps)]
        apart = [[k, t] for k, (t, e) in enumerate(zip(timesteps(steps), exact)) if t != e]
        if apart:
            result[steps] = apart
    save("timesteps.json", result)


def schedule(steps):
    betas = np.linspace(0.00085**0.5, 0.0120**0.5, 1000, dtype=np.float64) ** 2
    full = np.cumprod(1.0 - betas)
    kept = timesteps(steps)
    betas, previous = [], 1.0
    for t in kept:
        betas.append(1 - full[t] / previous)
        previous = full[t]
    betas = np.array(betas)
    acp = np.cumprod(1.0 - betas)
    before = np.append(1.0, acp[:-1])
    return {
        "steps": steps,
        "timesteps": kept,
        "a": summary(np.sqrt(1.0 / acp)),
        "b": summary(np.sqrt(1.0 / acp - 1)),
        "variance": summary(betas * (1.0 - before) / (1.0 - acp)),
        "c1": summary(betas * np.sqrt(before) / (1.0 - acp)),
        "c2": summary((1.0 - before) * np.sqrt(1.0 - betas) / (1.0 - acp)),
        "alphasCumulative": summary(full),
    }


def image(seed, height, width):
    torch.manual_seed(seed)
    return torch.randn(1, 3, height, width)


def statistics(x):
    x = x.reshape(1, 3, -1)
    return x.mean(2).reshape(1, 3, 1, 1), (x.var(2) + 1e-5).sqrt().reshape(1, 3, 1, 1)


def color_fix():
    # The image is the decoder's output brought to [0, 1], with some values outside.
    x, reference = image(3, 12, 17) * 0.4 + 0.6, (image(4, 12, 17) * 0.2 + 0.4).clamp(0, 1)
    (mx, sx), (mr, sr) = statistics(x), statistics(reference)
    fixed = (x - mx) / sx * sr + mr
    samples = (fixed * 255.0).clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).reshape(-1)
    save("color_fix.json", {"fixed": bits(fixed), "samples": samples.tolist()})


def low_frequencies():
    x = image(5, 11, 37)
    kernel = (torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16)[None, None].repeat(3, 1, 1, 1)
    for radius in (1, 2, 4, 8, 16):
        x = F.conv2d(F.pad(x, (radius,) * 4, mode="replicate"), kernel, groups=3, dilation=radius)
    save("low_frequencies.json", bits(x))


def gaussian_weights(height, width):
    def probabilities(count, middle):
        return [math.exp(-(i - middle) ** 2 / count**2 / 0.02) / math.sqrt(0.02 * math.pi) for i in range(count)]

    return np.outer(probabilities(height, height / 2), probabilities(width, (width - 1) / 2))


def tiles():
    x, size, step = image(6, 13, 22), 8, 5
    weights = torch.tensor(gaussian_weights(size, size), dtype=torch.float32)
    total, count = torch.zeros_like(x), torch.zeros_like(x)
    ys, xs = ([*range(0, n - size + 1, step)] for n in x.shape[2:])
    ys += [13 - size] if (13 - size) % step else []
    xs += [22 - size] if (22 - size) % step else []
    windows = [(i, j) for i in ys for j in xs]
    for k, (i, j) in enumerate(windows):
        total[:, :, i : i + size, j : j + size] += (x[:, :, i : i + size, j : j + size] + k) * weights
        count[:, :, i : i + size, j : j + size] += weights
    save("tiles.json", {"weights": bits(gaussian_weights(5, 7)), "windows": windows, "blended": bits(total / count)})


MERGES = """t h|i n|a n|th e</w>|b l|u r|bl ur|r e|o f</w>|' s</w>|' t</w>|d o|do n|e r|an d</w>|p h|o t|ph ot|phot o</w>|a s|as t|r o|n a|ast ro|
c a|ca f|Ã ©|Ã ©</w>|caf Ã©</w>|! !</w>|! !|( (|s h|sh a|r p|sha rp</w>|l l|' ll</w>|. .|.. .</w>|Â ¡</w>|1 2|l o|lo w|o w|lo w</w>|q u|a l|al i|
it y</w>|t y</w>|i ty</w>|qu ali|quali ty</w>|Ï Ĥ</w>|Ï ĥ|Ð °|ð Ł|ðŁ ĺ|ðŁĺ Ģ</w>|a a|aa aa|aa a</w>|s s|Ì ģ</w>|f f|ff i"""

PROMPTS = [
    "", "  \t\n ", "the blur", "The BLUR of the photo", "don't we'll it's they've I'm you'd you're", "'s 'twas ''s", "café CAFÉ cafe\u0301",
    "12 123 ½ Ⅷ ²", "sharp!! ((photo)) ...", "low quality, blurry, low-resolution, noisy, unsharp, weird textures",
    "a sharp photo of an astronaut, 4k, don't blur!", "fish &amp; chips &lt;b&gt; &amp;amp;amp; &eacute &copy2020 &#39;s &#x1F600; &nosuch; &amp",
    "“curly” ‘quotes’ don’t", "ﬁne ﬀ ｆｕｌｌ　ｗｉｄｔｈ", "ΟΔΟΣ σας ΣΑ", "İstanbul STRASSE ß", "привет 你好 😀 👩‍🚀 é́", "x<start_of_text>y<end_of_text> <end_of_text>",
    "!'s !!'t a'b", "aaaaaaaaaaaaaaa aaaa aaa aa a", "tab\tand\u00a0nbsp\u2003em\u200bzero", "a_b-c+d=e\\f/g", "\x07bell\x1f", "¡hola!",
    "word " * 100, "antidisestablishmentarianism" * 20, "< &lt; &amp;lt;", "qualityquality quality the the", "naïve façade Ångström",
]


# What ftfy puts right, beyond the prompts above.
BROKEN = [
    "donâ€™t", "â€œquotedâ€\x9d", "doesn\u00e2\u0080\u0099t", "Ã©tÃ©", "schÃ¶n", "sÃ³", "voilÃ  le travail", "voilÃ le travail", "Ã la mode", "Â© 2024", "10Â°C", "5Â £",
    "a â€” b â€“ c â€¦", "Ð¿Ñ€Ð¸Ð²ÐµÑ‚ Ð¼Ð¸Ñ€", "æ—¥æœ¬èªž", "ðŸ˜€ smile", "cÅ“ur", "Å¡koda", "Ä‘akovo", "naÃ¯ve â€” cafÃ© “fine”", "fine “quotes” and cafÃ©",
    "FranÃƒÂ§ois", "donÃ¢â‚¬â„¢t", "l\x92amour \x85 \x93x\x94", "\x80 5", "VOILÀ… CAFÉ™ CAFÉ” «CAFÉ» CAFÉ— ÜBER—", "Ã", "Â", "a Â b", "é”…", "déjà vu à la carte", "Ø²Ø±",
    "GRÖSSE Ö‘ „Ö‘ ‚Ü‘", "×©×œ×•×", "100 €50 £20 ¥3 ½", "ÂµÂ²", "IÃ±tÃ«rnÃ¢tiÃ´nÃ lizÃ¦tiÃ¸n", "(â˜žï¾Ÿãƒ®ï¾Ÿ)â˜ž", "ã\x83\x84",
    "&EACUTE;t&EACUTE; &eacute;t&Eacute; &SZLIG; &nTILDE; &FRAC12; &NOTIT;", "&#150; &#x80; &#129; &#0; &#xD800; &#1114112; &#59; &#38;lt; &#xyz; &# &#;",
    "&rarr;&larr;&forall;&CounterClockwiseContourIntegral;&NotEqualTilde;&hearts;", "&notit; &notin; &copyright &ampamp; &ampampamp; &amp;copy", "a <b> &rarr; &Eacute &eacute;",
    "plain &rarr;\n<b> &rarr; &amp;rarr;\n&rarr;", "&Atilde;&copy;t&Atilde;&copy;", "&acirc;&euro;&trade;", "\x1b[31mred\x1b[0m \x1b[1;4;36mx\x1b[ y \x1b]0;t\x07 \x1b[2", "&#27;[31mred",
    "a\r\nb\rc\u2028d\u2029e\u0085f", "\ufeffbom \ufffa\ufffc\u206a", "a\u0308 A\u030a", "ŉ ǅ ĳ ﬆ",
]
NAMES = " ".join("&" + name for name in sorted(html.entities.html5) if name.endswith(";"))

SENTENCES = [
    "a sharp photograph of a castle", "une forêt enneigée près de l’église, où le cœur s’éveille à Noël", "ein schöner Straßenzug, größer als München — „müde“",
    "el niño comió piñas mañana ¿verdad? ¡sí!", "às três horas, o avião não é seu coração", "příliš žluťoučký kůň úpěl ďábelské ódy", "zażółć gęślą jaźń", "árvíztűrő tükörfúrógép",
    "İstanbul’da güneşli bir gün, şık çiçekler", "съешь ещё этих мягких французских булок", "η γρήγορη αλεπού πηδά", "日本の古い写真、とても綺麗", "一张清晰的照片", "선명한 사진", "صورة واضحة جدا",
    "תמונה חדה מאוד", "ภาพถ่ายที่คมชัด", "smile 😀 and 👩‍🚀 — ok™", "20 °C · 5 µm ± ½ × 3²", "«Œuvre» – naïveté… ÉCOLE À CÔTÉ", "søt blåbærsyltetøy på brød", "SŁOWO ŻÓŁW", "ÜBERGRÖSSE “ÄÖÜ”",
]


def misread(text, times, codec):
    """The text as it looks after its UTF-8 was read as another encoding."""
    for _ in range(times):
        text = "".join(bytes([b]).decode(codec) if codec == "latin-1" or b not in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else chr(b) for b in text.encode())
    return text


def clean(text):
    text = html.unescape(html.unescape(ftfy.fix_text(text))).strip()
    return regex.sub(r"\s+", " ", text).strip().lower()


def prompt_texts():
    texts = PROMPTS + BROKEN + [NAMES] + SENTENCES
    for sentence in SENTENCES:
        texts += [misread(sentence, times, codec) for times in (1, 2) for codec in ("cp1252", "latin-1")]
    # Misread words among right ones: of these ftfy leaves some as they are, which are repaired here.
    for sentence in [s for s in SENTENCES if not s.startswith(("příliš", "İst", "smile", "«Œ", "søt"))]:
        words = sentence.split(" ")
        texts.append("“so” ’tis " + " ".join(misread(w, 1, "cp1252") if i % 2 else w for i, w in enumerate(words)))
    save("prompt_texts.json", [[text, clean(text)] for text in dict.fromkeys(texts)])


class Reference:
    """OpenCLIP's tokenizer, for any merges."""

    def __init__(self, merges):
        printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
        others = [b for b in range(256) if b not in printable]
        self.bytes = {b: chr(b) for b in printable} | {b: chr(256 + i) for i, b in enumerate(others)}
        vocabulary = list(self.bytes.values())
        vocabulary += [v + "</w>" for v in vocabulary]
        vocabulary += ["".join(m) for m in merges] + ["<start_of_text>", "<end_of_text>"]
        self.ids = dict(zip(vocabulary, range(len(vocabulary))))
        self.ranks = dict(zip(merges, range(len(merges))))
        self.pattern = regex.compile(
            r"<start_of_text>|<end_of_text>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+", regex.IGNORECASE)

    def merge(self, token):
        if token in ("<start_of_text>", "<end_of_text>"):
            return [token]
        word = [*token[:-1], token[-1] + "</w>"]
        while len(word) > 1:
            pair = min(zip(word, word[1:]), key=lambda p: self.ranks.get(p, math.inf))
            if pair not in self.ranks:
                break
            merged, i = [], 0
            while i < len(word):
                if i + 1 < len(word) and (word[i], word[i + 1]) == pair:
                    merged.append(word[i] + word[i + 1])
                    i += 2
                else:
                    merged.append(word[i])
                    i += 1
            word = merged
        return word

    def encode(self, text, length=77):
        text = clean(text)
        ids = [self.ids["<start_of_text>"]]
        for token in self.pattern.findall(text):
            ids += [self.ids[s] for s in self.merge("".join(self.bytes[b] for b in token.encode()))]
        return ids[: length - 1] + [self.ids["<end_of_text>"]]


def tokens():
    merges = [tuple(m.split()) for m in MERGES.replace("\n", "").split("|")]
    # Only merges of earlier symbols are valid; the others are there to be left out.
    known, valid = set(Reference([]).ids), []
    for pair in merges:
        if pair[0] in known and pair[1] in known:
            valid.append(pair)
            known.add("".join(pair))
    reference = Reference(valid)
    text = "\n".join(["#version: 0.2"] + [" ".join(m) for m in valid]) + "\n"
    cases = [{"prompt": p, "tokens": reference.encode(p)} for p in PROMPTS]
    save("tokens.json", {"merges": text, "mergeCount": len(valid), "cases": cases})


if __name__ == "__main__":
    random_numbers()
    save("schedules.json", [schedule(n) for n in (1, 2, 3, 4, 10, 21, 50, 1000)])
    timesteps_apart()
    color_fix()
    low_frequencies()
    tiles()
    tokens()
    prompt_texts()
    (FOLDER / "bomb.gz").write_bytes(gzip.compress(b"\n" * (17 << 20), mtime=0))
