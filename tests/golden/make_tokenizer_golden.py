"""Makes tests/golden/tokenizers.json, the values of tests/data/text, and the models in tests/fuzz/tokenizers, from
transformers' and sentencepiece's own tokenizers over the vocabularies in data/text/vocab. Made with transformers 5.24.0,
tokenizers 0.23.3, sentencepiece 0.2.3 and Python 3.11 (Unicode 14.0).

    pip install transformers==5.24.0 sentencepiece==0.2.3 protobuf
    python tests/golden/make_tokenizer_golden.py

Each line of the file is one text with its ids: of CLIP-L, of CLIP-G where they differ, and of T5, with the tokens that
begin and end a text and without padding. Behind texts by hand come random ones of characters that Unicode 3.2 had, whose
classes no version of ICU has otherwise.
"""

import json
import os
import random
import shutil
import tempfile
import unicodedata

import sentencepiece
from transformers import CLIPTokenizer, T5Tokenizer

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VOCABULARIES = os.path.join(ROOT, "data", "text", "vocab")
NUM_RANDOM = 400

TEXTS = """

A photo of a cat.
wow! a red-brick house!!
It's a DOG's life, they'll say we've won 'til 1984
photo of 12345 cats, 3.14x zoom
caf\u00e9
cafe\u0301
\u201ccurly quotes\u201d and \u2018apostrophes\u2019 \u2014 it\u2019s
\ufb01ne \ufb02ower \u2460 \uff12\uff10\uff12\uff14 \uff26\uff35\uff2c\uff2c
\u0130stanbul STRASSE Stra\u00dfe \u03a3\u038a\u03a3\u03a5\u03a6\u039f\u03a3
\u212aelvin '\u017f 'S
\u732b\u306e\u5199\u771f a cat
a\u00a0non-breaking\u2003em\u3000ideographic space
zero\u200bwidth\u200djoiner \ufeffBOM \u00adsoft
\U0001f469\u200d\U0001f680 astronaut \U0001f408\u200d\u2b1b \U0001f1e8\U0001f1ed \U0001f44d\U0001f3fd
sch\u00c3\u00b6n mojibake
<|startoftext|> trick <|endoftext|> tail
<|STARTOFTEXT|> <|ENDOFTEXT|>!! a<|EndOfText|>!b
na\u00efve co\u00f6peration \u00c6r\u00f8 \u0152uvre \u0110\u1ed7
\u0915\u0941\u0924\u094d\u0924\u093e \u0939\u093f\u0928\u094d\u0926\u0940 \u0e44\u0e17\u0e22 \u05e2\u05b4\u05d1\u05b0\u05e8\u05b4\u05d9\u05ea
x\u00b2+y\u00b3=\u00bd \u2122 \u00a9 \u2116 \u2103 \u00c5
\u00b2\u00b3\u00b9 \u0663 \u096b \u2167
</s> <pad> <unk> <extra_id_0> x<extra_id_99>y<extra_id_100>
\u02b3\u0311 \u00bd\u0336 e\u0302\u0301x e\u0336\u0301 \u2122\ufe0f \u2122\u0301 a\x85b
''s !'s 'LL <| |> http://example.org/a?b=c&amp;d
""".split("\n")[1:-1] + ["\0null\abell\x7fdel", "tab\tnewline\n\nand   spaces  ", "  ", "a" * 300, "word " * 200]

CLIP_TOKENS = {"49406": ("<|startoftext|>", True), "49407": ("<|endoftext|>", False)}


