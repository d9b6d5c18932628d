"""Makes sd3_text/, a whole StableDiffusion3Pipeline in small, and sd3_text.safetensors, what its text encoders compute.

    pip install torch==2.11.0 transformers==5.24.0 diffusers==0.42.1 sentencepiece protobuf safetensors numpy xxhash
    OMP_NUM_THREADS=1 python tests/golden/make_text_golden.py tests/golden/sd3_text

The pipeline saves itself, with T5 in shards. transformers 5 leaves a tokenizer.json alone in each tokenizer's folder;
merges.txt with vocab.json and spiece.model, which released folders hold, are put beside it. The vocabularies are
learnt from the sentences below. Weights are golden_random.py's.

sd3_text.safetensors holds, for the prompts of its metadata, `ids.clip_l`, `ids.clip_g` and `ids.t5.T` for T = 77, 154
and 256 tokens; encode_prompt()'s `prompt_embeds.T` (whole for 77; for 154 and 256 every 7th row of those that are T5's, of
the first prompt) and `pooled_prompt_embeds`; `unprojected`, CLIP-L's pooled state without a projection; `buckets`, T5's
buckets of the distances -299 to 299; and `clamped`, every 7th of T5's 77 rows in float16 with an attention that
overflows.
"""

import collections
import io
import json
import pathlib
import sys

import sentencepiece
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel, StableDiffusion3Pipeline
from safetensors.torch import save_file
from transformers import (CLIPTextConfig, CLIPTextModelWithProjection, CLIPTokenizer, T5Config, T5EncoderModel,
                          T5Tokenizer)
from transformers.models.t5.modeling_t5 import T5Attention

import make_mmdit_golden
import make_pipeline_golden
from golden_random import draw_parameter

SENTENCES = """
a photograph of a small red house by the river in the morning
two dogs run over a green meadow while it rains
an oil painting of a lighthouse on a rock, waves and a stormy sky
the portrait of an old woman with a blue scarf, soft light from the left
a glass of water and three lemons on a wooden table
a city street at night, neon signs and their reflections on wet asphalt
the inside of a library with high shelves, warm lamps and a sleeping cat
an astronaut riding a white horse through a field of sunflowers
a map of an island that does not exist, drawn with ink on yellow paper
mountains under snow, a wooden bridge, and a red train that crosses it
a bowl of soup with bread, seen from above
a child's drawing of a dragon and a castle: it's purple, they're orange
""".strip().split("\n")
PROMPTS = ["a red dog by the lighthouse, it's raining!", "two cats and a blue bridge at night " + "in the city " * 40]
NUM_MERGES = 200
NUM_PIECES = 130
OVERFLOW = 2e5

CLIP_L = dict(hidden_size=24, num_attention_heads=3, num_hidden_layers=3, intermediate_size=48, projection_dim=24,
              hidden_act="quick_gelu", bos_token_id=0, eos_token_id=2, pad_token_id=1)
CLIP_G = dict(hidden_size=32, num_attention_heads=2, num_hidden_layers=4, intermediate_size=64, projection_dim=32,
              hidden_act="gelu", pad_token_id=1)
T5 = dict(d_model=64, d_kv=12, num_heads=4, num_layers=3, d_ff=96, feed_forward_proj="gated-gelu",
          tie_word_embeddings=False)
TRANSFORMER = make_pipeline_golden.TRANSFORMER | dict(joint_attention_dim=64, pooled_projection_dim=56)


