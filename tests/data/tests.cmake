fgm_add_test(data/store/store_test DEPS fgm::store)
fgm_add_test(data/store/store_layout_test DEPS fgm::store fgm::hdf5)
fgm_add_test(data/store/store_writer_test DEPS fgm::store)
