fgm_add_test(fuzz/safetensors_fuzz_test DEPS fgm::io)
fgm_add_test(fuzz/tokenizer_fuzz_test DEPS fgm::text)
fgm_add_test(fuzz/import_fuzz_test DEPS fgm::import fgm::io LibArchive::LibArchive)