def byte_symbols():
    """GPT-2's printable stand-in of each byte, in the order of CLIP's vocabulary."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + i) for i in range(len(others))]


def learn_merges(count):
    words = collections.Counter(word for sentence in SENTENCES for word in sentence.replace(",", " ,").split())
    splits = {word: [*word[:-1], word[-1] + "</w>"] for word in words}
    merges = []
    while len(merges) < count:
        pairs = collections.Counter()
        for word, number in words.items():
            for pair in zip(splits[word], splits[word][1:]):
                pairs[pair] += number
        best = max(sorted(pairs), key=lambda pair: pairs[pair])
        merges.append(best)
        for word, symbols in splits.items():
            merged = []
            for symbol in symbols:
                if merged and (merged[-1], symbol) == best:
                    merged[-1] += symbol
                else:
                    merged.append(symbol)
            splits[word] = merged
    return merges


def write_clip_vocabulary(folder):
    folder.mkdir(parents=True, exist_ok=True)
    merges = learn_merges(NUM_MERGES)
    symbols = byte_symbols()
    symbols += [symbol + "</w>" for symbol in symbols] + ["".join(pair) for pair in merges]
    symbols += ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {symbol: i for i, symbol in enumerate(symbols)}
    assert len(vocabulary) == len(symbols)
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False) + "\n")
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    return len(vocabulary)


def write_pieces(folder):
    """A sentencepiece model with the normalisation of a few characters only: all of NFKC would be 240 kB."""
    folder.mkdir(parents=True, exist_ok=True)
    rules = folder / "rules.tsv"
    pairs = {"\ufb01": "fi", "\u00a0": " ", "\t": " ", "\n": " ", "\u2026": "..."} | {
        chr(0xFEE0 + ord(letter)): letter for letter in map(chr, range(33, 127))}
    rules.write_text("".join("{}\t{}\n".format(*(" ".join(f"{ord(c):X}" for c in text) for text in pair))
                             for pair in pairs.items()))
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES * 4), model_writer=model, vocab_size=NUM_PIECES, model_type="unigram",
        pad_id=0, eos_id=1, unk_id=2, bos_id=-1, pad_piece="<pad>", normalization_rule_tsv=str(rules), num_threads=1,
        minloglevel=2)
    rules.unlink()
    (folder / "spiece.model").write_bytes(model.getvalue())


@torch.no_grad()
def fill(case, model):
    """Embeddings are larger than what the layers add; T5's q holds what other attentions divide by.

    bfloat16 holds every value, so that its error is that of the arithmetic.
    """
    for name, parameter in model.named_parameters():
        value = draw_parameter(case, name, parameter.shape)
        if "embedding" in name or name == "shared.weight":
            value *= 4.0
        elif name.split(".")[-2] in ("out_proj", "fc2", "o", "wo"):
            value *= 0.5
        elif "SelfAttention.q" in name:
            value *= model.config.d_kv**-0.5
        elif "relative_attention_bias" in name:
            value *= 2.0
        parameter.copy_(value.bfloat16())
    return model.eval()


def make_transformer():
    model = SD3Transformer2DModel(**TRANSFORMER)
    make_mmdit_golden.fill("transformer", make_mmdit_golden.parameters(model, make_mmdit_golden.modules(TRANSFORMER)))
    with torch.no_grad():
        model.pos_embed.pos_embed.copy_(draw_parameter("transformer", "pos_embed", model.pos_embed.pos_embed.shape))
    return model


def make_pipeline(folder):
    """Writes the vocabularies into `folder`, where the tokenizers are opened."""
    vocab_size = max(write_clip_vocabulary(folder / name) for name in ("tokenizer", "tokenizer_2"))
    write_pieces(folder / "tokenizer_3")
    end = "<|endoftext|>"
    clip = dict(model_max_length=77, unk_token=end, bos_token="<|startoftext|>", eos_token=end)
    of_clip = dict(vocab_size=vocab_size)
    of_clip_g = dict(bos_token_id=vocab_size - 2, eos_token_id=vocab_size - 1)
    return StableDiffusion3Pipeline(
        transformer=make_transformer(), vae=make_pipeline_golden.make_vae(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        text_encoder=fill("clip_l", CLIPTextModelWithProjection(CLIPTextConfig(**CLIP_L | of_clip))),
        text_encoder_2=fill("clip_g", CLIPTextModelWithProjection(CLIPTextConfig(**CLIP_G | of_clip | of_clip_g))),
        text_encoder_3=fill("t5", T5EncoderModel(T5Config(**T5, vocab_size=NUM_PIECES + 120))),
        tokenizer=CLIPTokenizer.from_pretrained(folder / "tokenizer", **clip, pad_token=end),
        tokenizer_2=CLIPTokenizer.from_pretrained(folder / "tokenizer_2", **clip, pad_token="!"),
        tokenizer_3=T5Tokenizer.from_pretrained(folder / "tokenizer_3", model_max_length=512))


def save(pipeline, folder):
    pipeline.save_pretrained(folder)
    whole = folder / "text_encoder_3" / "model.safetensors"
    whole.unlink()
    pipeline.text_encoder_3.save_pretrained(whole.parent, max_shard_size="150KB")


def ids_of(tokenizer, prompts, length):
    return tokenizer(prompts, padding="max_length", max_length=length, truncation=True, return_tensors="pt").input_ids


def encode(pipeline, prompts, length):
    embeds, _, pooled, _ = pipeline.encode_prompt(prompts, None, None, do_classifier_free_guidance=False,
                                                  max_sequence_length=length)
    return embeds, pooled


@torch.no_grad()
def overflowing(folder, ids):
    model = T5EncoderModel.from_pretrained(folder, dtype=torch.float16)
    first, second = model.encoder.block[0].layer
    assert second.DenseReluDense.wo.weight.dtype == torch.float32
    first.SelfAttention.o.weight.mul_(OVERFLOW)
    assert first(model.shared(ids))[0].isinf().any()
    return model(ids).last_hidden_state[:, ::7].float()


@torch.no_grad()
def golden_values(pipeline):
    values = {"ids.clip_l": ids_of(pipeline.tokenizer, PROMPTS, 77),
              "ids.clip_g": ids_of(pipeline.tokenizer_2, PROMPTS, 77)}
    values |= {f"ids.t5.{length}": ids_of(pipeline.tokenizer_3, PROMPTS, length) for length in (77, 154, 256)}
    values["prompt_embeds.77"], values["pooled_prompt_embeds"] = encode(pipeline, PROMPTS, 77)
    for length in (154, 256):
        values[f"prompt_embeds.{length}"] = encode(pipeline, PROMPTS[:1], length)[0][:, 77::7]
    values["unprojected"] = pipeline.text_encoder.text_model(values["ids.clip_l"]).pooler_output
    values["buckets"] = T5Attention._relative_position_bucket(torch.arange(-299, 300))
    return {key: value.contiguous() for key, value in values.items()}


if __name__ == "__main__":
    out = pathlib.Path(sys.argv[1])
    whole_pipeline = make_pipeline(out)
    save(whole_pipeline, out)
    values = golden_values(whole_pipeline)
    values["clamped"] = overflowing(out / "text_encoder_3", values["ids.t5.77"])
    save_file(values, out.with_suffix(".safetensors"), {"prompts": json.dumps(PROMPTS)})
