fgm_add_test(core/io/file_test DEPS fgm::file)
fgm_add_test(core/io/png_test DEPS fgm::png PNG::PNG)
