#pragma once

#include <filesystem>

#include "data/store/store.h"

namespace fgm {

enum class CifarSplit { kTrain, kTest };

// The store's contents of CIFAR-10's binary version (cifar-10-batches-bin: records of a label and 3072 bytes, red,
// green and blue planes of 32 x 32; https://www.cs.toronto.edu/~kriz/cifar.html): 50,000 training images of
// data_batch_1.bin to data_batch_5.bin, or the 10,000 of test_batch.bin, each with its class's name as caption. IoError
// naming the file that is missing, cut short, or holds a label that is no class.
StoreContents read_cifar10(const std::filesystem::path& folder, CifarSplit split);

}  // namespace fgm
