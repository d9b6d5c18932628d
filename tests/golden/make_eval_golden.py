"""Makes tests/golden/eval/, the values of tests/core/eval and of tests/core/io/npz_test.cpp, from numpy and scipy.

    pip install numpy scipy safetensors
    python tests/golden/make_eval_golden.py tests/golden/eval [efficientnet-lite0.safetensors]

frechet.safetensors: two sets of features and their distance by the formula of Heusel et al. (arXiv 1706.08500, eq. 6)
with scipy's matrix square root of the product of the covariances, as the public FID programs compute it.
efficientnet_lite.safetensors: a tiny EfficientNet-Lite with random weights, images and their features by a forward pass
in numpy, float64; with the second argument, made by launch/scripts/setup --eval-features, also Lite0's features.
stored.npz, deflated.npz: a mean and a covariance by numpy.savez and numpy.savez_compressed. dtypes.npz, refused_*.npz:
arrays of the dtypes that read_npz() takes, and of others. long_header.npz: an array's header of 4 MiB of blanks, which
no program writes.
"""

import struct
import sys
import zipfile

import numpy
import scipy.linalg
from safetensors.numpy import load_file, save_file

# kernel, stride, expansion, channels, blocks
TINY = (8, [(3, 1, 1, 4, 1), (5, 2, 3, 8, 2), (3, 2, 2, 12, 1)])
LITE0 = (32, [(3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2), (3, 2, 6, 80, 3), (5, 1, 6, 112, 3),
              (5, 2, 6, 192, 4), (3, 1, 6, 320, 1)])
SIDE = 128


def frechet(a, b):
    mean_a, mean_b = a.mean(0), b.mean(0)
    covariance_a, covariance_b = numpy.cov(a, rowvar=False), numpy.cov(b, rowvar=False)
    root = scipy.linalg.sqrtm(covariance_a @ covariance_b)
    return ((mean_a - mean_b)**2).sum() + numpy.trace(covariance_a + covariance_b - 2 * numpy.real(root))


def resize(x, axis):
    """Bilinear, half-pixel centres, edges repeated: from a side that is not larger."""
    size = x.shape[axis]
    place = numpy.clip((numpy.arange(SIDE) + 0.5) * size / SIDE - 0.5, 0, size - 1)
    low = numpy.floor(place).astype(int)
    high = numpy.minimum(low + 1, size - 1)
    share = (place - low).reshape([-1 if i == axis else 1 for i in range(x.ndim)])
    return numpy.take(x, low, axis) * (1 - share) + numpy.take(x, high, axis) * share