def clip_tokenizer(folder, pad, tokens):
    """The files of Stable Diffusion 3's tokenizer and tokenizer_2."""
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in visible]
    symbols = [chr(byte) for byte in visible] + [chr(256 + i) for i in range(len(others))]
    with open(os.path.join(VOCABULARIES, "clip_merges.txt"), encoding="utf-8") as file:
        merges = [line.split() for line in file.read().split("\n")[1:] if line]
    vocabulary = symbols + [s + "</w>" for s in symbols] + ["".join(m) for m in merges] + [t for t, _ in CLIP_TOKENS.values()]
    os.makedirs(folder)
    shutil.copy(os.path.join(VOCABULARIES, "clip_merges.txt"), os.path.join(folder, "merges.txt"))
    with open(os.path.join(folder, "vocab.json"), "w", encoding="utf-8") as file:
        json.dump({token: i for i, token in enumerate(vocabulary)}, file)
    decoder = {i: {"content": content, "lstrip": False, "normalized": normalized, "rstrip": False, "single_word": False,
                   "special": True} for i, (content, normalized) in tokens.items()}
    with open(os.path.join(folder, "tokenizer_config.json"), "w", encoding="utf-8") as file:
        json.dump({"added_tokens_decoder": decoder, "bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>",
                   "unk_token": "<|endoftext|>", "pad_token": pad, "tokenizer_class": "CLIPTokenizer"}, file)
    return CLIPTokenizer.from_pretrained(folder)


def random_texts(rng):
    old = unicodedata.ucd_3_2_0
    characters = [c for c in map(chr, range(0x20000)) if old.category(c) not in ("Cn", "Cs", "Co")
                  and old.combining(c) == unicodedata.combining(c)]
    weights = [1 / (1 + ord(c) // 128) for c in characters]
    words = "a photo of red Cat's they'll we've I'm you're 3d 1984 wow! !! <|endoftext|> </s> <extra_id_7> ''s".split()
    while True:
        pieces = [rng.choice(words) if rng.random() < 0.4 else "".join(rng.choices(characters, weights, k=rng.randint(1, 6)))
                  for _ in range(rng.randint(1, 8))]
        yield rng.choice(["", " ", " ", " "]).join(pieces)


def make_tiny_model(folder):
    """A model of a few pieces whose character map has a few rules, for the fuzzer."""
    os.chdir(folder)  # the model keeps the names of its files
    with open("text", "w", encoding="utf-8") as file:
        file.write("a photo of a red cat and a black cat\na cat on a photo\nthe cat\n" * 20)
    with open("rules", "w", encoding="utf-8") as file:
        file.write("41\t61\n42\t62\nFB01\t66 69\n65 301\tE9\nA0\t20\n")
    sentencepiece.SentencePieceTrainer.train(
        input="text", model_prefix="tiny", vocab_size=22, model_type="unigram",
        pad_id=0, eos_id=1, unk_id=2, bos_id=-1, normalization_rule_tsv="rules", minloglevel=2)
    shutil.copy("tiny.model", os.path.join(ROOT, "tests", "fuzz", "tokenizers", "t5", "spiece.model"))


def main():
    with tempfile.TemporaryDirectory() as folder:
        make_tiny_model(folder)
        clip_l = clip_tokenizer(os.path.join(folder, "l"), "<|endoftext|>", CLIP_TOKENS)
        clip_g = clip_tokenizer(os.path.join(folder, "g"), "!", {"0": ("!", False), **CLIP_TOKENS})
        os.makedirs(os.path.join(folder, "t5"))
        shutil.copy(os.path.join(VOCABULARIES, "t5_spiece.model"), os.path.join(folder, "t5", "spiece.model"))
        t5 = T5Tokenizer.from_pretrained(os.path.join(folder, "t5"))

    random_ones = random_texts(random.Random(1))
    texts = TEXTS + [next(random_ones) for _ in range(NUM_RANDOM)]
    lines = []
    for text in texts:
        entry = {"text": text, "clip_l": clip_l(text).input_ids, "clip_g": clip_g(text).input_ids, "t5": t5(text).input_ids}
        if entry["clip_g"] == entry["clip_l"]:
            del entry["clip_g"]
        lines.append(json.dumps(entry, separators=(",", ":")))
    with open(os.path.join(ROOT, "tests", "golden", "tokenizers.json"), "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
