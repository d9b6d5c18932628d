fgm_add_test(fuzz/safetensors_fuzz_test DEPS fgm::io)