def conv(x, weight, stride):
    """[N, C, H, W], padded as TensorFlow's "same" does; depthwise where the weight has one input channel."""
    kernel, size = weight.shape[2], x.shape[2]
    out = -(-size // stride)
    pad = max(0, (out - 1) * stride + kernel - size)
    x = numpy.pad(x, ((0, 0), (0, 0), (pad // 2, pad - pad // 2), (pad // 2, pad - pad // 2)))
    y = 0
    for i in range(kernel):
        for j in range(kernel):
            part = x[:, :, i:i + stride * out:stride, j:j + stride * out:stride][:, :, :out, :out]
            tap = weight[:, :, i, j]
            y = y + (part * tap[:, 0, None, None] if tap.shape[1] == 1 else numpy.einsum("nchw,oc->nohw", part, tap))
    return y


def features(weights, config, images):
    def layer(x, name, norm, stride=1, active=True):
        x = conv(x, weights[name + ".weight"].astype(float), stride)
        gain, bias, mean, variance = (weights[f"{norm}.{part}"].astype(float)[:, None, None]
                                      for part in ("weight", "bias", "running_mean", "running_var"))
        x = (x - mean) / numpy.sqrt(variance + 1e-3) * gain + bias
        return numpy.clip(x, 0, 6) if active else x

    x = images.astype(float).transpose(0, 3, 1, 2)
    x = (resize(resize(x, 2), 3) - 127) / 128
    x = layer(x, "_conv_stem", "_bn0", 2)
    number = 0
    for _, stride, expand, channels, num_blocks in config[1]:
        for i in range(num_blocks):
            prefix = f"_blocks.{number}."
            y = layer(x, prefix + "_expand_conv", prefix + "_bn0") if expand != 1 else x
            y = layer(y, prefix + "_depthwise_conv", prefix + "_bn1", stride if i == 0 else 1)
            y = layer(y, prefix + "_project_conv", prefix + "_bn2", active=False)
            x = x + y if x.shape == y.shape else y
            number += 1
    return x.mean((2, 3))


def random_weights(rng, config):
    weights = {}

    def layer(name, norm, *shape):
        scale = (2 / numpy.prod(shape[1:]))**0.5
        weights[name + ".weight"] = rng.normal(0, scale, shape)
        for part, low, high in [("weight", 0.5, 1.5), ("bias", -0.5, 0.5), ("running_mean", -0.5, 0.5),
                                ("running_var", 0.5, 1.5)]:
            weights[f"{norm}.{part}"] = rng.uniform(low, high, shape[0])

    channels = config[0]
    layer("_conv_stem", "_bn0", channels, 3, 3, 3)
    number = 0
    for kernel, _, expand, out, num_blocks in config[1]:
        for _ in range(num_blocks):
            prefix, width = f"_blocks.{number}.", channels * expand
            if expand != 1:
                layer(prefix + "_expand_conv", prefix + "_bn0", width, channels, 1, 1)
            layer(prefix + "_depthwise_conv", prefix + "_bn1", width, 1, kernel, kernel)
            layer(prefix + "_project_conv", prefix + "_bn2", out, width, 1, 1)
            channels = out
            number += 1
    return {name: value.astype(numpy.float32) for name, value in weights.items()}


def write_long_header(path):
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (".ljust(1 << 22)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        info = zipfile.ZipInfo("mu.npy")
        info.compress_type = zipfile.ZIP_DEFLATED
        file.writestr(info, b"\x93NUMPY\x02\x00" + struct.pack("<I", len(header)) + header)


def write_dtypes(folder):
    names = ["float16", "float32", "float64", "int8", "uint8", "int16", "int32", "int64"]
    arrays = {name: numpy.array([0, 7], name) for name in names}
    numpy.savez(f"{folder}/dtypes.npz", **arrays, bool=numpy.array([False, True]))
    refused = {"big_endian": numpy.zeros(2, ">f8"), "complex": numpy.zeros(2, complex), "text": numpy.array(["a"]),
               "fortran": numpy.zeros((2, 3), order="F"), "object": numpy.array([None])}
    for name, array in refused.items():
        numpy.savez(f"{folder}/refused_{name}.npz", x=array)


if __name__ == "__main__":
    folder = sys.argv[1]
    rng = numpy.random.default_rng(1)
    a = rng.normal(size=(80, 12)) @ rng.normal(size=(12, 12))
    b = rng.normal(size=(90, 12)) @ rng.normal(size=(12, 12)) + 0.3
    save_file({"a": a, "b": b, "distance": numpy.array(frechet(a, b))}, f"{folder}/frechet.safetensors")

    mean, covariance = a.mean(0), numpy.cov(a, rowvar=False)
    numpy.savez(f"{folder}/stored.npz", mu=mean, sigma=covariance)
    numpy.savez_compressed(f"{folder}/deflated.npz", mu=mean, sigma=covariance)
    save_file({"mu": mean, "sigma": covariance}, f"{folder}/statistics.safetensors")
    write_long_header(f"{folder}/long_header.npz")
    write_dtypes(folder)

    images = rng.integers(0, 256, (2, 20, 24, 3), dtype=numpy.uint8)
    tensors = random_weights(rng, TINY)
    tensors["images"], tensors["features"] = images, features(tensors, TINY, images).astype(numpy.float32)
    if len(sys.argv) > 2:
        tensors["lite0.features"] = features(load_file(sys.argv[2]), LITE0, images).astype(numpy.float32)
    save_file(tensors, f"{folder}/efficientnet_lite.safetensors")
