fgm_add_tests(data/store
  SOURCES block_pool_test.cpp embedding_store_test.cpp embedding_writer_test.cpp for_each_row_test.cpp latent_writer_test.cpp
          merge_stores_test.cpp store_index_test.cpp positioned_file_test.cpp store_layout_test.cpp store_set_test.cpp
          store_test.cpp store_writer_test.cpp
  DEPS fgm::hdf5 fgm::store)
fgm_add_tests(data/sampler SOURCES bucket_shuffle_test.cpp epoch_shuffle_test.cpp mixture_order_test.cpp DEPS fgm::sampler)
fgm_add_tests(data/text SOURCES clip_tokenizer_test.cpp hashed_word_encoder_test.cpp label_encoder_test.cpp t5_tokenizer_test.cpp DEPS fgm::text)
fgm_add_tests(data/pipeline
  SOURCES damaged_batches_test.cpp patience_test.cpp prefetcher_test.cpp store_batch_source_test.cpp store_bench_test.cpp
  DEPS fgm::pipeline)

add_library(fgm_test_images STATIC data/import/encode_images.cpp)
target_include_directories(fgm_test_images PUBLIC "${PROJECT_SOURCE_DIR}")
target_link_libraries(fgm_test_images PUBLIC LibTorch::LibTorch PRIVATE fgm_flags JPEG::JPEG PNG::PNG PkgConfig::LCMS2)
fgm_add_tests(data/import
  SOURCES cifar10_test.cpp color_profile_test.cpp image_decoder_test.cpp idx_test.cpp import_cache_test.cpp pack_archives_test.cpp pack_images_test.cpp prompt_list_test.cpp square_resize_test.cpp
  DEPS fgm::import fgm::io fgm::shapes fgm_test_images LibArchive::LibArchive ZLIB::ZLIB)
