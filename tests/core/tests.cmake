fgm_add_test(core/base/rng_test DEPS fgm::base)
